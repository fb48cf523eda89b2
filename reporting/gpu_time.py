"""Paid GPU time as a waterfall: from hours paid, through unobserved and idle, to productive.

Hours and money per owner, GPU model and state in one currency, rounded so that owners and states both add up.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from reporting.controlled_rounding import RoundedTable, round_leaves, round_table
from reporting.queries import WasteRow
from reporting.rounding import currency_places, exact_sum

# In waterfall order. Idle is what telemetry saw doing nothing; unobserved is not known and never counted as
# idle.
STATES = (
    "unobserved", "unallocated", "failed", "standby", "loading", "warm_idle", "under_utilised", "productive",
)
IDLE_STATES = ("unallocated", "failed", "standby", "loading", "warm_idle")
HOUR_PLACES = 1


@dataclass(frozen=True)
class GpuLine:
    """One owner's GPU model in one state as printed; `row` holds the exact figures."""

    row: WasteRow
    gpu_hours: Decimal
    effective_cost: Decimal
    billed_cost: Decimal


@dataclass(frozen=True)
class GpuTime:
    """The month's GPU time of one currency; tables are owner x state."""

    currency: str
    lines: tuple[GpuLine, ...]
    hours: RoundedTable
    effective: RoundedTable
    billed: RoundedTable

    @property
    def states(self) -> tuple[str, ...]:
        """States in waterfall order, then any other the mart holds."""
        return STATES + tuple(sorted(set(self.hours.columns) - set(STATES)))

    @property
    def idle_cost(self) -> Decimal:
        """Printed effective cost of the idle states."""
        return exact_sum([self.effective.columns.get(state, Decimal(0)) for state in IDLE_STATES])

    @property
    def idle_hours(self) -> Decimal:
        """Printed hours of the idle states."""
        return exact_sum([self.hours.columns.get(state, Decimal(0)) for state in IDLE_STATES])


def build_gpu_time(currency: str, rows: Iterable[WasteRow]) -> GpuTime:
    """Round the GPU time of one currency; '' takes the hours no bill prices, whose money is zero by
    definition.
    """
    own = [row for row in rows if row.currency == currency]
    places = currency_places(currency)
    hours, printed_hours = _rounded({_key(row): row.gpu_hours for row in own}, HOUR_PLACES)
    effective, printed_effective = _rounded({_key(row): row.effective_cost for row in own}, places)
    billed, printed_billed = _rounded({_key(row): row.billed_cost for row in own}, places)
    lines = tuple(
        GpuLine(row, printed_hours[_key(row)], printed_effective[_key(row)], printed_billed[_key(row)])
        for row in own
    )
    return GpuTime(currency=currency, lines=lines, hours=hours, effective=effective, billed=billed)


def _key(row: WasteRow) -> tuple[str, ...]:
    return (row.team_id, row.state, row.gpu_model)


def _rounded(
    leaves: dict[tuple[str, ...], Decimal], places: int
) -> tuple[RoundedTable, dict[tuple[str, ...], Decimal]]:
    cells: dict[tuple[str, str], list[Decimal]] = defaultdict(list)
    for key, amount in leaves.items():
        cells[key[0], key[1]].append(amount)
    table = round_table({cell: exact_sum(parts) for cell, parts in cells.items()}, places=places)
    return table, round_leaves(leaves, table)
