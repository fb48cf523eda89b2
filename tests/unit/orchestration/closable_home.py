"""A home that can be closed: the small warehouse built and published, gates passed, an empty lake.

`rebuilt` stands for a run: dbt's note of what it was built from, then the real publication. Statements are
rendered by the real reporting package elsewhere; here a page and a CSV stand in, so that a close takes
milliseconds.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ingest.settings import Settings
from orchestration.close import freeze
from orchestration.close.index import index_path, write_closes_index
from orchestration.dbt_runtime import build_version
from orchestration.durable import write_record
from orchestration.notes import RunNotes
from orchestration.publish.pending import add_pending
from orchestration.publish.publisher import Publication
from orchestration.quality.results import GateReport, RuleResult
from orchestration.steps import gates_dir, publish_marts
from tests.unit.orchestration.small_warehouse import build_warehouse, change

AFTER_MARCH = datetime(2026, 4, 2, 9, 30, tzinfo=UTC)
FEBRUARY, MARCH = "2026-02", "2026-03"
INTERMEDIATE = """
    CREATE SCHEMA intermediate;
    CREATE TABLE intermediate.load_state (
        x_source VARCHAR, x_dataset VARCHAR, partition VARCHAR, load_id VARCHAR, code_version VARCHAR);
    CREATE TABLE intermediate.int_allocation_adjustments (x_original_billing_period VARCHAR, billing_period VARCHAR);
    CREATE TABLE intermediate.int_dispute_parts (x_original_billing_period VARCHAR, billing_period VARCHAR);
    CREATE TABLE marts.fct_adjustments (
        billing_period VARCHAR, x_original_billing_period VARCHAR, team_id VARCHAR, x_original_cost_category VARCHAR,
        billing_currency VARCHAR, cause VARCHAR, charge_count BIGINT, billed_cost DECIMAL(38, 18),
        effective_cost DECIMAL(38, 18));
"""


def closable_home(folder: Path) -> Settings:
    """A published home of two months that nothing speaks against closing."""
    seeds = folder / "seeds" / "allocation"
    seeds.mkdir(parents=True)
    (seeds / "teams.csv").write_text("team_id,team_name\nsearch,Search\n")
    settings = Settings(home=folder / "home", seeds=folder / "seeds", threads=1, memory_limit="500MB")
    settings.lake_dir.mkdir(parents=True)
    (settings.lake_dir / "index.json").write_text("[]")
    build_warehouse(settings.warehouse_path, extra=INTERMEDIATE)
    gate(settings)
    rebuilt(settings)
    return settings


def rebuilt(settings: Settings, *, sql: str = "") -> Publication:
    """What a run leaves: the warehouse changed by `sql`, built from the current closes, published."""
    write_closes_index(settings)
    loads = json.loads(index_path(settings).read_text())["loads"]
    version = build_version(settings)
    rows = [f"('{x['source']}', '{x['dataset']}', '{x['partition']}', '{x['load_id']}', '{version}')" for x in loads]
    change(settings.warehouse_path, f"DELETE FROM intermediate.load_state; {sql}")
    if rows:
        change(settings.warehouse_path, f"INSERT INTO intermediate.load_state VALUES {', '.join(rows)}")
    add_pending(settings.published_dir, periods=[], is_full=True)
    return publish_marts(settings, RunNotes(on_progress=lambda progress: None))


def gate(settings: Settings, *, fails: str = "") -> None:
    """The latest report of the marts gate; `fails` is the message of a blocking rule."""
    rule = RuleResult(
        suite="marts",
        rule="charges_reach_allocations",
        title="every charge is allocated completely",
        status="failed" if fails else "passed",
        severity="error",
        message=fails,
        fix="report it",
    )
    report = GateReport(border="marts", results=(rule,), checked=1)
    write_record(gates_dir(settings) / "marts.json", report.to_json())


def stand_in_statement(settings: Settings, period: str, folder: Path, **_: object) -> None:
    """A page that says which snapshot it was made from, and a CSV."""
    target = folder / freeze.STATEMENT
    target.mkdir(parents=True)
    snapshot = (settings.published_dir / "current").resolve().name
    (target / "statement.html").write_text(f"<p>{period} of {snapshot}</p>")
    (target / "statement_teams.csv").write_text("team_id,amount\nsearch,5.00\n")


def without_charts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Closes of this test render the stand-in."""
    monkeypatch.setattr(freeze, "_write_statement", stand_in_statement)


def digests(folder: Path) -> dict[str, bytes]:
    """Bytes of every file below a folder, by path."""
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}
