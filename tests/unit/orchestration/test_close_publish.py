"""Closed months in a publication: byte for byte those of the close, whatever the warehouse holds now."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from ingest.settings import Settings
from orchestration.close.month_close import close_month, reopen_month
from orchestration.close.months import closes_of, frozen_months
from orchestration.publish.frozen import FrozenFileError
from orchestration.publish.snapshot import current_record
from tests.unit.orchestration.closable_home import (
    AFTER_MARCH,
    FEBRUARY,
    MARCH,
    closable_home,
    gate,
    rebuilt,
    without_charts,
)
from tests.unit.orchestration.small_warehouse import change

LATE = """
    INSERT INTO marts.fct_charges SELECT 'late', * EXCLUDE (charge_key) FROM marts.fct_charges WHERE charge_key = 'k2';
    UPDATE marts.fct_charges SET billed_cost = 99 WHERE charge_key IN ('k1', 'k3');
"""


@pytest.fixture
def closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A home whose February is closed and published since."""
    without_charts(monkeypatch)
    settings = closable_home(tmp_path)
    close_month(settings, FEBRUARY, now=AFTER_MARCH)
    rebuilt(settings)
    return settings


def rows(settings: Settings, sql: str) -> list[tuple]:
    with duckdb.connect(str(settings.published_dir / "current" / "marts.duckdb"), read_only=True) as con:
        return con.execute(sql).fetchall()


def parquet(settings: Settings, period: str, mart: str = "fct_charges") -> bytes:
    return (settings.published_dir / "current" / "parquet" / mart / f"{period}.parquet").read_bytes()


def closed_bytes(settings: Settings, mart: str = "fct_charges") -> bytes:
    return frozen_months(closes_of(settings).events())[FEBRUARY].marts[mart].path.read_bytes()


def test_a_restated_closed_month_stays_and_the_open_one_moves(closed: Settings) -> None:
    before = rows(closed, "SELECT * FROM fct_charges WHERE billing_period = '2026-02' ORDER BY ALL")
    result = rebuilt(closed, sql=LATE)
    assert result.changed_periods == (MARCH,)
    assert parquet(closed, FEBRUARY) == closed_bytes(closed)
    assert rows(closed, "SELECT * FROM fct_charges WHERE billing_period = '2026-02' ORDER BY ALL") == before
    assert rows(closed, "SELECT billed_cost FROM fct_charges WHERE charge_key = 'k3'") == [(Decimal(99),)]
    assert current_record(closed.published_dir).totals[FEBRUARY]["USD"]["billed_cost"] == Decimal("12.500000000000000001")


def test_a_closed_month_that_the_warehouse_lost_is_published_still(closed: Settings) -> None:
    rebuilt(closed, sql="DELETE FROM marts.fct_charges WHERE billing_period = '2026-02'")
    assert rows(closed, "SELECT count(*) FROM fct_charges WHERE billing_period = '2026-02'") == [(2,)]
    assert parquet(closed, FEBRUARY) == closed_bytes(closed)


def test_nothing_is_written_again_once_a_close_is_published(closed: Settings) -> None:
    assert not rebuilt(closed).is_new


def test_a_column_that_is_new_since_the_close_is_null_and_the_closed_file_untouched(closed: Settings) -> None:
    rebuilt(closed, sql="ALTER TABLE marts.fct_charges ADD COLUMN x_new VARCHAR DEFAULT 'now'")
    assert rows(closed, "SELECT billing_period, x_new, count(*) FROM fct_charges GROUP BY ALL ORDER BY ALL") == [
        (FEBRUARY, None, 2),
        (MARCH, "now", 2),
    ]
    assert parquet(closed, FEBRUARY) == closed_bytes(closed)


def test_a_column_that_is_gone_since_the_close_stays_in_the_closed_file(closed: Settings) -> None:
    rebuilt(closed, sql="ALTER TABLE marts.fct_charges DROP COLUMN tags")
    assert rows(closed, "SELECT count(*) FROM fct_charges") == [(4,)]
    assert parquet(closed, FEBRUARY) == closed_bytes(closed)


