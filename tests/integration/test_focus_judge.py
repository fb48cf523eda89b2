"""The FOCUS Foundation's validator finds nothing wrong with the exports, beyond the rules it gets wrong itself.

The validator lives in an environment of its own (Python 3.12, `focus-validator==2.2.1`, `pyarrow<26`), named by
FOCUS_JUDGE_PYTHON; `focus_judge.py` stands beside the sample data. Without them the tests are skipped.
"""

from __future__ import annotations

import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from reporting.focus_export import FocusFile, export_focus
from tests.integration.shared_data import SHARED_DATA, deliver, needs_shared_data
from tests.integration.tco_command import run_well, write_config
from tests.unit.reporting.focus_marts import publish

JUDGE = SHARED_DATA.parent / "tools" / "focus_judge.py"
PYTHON = os.environ.get("FOCUS_JUDGE_PYTHON", "")
BILLING = SHARED_DATA / "billing"
COSTROID = BILLING / "costroid"
AZURE = COSTROID / "azure-focus" / "fixture" / "devaccount" / "exports" / "costroid-demo"
COMPANIES = {
    "exports": {
        "aws_demo": "aws_data_exports",
        "azure": "focus_files",
        "gcp": "gcp_focus_export",
        "openai_main": "openai",
        "anthropic_main": "anthropic",
    },
    "files": {"aws_file": "focus_files", "plain": "focus_files", "anonymous": "focus_files"},
}
BILLED = {
    ("2024-09", "anonymous"): "20.28022672899",
    ("2024-10", "anonymous"): "0.24",
    ("2026-05", "aws_demo"): "32.7663",
    ("2026-06", "aws_demo"): "58.1679",
    ("2026-05", "aws_file"): "32.7663",
    ("2026-05", "azure"): "20.5",
    ("2026-06", "azure"): "12",
    ("2026-05", "gcp"): "3.123456789012345678",
    ("2026-06", "gcp"): "13",
    ("2026-05", "openai_main"): "139.7067890123456789",
    ("2026-06", "openai_main"): "52.6789",
    ("2026-05", "anthropic_main"): "117.845678",
    ("2026-06", "anthropic_main"): "92.005",
    ("2026-05", "plain"): "60.3",
    ("2026-06", "plain"): "60.5",
}

needs_judge = pytest.mark.skipif(
    not (PYTHON and JUDGE.is_file()),
    reason="no FOCUS validator: set FOCUS_JUDGE_PYTHON to a Python 3.12 that has focus-validator 2.2.1 and pyarrow < 26",
)
pytestmark = [needs_shared_data, needs_judge]


def verdicts(files: list[FocusFile]) -> dict[str, str]:
    """File name -> what the judge says of it, for the files it does not pass."""
    said = {}
    for file in files:
        command = [sys.executable, str(JUDGE), str(file.path), "--python", PYTHON]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            said[file.path.name] = done.stdout + done.stderr
    return said


def test_a_handful_of_special_charges_passes(tmp_path: Path) -> None:
    files = export_focus(publish(tmp_path / "published"), tmp_path / "out", is_ascii=True)
    assert verdicts(files) == {}


def test_a_wrong_file_does_not_pass(tmp_path: Path) -> None:
    (file, *_) = export_focus(publish(tmp_path / "published"), tmp_path / "out", is_ascii=True)
    duckdb.sql(f"create or replace table good as from '{file.path}'")
    duckdb.sql(f"copy (select * replace ('yes' as BilledCost) from good) to '{file.path}' (format parquet)")
    assert "FAIL BilledCost" in verdicts([file])[file.path.name]


def deliver_everything(folder: Path) -> None:
    """Every real delivery, each in the folder named after its source."""
    for state in ("fixture", "restated"):
        deliver(COSTROID / "aws-focus-s3" / state, folder / "aws_demo")
        deliver(COSTROID / "gcp-focus-bq" / state, folder / "gcp")
    deliver(COSTROID / "aws-focus-1.2" / "sample-export.csv.gz", folder / "aws_file" / "export.csv.gz")
    deliver(AZURE / "mtd-snapshot" / "current", folder / "azure" / "may")
    deliver(AZURE / "20260601-20260630" / "1a2b3c4d-5e6f-7089-9abc-def012345678", folder / "azure" / "june")
    for manifest in (folder / "azure").rglob("manifest.json"):
        manifest.unlink()
    deliver(COSTROID / "openai-cost" / "fixture", folder / "openai_main")
    deliver(COSTROID / "anthropic-cost" / "fixture", folder / "anthropic_main")
    deliver(COSTROID / "focus-csv", folder / "plain")
    (folder / "plain" / "focus-1.4-restated.csv").unlink()
    deliver(BILLING / "focus10_sample_1000.csv", folder / "anonymous" / "bill.csv")


@pytest.mark.parametrize("company", COMPANIES)
def test_every_real_delivery_passes_with_the_totals_of_its_manifest(tmp_path: Path, company: str) -> None:
    sources = COMPANIES[company]
    bodies = (f'name = "{name}"\ntype = "{kind}"\nlocation = "{name}"' for name, kind in sources.items())
    config = write_config(tmp_path, *bodies)
    deliver_everything(tmp_path)
    run_well(config)
    files = export_focus(tmp_path / "data" / "published", tmp_path / "focus")
    assert verdicts(files) == {}
    billed = {key: Decimal(amount) for key, amount in BILLED.items() if key[1] in sources}
    for kind in ("charges", "allocated"):
        sums = duckdb.sql(f"""
            select x_BillingPeriod, x_Source, sum(BilledCost)
            from read_parquet('{tmp_path}/focus/focus_1.2_{kind}_*.parquet') group by all
        """).fetchall()
        assert {(period, source): amount for period, source, amount in sums} == billed
