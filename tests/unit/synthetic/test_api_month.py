"""The clean month of APIs and its faults: repeatable, runnable, and never over somebody's folder."""

from __future__ import annotations

import csv
import hashlib
from decimal import Decimal
from pathlib import Path

import pytest

from ingest.errors import ConfigError
from ingest.settings import load_settings
from ingest.synthetic.api_month import write_api_month
from ingest.synthetic.faults import FAULTS
from orchestration.cli_sample import write_faulty_month

CAUSES = {
    "bypassed_traffic", "double_recorded_call", "cached_token_semantics", "hidden_tokens", "stale_price",
    "service_tier_or_batch", "failed_but_billed", "time_zone_cut", "fx", "rounding",
}  # fmt: skip


def hashes(folder: Path) -> dict[str, str]:
    """Relative path -> SHA-256 of every file."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_there_is_one_fault_for_each_cause():
    assert set(FAULTS) == CAUSES == {fault.cause for fault in FAULTS.values()}


def test_the_same_month_is_written_twice_the_same_and_a_fault_changes_only_what_it_is_in(tmp_path):
    clean = write_api_month(tmp_path / "a")
    assert write_api_month(tmp_path / "b").invoices == clean.invoices
    assert hashes(tmp_path / "a") == hashes(tmp_path / "b")
    faulty = write_api_month(tmp_path / "c", faults=[FAULTS["stale_price"]])
    before, after = hashes(tmp_path / "a"), hashes(tmp_path / "c")
    assert {name.split("/")[0] for name in before if before[name] != after[name]} == {"litellm"}
    assert faulty.injected[0] < 0 and faulty.invoices == clean.invoices


def test_a_faulty_month_is_a_company_of_its_own_with_its_invoices(tmp_path):
    lines = write_faulty_month(tmp_path / "co", ["fx", "none"], period="2026-10", seed=42)
    assert any(line.startswith("fx in anthropic: ") for line in lines)
    settings = load_settings(tmp_path / "co" / "tco.toml", require_paths=True)
    with (settings.seeds_dir / "allocation" / "invoices.csv").open(encoding="utf-8") as handle:
        invoices = {row["invoice_issuer_name"]: row for row in csv.DictReader(handle)}
    assert invoices["Anthropic"]["currency"] == "EUR" and Decimal(invoices["OpenAI"]["invoiced_amount"]) > 100
    with pytest.raises(ConfigError, match="not empty"):
        write_faulty_month(tmp_path / "co", ["fx"], period="2026-10", seed=42)
    with pytest.raises(ConfigError, match="no such fault"):
        write_faulty_month(tmp_path / "other", ["fxx"], period="2026-10", seed=42)
