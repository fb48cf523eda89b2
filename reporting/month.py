"""Everything a month's statement prints, read from one snapshot and rounded once: the model behind page and
CSV files.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from ingest.billing_period import BillingPeriod
from reporting import economics, queries, unknowns
from reporting.controlled_rounding import RoundedTable, round_table
from reporting.economics import ComponentRow, CrossoverRow
from reporting.errors import StatementError
from reporting.gpu_time import GpuTime, build_gpu_time
from reporting.ledger import BASES, BILLED, CurrencyLedger, build_ledger, cells_of
from reporting.marts import Marts
from reporting.queries import ChargebackRow, Team, UnitRow
from reporting.rounding import currency_places, exact_sum
from reporting.snapshot import Snapshot
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


def read_month(marts: Marts, *, snapshot: Snapshot, billing_period: str) -> MonthStatement:
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
    waste = queries.gpu_waste(marts, billing_period)
    return MonthStatement(
        snapshot=snapshot,
        billing_period=billing_period,
        previous_period=previous,
        teams=queries.teams(marts),
        blocks=_blocks(marts, chargeback, waste, period=billing_period, previous_period=previous),
        usage=tuple(unknowns.usage_sources(marts, billing_period)),
        unpriced=tuple(unknowns.unpriced(marts, billing_period)),
        unbilled_gpu=build_gpu_time("", waste),
        crossover=tuple(economics.crossover(marts, billing_period)),
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


def _blocks(
    marts: Marts,
    chargeback: list[ChargebackRow],
    waste: list[queries.WasteRow],
    *,
    period: str,
    previous_period: str,
) -> tuple[CurrencyBlock, ...]:
    lines = queries.ledger_lines(marts, period)
    invoices = queries.invoices(marts, period)
    units = queries.unit_costs(marts, until=period)
    components = economics.components(marts, period)
    unallocated = unknowns.unallocated(marts, period)
    unobserved = unknowns.unobserved(marts, period)
    current = {row.currency for row in chargeback if row.billing_period == period}
    blocks = []
    current |= {row.currency for row in (*invoices, *components, *waste) if row.currency}
    current |= {row.currency for row in units if row.currency and row.billing_period == period}
    for currency in _by_size(current, chargeback, period):
        ledger = build_ledger(
            currency, period=period, previous_period=previous_period, chargeback=chargeback, lines=lines
        )
        own = tuple(row for row in components if row.currency == currency)
        blocks.append(
            CurrencyBlock(
                currency=currency,
                ledger=ledger,
                tie_out=build_tie_out(currency, invoices, billed_total=ledger.tables[BILLED].total),
                units=build_unit_costs(currency, units, period=period, previous_period=previous_period),
                gpu=build_gpu_time(currency, waste),
                components=own,
                component_table=_component_table(own, currency_places(currency)),
                trend=_trend(currency, chargeback, units),
                unallocated=tuple(row for row in unallocated if row.currency == currency),
                unobserved=tuple(row for row in unobserved if row.currency == currency),
            )
        )
    return tuple(blocks)


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
