"""Closing and reopening: what is recorded, what refuses, what a reason can force."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from ingest.errors import ConfigError
from ingest.settings import Settings
from orchestration.changes import find_changes
from orchestration.close.errors import CloseRefused
from orchestration.close.index import index_path
from orchestration.close.month_close import close_month, close_once, reopen_month, restore_statement
from orchestration.close.months import booking_period, closes_of, facts_of, month_state
from orchestration.dbt_runtime import build_version
from orchestration.publish.pending import add_pending
from tests.unit.orchestration.closable_home import (
    AFTER_MARCH,
    FEBRUARY,
    MARCH,
    closable_home,
    digests,
    gate,
    rebuilt,
    without_charts,
)
from tests.unit.orchestration.small_warehouse import change


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    without_charts(monkeypatch)
    return closable_home(tmp_path)


def refused(settings: Settings, period: str, *, now: datetime = AFTER_MARCH, force: bool = False, is_soft: bool = False) -> str:
    before = digests(settings.home / "closes")
    with pytest.raises(CloseRefused) as error:
        close_month(settings, period, now=now, force=force, reason="because" if force else "", is_soft=is_soft)
    after = digests(settings.home / "closes")
    assert {k: v for k, v in after.items() if k != "index.json"} == {k: v for k, v in before.items() if k != "index.json"}
    assert error.value.fix
    return str(error.value)


def states(settings: Settings) -> list[str]:
    events = closes_of(settings).events()
    return [month_state(events, FEBRUARY), month_state(events, MARCH), booking_period(events) or ""]


def test_a_close_records_files_inputs_versions_gates_and_totals(home: Settings) -> None:
    event = close_month(home, FEBRUARY, now=AFTER_MARCH)
    paths = [file.path for file in event.manifest.files]
    assert "statement/statement.html" in paths and "dimensions/dim_teams.parquet" in paths
    assert "marts/fct_charges.parquet" in paths and "marts/fct_cost_allocations.parquet" in paths
    facts = facts_of(event)
    assert str(facts.totals["USD"]["billed_cost"]) == "12.500000000000000001"
    assert list(facts.seeds) == ["allocation/teams.csv"] and len(facts.seeds["allocation/teams.csv"]) == 64
    assert facts.gates[0]["border"] == "marts" and facts.code_version
    assert not facts.is_forced and facts.overridden == []
    assert event.manifest.at == AFTER_MARCH and event.manifest.by == ""
    assert states(home) == ["closed", "open", MARCH]


def test_months_close_in_order_and_only_once(home: Settings) -> None:
    assert "2026-02 still not closed" in refused(home, MARCH)
    close_month(home, FEBRUARY, now=AFTER_MARCH)
    assert "2026-02 is closed already" in refused(home, FEBRUARY)
    assert "not up to date" in refused(home, MARCH)
    rebuilt(home)
    close_month(home, MARCH, now=AFTER_MARCH)
    assert states(home) == ["closed", "closed", "2026-04"]
    assert close_once(home, MARCH).manifest.sequence == 2


def test_a_month_that_is_not_over_or_not_published_cannot_be_closed(home: Settings) -> None:
    assert "2026-02 is not over" in refused(home, FEBRUARY, now=datetime(2026, 2, 28, 23, 59, tzinfo=UTC), force=True)
    assert "no charge of 2026-01" in refused(home, "2026-01")
    with pytest.raises(ConfigError, match="YYYY-MM"):
        close_month(home, "March", now=AFTER_MARCH)


@pytest.mark.parametrize("trouble", ["gate", "reconciliation", "pending"])
def test_what_is_wrong_is_named_and_only_a_reason_overrides_it(home: Settings, trouble: str) -> None:
    if trouble == "gate":
        gate(home, fails="2026-02: charged 12.5, allocated 10")
        said = "charged 12.5, allocated 10"
    elif trouble == "reconciliation":
        sql = "UPDATE marts.fct_reconciliation SET is_reconciled = false, gap = 1.25, cause = 'unexplained'"
        rebuilt(home, sql=f"{sql} WHERE billing_period = '2026-02'")
        said = "aws_main AWS INV-2026-02: gap 1.250000000000000000 USD, unexplained"
    else:
        add_pending(home.published_dir, periods=[MARCH], is_full=False)
        said = "rebuilt but not published: 2026-03"
    message = refused(home, FEBRUARY)
    assert said in message and "--force --reason" in message
    with pytest.raises(ConfigError, match="reason"):
        close_month(home, FEBRUARY, force=True, now=AFTER_MARCH)
    event = close_month(home, FEBRUARY, force=True, reason="invoice agreed by mail", now=AFTER_MARCH)
    assert event.manifest.reason == "invoice agreed by mail"
    assert facts_of(event).is_forced and said in facts_of(event).overridden[0]


def test_a_snapshot_that_is_not_from_the_current_seeds_is_refused(home: Settings) -> None:
    (home.seeds_dir / "allocation" / "teams.csv").write_text("team_id,team_name\nads,Ads\n")
    assert "not up to date" in refused(home, FEBRUARY)


def test_soft_close_then_close(home: Settings) -> None:
    close_month(home, FEBRUARY, is_soft=True, now=AFTER_MARCH)
    assert states(home) == ["soft_closed", "open", ""]
    assert "soft-closed already" in refused(home, FEBRUARY, is_soft=True)
    rebuilt(home)
    assert "2026-02 still not closed" in refused(home, MARCH)
    close_month(home, FEBRUARY, now=AFTER_MARCH)
    assert states(home) == ["closed", "open", MARCH]


def test_the_close_of_a_soft_closed_month_looks_at_the_restated_invoices(home: Settings) -> None:
    close_month(home, FEBRUARY, is_soft=True, now=AFTER_MARCH)
    sql = "UPDATE marts.fct_reconciliation SET is_reconciled = false, gap = 3, cause = 'unexplained'"
    rebuilt(home, sql=f"{sql} WHERE billing_period = '2026-02'")
    assert "gap 3.0" in refused(home, FEBRUARY)


def test_only_the_newest_closed_month_is_reopened_and_the_act_is_recorded(home: Settings) -> None:
    close_month(home, FEBRUARY, now=AFTER_MARCH)
    rebuilt(home)
    close_month(home, MARCH, now=AFTER_MARCH)
    with pytest.raises(CloseRefused, match="closed on top of"):
        reopen_month(home, FEBRUARY, reason="wrong", now=AFTER_MARCH)
    with pytest.raises(ConfigError, match="reason"):
        reopen_month(home, MARCH, reason=" ", now=AFTER_MARCH)
    event = reopen_month(home, MARCH, reason="rate card was wrong", by="finance", now=AFTER_MARCH)
    assert (event.manifest.kind, event.manifest.reason, event.manifest.by) == ("reopen", "rate card was wrong", "finance")
    assert states(home) == ["closed", "open", MARCH]
    rebuilt(home)
    assert close_month(home, MARCH, now=AFTER_MARCH).manifest.sequence == 4


def test_a_close_touches_its_month_and_the_month_that_books_corrections(home: Settings) -> None:
    def touched() -> tuple[str, ...]:
        index = home.lake_dir / "index.json"
        return find_changes(
            lake_index=index, warehouse=home.warehouse_path, version=build_version(home), closes_index=index_path(home)
        ).touched_months

    assert touched() == ()
    close_month(home, FEBRUARY, now=AFTER_MARCH)
    assert touched() == (FEBRUARY, MARCH)
    rebuilt(home, sql="INSERT INTO intermediate.int_allocation_adjustments VALUES ('2026-02', '2026-03')")
    assert touched() == ()
    close_month(home, MARCH, now=AFTER_MARCH)
    assert touched() == (FEBRUARY, MARCH, "2026-04")
    rebuilt(home)
    reopen_month(home, MARCH, reason="wrong", now=AFTER_MARCH)
    assert touched() == (FEBRUARY, MARCH)


def test_the_closed_statement_comes_back_byte_for_byte(home: Settings) -> None:
    event = close_month(home, FEBRUARY, now=AFTER_MARCH)
    page = home.statements_dir / FEBRUARY / "statement.html"
    closed = page.read_bytes()
    page.write_text("edited")
    assert restore_statement(home, event).read_bytes() == closed == (event.folder / "statement/statement.html").read_bytes()


def test_a_change_of_the_warehouse_alone_does_not_reach_a_close(home: Settings) -> None:
    change(home.warehouse_path, "UPDATE marts.fct_charges SET billed_cost = 0")
    facts = facts_of(close_month(home, FEBRUARY, now=AFTER_MARCH))
    assert str(facts.totals["USD"]["billed_cost"]) == "12.500000000000000001"
