"""Everything a month's statement prints, read from one snapshot and rounded once: the model behind page and
CSV files.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from ingest.billing_period import BillingPeriod
from reporting import economics, queries, unknowns
from reporting.bill_change import BillChange, build_change
from reporting.controlled_rounding import RoundedTable, round_table
from reporting.cost_bridge import CostBridge, build_bridge
from reporting.economics import ComponentRow, CrossoverRow
from reporting.errors import StatementError
from reporting.gpu_time import GpuTime, build_gpu_time
from reporting.journal import Journal, build_journal
from reporting.ledger import BASES, BILLED, CurrencyLedger, build_ledger, cells_of
from reporting.marts import Marts
from reporting.month_facts import MonthFacts, read_facts
from reporting.queries import ChargebackRow, Team, UnitRow
from reporting.rounding import currency_places, exact_sum
from reporting.snapshot import Snapshot
from reporting.status import Status, build_status, unexplained_breaks
from reporting.tariff import SHOWBACK, TARIFF, TariffStatement, build_tariff
from reporting.tie_out import TieOut, build_tie_out
from reporting.unit_economics import UnitCosts, UnitTotals, build_unit_costs, sum_units
from reporting.unknowns import UnallocatedRow, UnobservedRow, UnpricedRow, UsageRow


@dataclass(frozen=True)
class TrendMonth:
    """One month of the trend: printed tables by basis and the effective unit cost."""

    billing_period: str
    tables: dict[str, RoundedTable]
    units: UnitTotals


@dataclass(frozen=True)
class CurrencyBlock:
    """The statement of one currency. Currencies are never added to each other."""

    currency: str
    ledger: CurrencyLedger
    tie_out: TieOut
    units: UnitCosts
    gpu: GpuTime
    components: tuple[ComponentRow, ...]
    component_table: RoundedTable
    trend: tuple[TrendMonth, ...]
    unallocated: tuple[UnallocatedRow, ...]
    unobserved: tuple[UnobservedRow, ...]
    change: BillChange | None
    bridge: CostBridge | None
    tariff: TariffStatement | None
    journal: Journal | None

    @property
    def places(self) -> int:
        """Decimals of the currency."""
        return currency_places(self.currency)


@dataclass(frozen=True)
class MonthStatement:
    """The whole month: one block per currency, and what has no currency or is USD by construction."""

    snapshot: Snapshot
    billing_period: str
    previous_period: str
    teams: dict[str, Team]
    blocks: tuple[CurrencyBlock, ...]
    usage: tuple[UsageRow, ...]
    unpriced: tuple[UnpricedRow, ...]
    unbilled_gpu: GpuTime
    crossover: tuple[CrossoverRow, ...]
    status: Status

    @property
    def team_ids(self) -> tuple[str, ...]:
        """Teams with a statement of their own: an amount in this month, in any currency."""
        found = {team for block in self.blocks for table in block.ledger.tables.values() for team in table.rows}
        return tuple(sorted(found))


def read_month(
    marts: Marts, *, snapshot: Snapshot, billing_period: str, chargeback_mode: str = SHOWBACK
) -> MonthStatement:
    """Read and round one month.

    Raises:
        StatementError: the month is not published, or the marts contradict each other.
    """
    previous = _previous_period(billing_period)
    chargeback = queries.chargeback(marts, until=billing_period)
    if not any(row.billing_period == billing_period for row in chargeback):
        published = queries.billing_periods(marts)
        raise StatementError(
            "the month is not published",
            where={"period": billing_period, "snapshot": snapshot.snapshot_id},
            found=f"published months: {', '.join(published) or 'none'}",
            expected="a month with chargeback rows",
            fix="choose a published month, or load the month's exports and run `tco run`",
        )
    facts = read_facts(marts, billing_period, chargeback=chargeback, chargeback_mode=chargeback_mode)
    return _statement(marts, facts, snapshot=snapshot, previous=previous)


def _statement(marts: Marts, facts: MonthFacts, *, snapshot: Snapshot, previous: str) -> MonthStatement:
    billing_period, teams = facts.billing_period, queries.teams(marts)
    usage = tuple(unknowns.usage_sources(marts, billing_period))
    blocks = tuple(
        _block(currency, facts, period=billing_period, previous_period=previous, teams=teams)
        for currency in _by_size(facts.currencies(), facts.chargeback, billing_period)
    )
    return MonthStatement(
        snapshot=snapshot,
        billing_period=billing_period,
        previous_period=previous,
        teams=teams,
        blocks=blocks,
        usage=usage,
        unpriced=tuple(unknowns.unpriced(marts, billing_period)),
        unbilled_gpu=build_gpu_time("", facts.waste),
        crossover=tuple(economics.crossover(marts, billing_period)),
        status=build_status(
            snapshot,
            period=billing_period,
            gpu=[block.gpu for block in blocks],
            usage=usage,
            invoices=facts.invoices,
            breaks=unexplained_breaks(marts, billing_period),
        ),
    )


def _previous_period(billing_period: str) -> str:
    try:
        return str(BillingPeriod.parse(billing_period).previous())
    except ValueError as error:
        raise StatementError(
            "that is not a month",
            where={"period": billing_period},
            found=repr(billing_period),
            expected="YYYY-MM",
            fix="give the month as in 2026-03",
        ) from error


def _block(
    currency: str, facts: MonthFacts, *, period: str, previous_period: str, teams: dict[str, Team]
) -> CurrencyBlock:
    ledger = build_ledger(
        currency,
        period=period,
        previous_period=previous_period,
        chargeback=facts.chargeback,
        lines=facts.lines,
    )
    tie_out = build_tie_out(currency, facts.invoices, billed_total=ledger.tables[BILLED].total)
    tariff = None
    if facts.chargeback_mode == TARIFF:
        tariff = build_tariff(ledger, uses=facts.priced_uses, passed=facts.passed_costs, teams=teams)
    own = tuple(row for row in facts.components if row.currency == currency)
    return CurrencyBlock(
        currency=currency,
        ledger=ledger,
        tie_out=tie_out,
        units=build_unit_costs(currency, facts.units, period=period, previous_period=previous_period),
        gpu=build_gpu_time(currency, facts.waste),
        components=own,
        component_table=_component_table(own, currency_places(currency)),
        trend=_trend(currency, facts.chargeback, facts.units),
        unallocated=tuple(row for row in facts.unallocated if row.currency == currency),
        unobserved=tuple(row for row in facts.unobserved if row.currency == currency),
        change=build_change(ledger, facts.changes),
        bridge=build_bridge(ledger, facts.bridge),
        tariff=tariff,
        journal=build_journal(
            ledger,
            tie_out=tie_out,
            rows=facts.postings,
            accounts=facts.accounts,
            recharges=tariff.recharges(ledger) if tariff else {},
            period=period,
        )
        if facts.accounts
        else None,
    )


def _by_size(currencies: set[str], chargeback: list[ChargebackRow], period: str) -> list[str]:
    """The currency with most rows first, so that the company's main currency leads; amounts are not
    comparable.
    """
    rows = {currency: 0 for currency in currencies}
    for row in chargeback:
        if row.billing_period == period and row.currency in rows:
            rows[row.currency] += 1
    return sorted(rows, key=lambda currency: (-rows[currency], currency))


def _component_table(rows: Iterable[ComponentRow], places: int) -> RoundedTable:
    """TCO by component (row) and evidence (column)."""
    cells: dict[tuple[str, str], list[Decimal]] = {}
    for row in rows:
        cells.setdefault((row.component, row.evidence), []).append(row.amount)
    return round_table({cell: exact_sum(amounts) for cell, amounts in cells.items()}, places=places)


def _trend(
    currency: str, chargeback: Iterable[ChargebackRow], units: Iterable[UnitRow]
) -> tuple[TrendMonth, ...]:
    own = [row for row in chargeback if row.currency == currency]
    own_units = [row for row in units if row.currency == currency and row.cost_basis == "effective"]
    return tuple(
        TrendMonth(
            billing_period=month,
            tables={
                basis: round_table(cells_of(own, period=month, basis=basis), places=currency_places(currency))
                for basis in BASES
            },
            units=sum_units(row for row in own_units if row.billing_period == month),
        )
        for month in sorted({row.billing_period for row in own})
    )
