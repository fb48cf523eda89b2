"""The command line: one clear message and the documented exit code for what can go wrong, and what status says."""

from __future__ import annotations

import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ingest.errors import ConfigError, GateError, TcoError, TransientError
from ingest.lake import Delivery, Lake, Landed, SourceFile
from ingest.settings import load_settings
from orchestration import cli
from orchestration.cli_output import Exit
from orchestration.cli_status import age, print_status
from orchestration.durable import write_record
from orchestration.publish.publisher import Provenance, publish
from orchestration.quality.results import GateReport, RuleResult
from orchestration.steps import limits_of
from tests.unit.orchestration.small_warehouse import change

FOCUS = """BillingAccountId,ChargeCategory,ChargePeriodStart,ChargePeriodEnd,BilledCost,EffectiveCost,ListCost,\
ContractedCost,BillingCurrency,BillingPeriodStart,BillingPeriodEnd
a,Usage,2026-03-01T00:00:00Z,2026-03-02T00:00:00Z,1.5,1.5,1.5,1.5,USD,2026-03-01T00:00:00Z,2026-04-01T00:00:00Z
"""


def tco(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """Run the command in this process; its exit code."""
    monkeypatch.setattr(sys, "argv", ["tco", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return int(ended.value.code or 0)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "bills").mkdir()
    (tmp_path / "bills" / "2026-03.csv").write_text(FOCUS)
    path = tmp_path / "tco.toml"
    path.write_text('home = "home"\n\n[[sources]]\nname = "bills"\ntype = "focus_files"\nlocation = "bills"\n')
    return path


def test_a_wrong_key_is_one_message_with_the_fix(config: Path, monkeypatch, capfd) -> None:
    config.write_text('hom = "home"\n')
    assert tco(monkeypatch, "-c", str(config), "status") == Exit.CONFIGURATION
    said = capfd.readouterr().err
    assert "hom" in said
    assert "did you mean `home`" in said
    assert "Traceback" not in said


def test_a_missing_file_says_what_to_do(tmp_path: Path, monkeypatch, capfd) -> None:
    assert tco(monkeypatch, "-c", str(tmp_path / "no.toml"), "run") == Exit.CONFIGURATION
    assert "fix:" in capfd.readouterr().err


def test_check_reaches_every_source_without_loading(config: Path, monkeypatch, capfd) -> None:
    assert tco(monkeypatch, "-c", str(config), "check") == Exit.DONE
    assert "ok bills" in capfd.readouterr().out
    assert not (config.parent / "home" / "lake" / "bills").exists()


def test_check_names_a_source_that_is_not_there(config: Path, monkeypatch, capfd) -> None:
    config.write_text(config.read_text().replace('location = "bills"', 'location = "nowhere"'))
    assert tco(monkeypatch, "-c", str(config), "check") == Exit.CONFIGURATION
    assert "nowhere" in capfd.readouterr().err


def test_ingest_loads_and_says_what(config: Path, monkeypatch, capfd) -> None:
    assert tco(monkeypatch, "-c", str(config), "ingest") == Exit.DONE
    assert "2026-03 loaded: 1 rows" in capfd.readouterr().out
    assert tco(monkeypatch, "-c", str(config), "ingest") == Exit.DONE
    assert "0 loaded, 1 unchanged" in capfd.readouterr().out


def test_ingest_of_a_broken_delivery_ends_with_the_quarantine_code(config: Path, monkeypatch, capfd) -> None:
    (config.parent / "bills" / "2026-03.csv").write_text(FOCUS.replace("Usage", "Taxx"))
    assert tco(monkeypatch, "-c", str(config), "ingest") == Exit.QUARANTINED
    assert "Taxx" in capfd.readouterr().out
    assert tco(monkeypatch, "-c", str(config), "status") == Exit.DONE
    assert "1 deliveries" in capfd.readouterr().out


def test_an_unknown_source_is_a_configuration_error(config: Path, monkeypatch, capfd) -> None:
    assert tco(monkeypatch, "-c", str(config), "ingest", "-s", "nobody") == Exit.CONFIGURATION
    assert "bills" in capfd.readouterr().err


def test_a_statement_without_marts_says_to_run_first(config: Path, monkeypatch, capfd) -> None:
    assert tco(monkeypatch, "-c", str(config), "statement", "2026-03") == Exit.UNFINISHED
    assert "tco run" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError("x"), Exit.CONFIGURATION),
        (GateError("x"), Exit.GATE_FAILED),
        (TransientError("x"), Exit.UNREACHABLE),
        (TcoError("x"), Exit.UNFINISHED),
    ],
)
def test_errors_have_their_exit_codes(error: TcoError, code: Exit) -> None:
    assert cli.exit_code_of(error) is code


def test_help_comes_without_the_heavy_libraries() -> None:
    code = (
        "import sys; from orchestration import cli;"
        " print([name for name in ('dagster', 'duckdb', 'pandas', 'great_expectations', 'dbt') if name in sys.modules])"
    )
    started = time.monotonic()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert time.monotonic() - started < 15


def test_status_of_an_empty_home(config: Path, capfd) -> None:
    print_status(load_settings(config))
    said = capfd.readouterr().out
    assert "nothing is loaded yet" in said
    assert "published     nothing yet" in said


def test_status_shows_loads_snapshot_and_gates(config: Path, warehouse: Path, capfd) -> None:
    settings = load_settings(config)
    result = RuleResult(
        suite="marts", rule="cost_has_a_team", title="t", status="failed", severity="error", message="2026-03: 1 rows"
    )
    report = GateReport(border="marts", results=(result,), checked=1)
    write_record(settings.home / "gates" / "marts.json", report.to_json())
    publish(
        warehouse,
        published_dir=settings.published_dir,
        provenance=Provenance(inputs=(), gates=(report.to_json(),), code_version="1"),
        keep=2,
        limits=limits_of(settings),
    )
    change(warehouse, "SELECT 1")
    _load(Lake(settings.lake_dir), warehouse.parent)
    print_status(settings, now=datetime(2026, 4, 3, tzinfo=UTC))
    said = capfd.readouterr().out
    assert "2026-03" in said
    assert "2 days ago" in said
    assert "2026-02 to 2026-03" in said
    assert "blocked" in said
    assert "failed marts.cost_has_a_team: 2026-03: 1 rows" in said


def _load(lake: Lake, folder: Path) -> None:
    import duckdb

    def land(target: Path) -> Landed:
        path = target / "part-00000.parquet"
        duckdb.sql("SELECT 1 AS x").write_parquet(str(path))
        return Landed((path,), (SourceFile("f", 1, "x"),), 1, {})

    lake.commit(Delivery("bills", "focus", "2026-03", "x", datetime(2026, 4, 1, tzinfo=UTC), ("f",), land))


def test_ages_are_told_in_their_largest_unit() -> None:
    now = datetime(2026, 4, 3, 12, tzinfo=UTC)
    assert age(now - datetime(2026, 4, 1, tzinfo=UTC)) == "2 days"
    assert age(now - datetime(2026, 4, 3, 7, tzinfo=UTC)) == "5 hours"
    assert age(now - datetime(2026, 4, 3, 11, 55, tzinfo=UTC)) == "5 minutes"