def test_a_mart_that_is_new_since_the_close_has_no_rows_of_the_closed_month(closed: Settings) -> None:
    rebuilt(closed, sql="CREATE TABLE marts.fct_new AS SELECT billing_period, billed_cost FROM marts.fct_charges")
    assert rows(closed, "SELECT DISTINCT billing_period FROM fct_new") == [(MARCH,)]


def test_a_reopened_month_is_restated(closed: Settings) -> None:
    rebuilt(closed, sql=LATE)
    reopen_month(closed, FEBRUARY, reason="wrong invoice", now=AFTER_MARCH)
    result = rebuilt(closed)
    assert FEBRUARY in result.changed_periods
    assert rows(closed, "SELECT count(*) FROM fct_charges WHERE billing_period = '2026-02'") == [(3,)]
    assert current_record(closed.published_dir).marts["fct_charges"].periods[FEBRUARY].closed_by == ""


def test_a_soft_closed_month_is_frozen_and_its_close_takes_the_restated_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_charts(monkeypatch)
    settings = closable_home(tmp_path)
    close_month(settings, FEBRUARY, is_soft=True, now=AFTER_MARCH)
    rebuilt(settings, sql=LATE)
    assert rows(settings, "SELECT count(*) FROM fct_charges WHERE billing_period = '2026-02'") == [(2,)]
    close_month(settings, FEBRUARY, now=AFTER_MARCH)
    rebuilt(settings)
    assert rows(settings, "SELECT count(*) FROM fct_charges WHERE billing_period = '2026-02'") == [(3,)]
    assert parquet(settings, FEBRUARY) == closed_bytes(settings)


def test_a_forced_close_never_publishes_what_failed_its_gates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without_charts(monkeypatch)
    settings = closable_home(tmp_path)
    close_month(settings, FEBRUARY, is_soft=True, now=AFTER_MARCH)
    change(settings.warehouse_path, LATE)
    gate(settings, fails="2026-02: charged 99, allocated 12")
    close_month(settings, FEBRUARY, force=True, reason="books close today", now=AFTER_MARCH)
    assert rows(settings, "SELECT count(*), max(billed_cost) < 99 FROM fct_charges") == [(4, True)]
    assert parquet(settings, FEBRUARY) == closed_bytes(settings)


def test_a_changed_closed_file_is_never_published(closed: Settings) -> None:
    path = frozen_months(closes_of(closed).events())[FEBRUARY].marts["fct_charges"].path
    path.chmod(0o644)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
    (closed.published_dir / "current" / "parquet" / "fct_charges" / "2026-02.parquet").unlink()
    with pytest.raises((FrozenFileError, duckdb.Error)):
        rebuilt(closed)


def test_issued_and_restated_differ_by_the_adjustments(closed: Settings) -> None:
    rebuilt(
        closed,
        sql="""
        INSERT INTO marts.fct_adjustments VALUES
            ('2026-03', '2026-02', 'search', 'gpu', 'USD', 'charges restated', 1, 1.5, 1.25);
        INSERT INTO marts.fct_chargeback VALUES
            ('2026-03', 'search', 'adjustment', 'billed', 'USD', 1.5, 'invoiced'),
            ('2026-03', 'search', 'adjustment', 'effective', 'USD', 1.25, 'invoiced');
        """,
    )
    query = """
        SELECT billing_period, cost_category, cost_basis, amount FROM {view}
        WHERE team_id = 'search' ORDER BY ALL
    """
    gpu = Decimal("5.000000000000000001")
    assert rows(closed, query.format(view="chargeback_as_issued")) == [
        (FEBRUARY, "gpu", "billed", gpu),
        (FEBRUARY, "gpu", "effective", gpu),
        (MARCH, "adjustment", "billed", Decimal("1.5")),
        (MARCH, "adjustment", "effective", Decimal("1.25")),
        (MARCH, "gpu", "billed", Decimal(24)),
        (MARCH, "gpu", "effective", Decimal(24)),
    ]
    assert rows(closed, query.format(view="chargeback_as_restated")) == [
        (FEBRUARY, "gpu", "billed", gpu + Decimal("1.5")),
        (FEBRUARY, "gpu", "effective", gpu + Decimal("1.25")),
        (MARCH, "gpu", "billed", Decimal(24)),
        (MARCH, "gpu", "effective", Decimal(24)),
    ]
