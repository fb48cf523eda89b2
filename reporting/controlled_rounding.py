"""Rounding of a table so that its rows, its columns and its grand total all add up.

Largest remainder rounds one list. A table of teams by categories is many lists at once: each row and each
column must add up to its own printed total. This module finds the rounding in which every cell, row total
and column total is the floor or the ceiling of its exact value (whole amounts stay as they are), the grand
total is the exact sum rounded to nearest, and, among all such roundings, the sum of squared differences
from the exact table is the smallest. It always exists: the exact table is a fractional flow rows -> columns
whose bounds are whole numbers, and such a flow has a whole-numbered companion (Cox 1987, "A constructive
procedure for unbiased controlled rounding"; Ford and Fulkerson's integrality theorem). For a single row it
is the largest-remainder method.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import lcm

from reporting.min_cost_flow import FlowNetwork
from reporting.rounding import floor_units, from_units, in_units, nearest_units, round_parts

Cell = tuple[str, str]
_SOURCE, _SINK = ("source", ""), ("sink", "")


@dataclass(frozen=True)
class RoundedTable:
    """A table rounded to `places` decimals: `rows` and `columns` are the sums of `cells`, `total` is the
    sum of either.
    """

    places: int
    cells: dict[Cell, Decimal]
    rows: dict[str, Decimal]
    columns: dict[str, Decimal]
    total: Decimal

    def cell(self, row: str, column: str) -> Decimal:
        """The printed amount of a cell; a cell without any amount is a true zero."""
        return self.cells.get((row, column), from_units(0, places=self.places))


def round_table(cells: Mapping[Cell, Decimal], *, places: int = 2) -> RoundedTable:
    """Round the (row, column) -> amount table; the result does not depend on the order of `cells`."""
    units = {key: in_units(cells[key], places=places) for key in sorted(cells)}
    whole = {key: floor_units(value) for key, value in units.items()}
    for key in _cells_rounded_up(units, whole):
        whole[key] += 1
    rows: dict[str, int] = defaultdict(int)
    columns: dict[str, int] = defaultdict(int)
    for (row, column), value in whole.items():
        rows[row] += value
        columns[column] += value
    return RoundedTable(
        places=places,
        cells={key: from_units(value, places=places) for key, value in whole.items()},
        rows={key: from_units(value, places=places) for key, value in rows.items()},
        columns={key: from_units(value, places=places) for key, value in columns.items()},
        total=from_units(sum(whole.values()), places=places),
    )


def round_leaves(
    leaves: Mapping[tuple[str, ...], Decimal], table: RoundedTable
) -> dict[tuple[str, ...], Decimal]:
    """Round the lines behind a table so that they sum to its cells.

    Args:
        leaves: exact amounts keyed (row, column, ...); the sums per (row, column) are the cells `table` was
        made from. table: the rounded table of those sums.
    """
    grouped: dict[Cell, dict[tuple[str, ...], Decimal]] = defaultdict(dict)
    for key, amount in leaves.items():
        grouped[(key[0], key[1])][key] = amount
    rounded: dict[tuple[str, ...], Decimal] = {}
    for cell, parts in grouped.items():
        rounded.update(round_parts(parts, places=table.places, whole=table.cells[cell]))
    return rounded


def _cells_rounded_up(units: Mapping[Cell, Fraction], whole: Mapping[Cell, int]) -> list[Cell]:
    """Which cells go to their ceiling: the cheapest whole flow of the missing units from rows to columns."""
    rest = {key: value - whole[key] for key, value in units.items() if value != whole[key]}
    missing = nearest_units(sum(units.values(), Fraction(0))) - sum(whole.values())
    if not missing:
        return []
    row_rest: dict[str, Fraction] = defaultdict(Fraction)
    column_rest: dict[str, Fraction] = defaultdict(Fraction)
    for (row, column), value in rest.items():
        row_rest[row] += value
        column_rest[column] += value
    scale = lcm(*(value.denominator for value in rest.values()))
    network = FlowNetwork()
    # A margin's unit beyond its floor must only be used when every floor is filled: its price tops all
    # others together.
    beyond = 2 * scale * (len(rest) + len(row_rest) + len(column_rest) + 1)
    for row, value in row_rest.items():
        _add_margin(network, _SOURCE, ("row", row), value, scale=scale, beyond=beyond)
    arcs = {
        key: network.add_arc(("row", key[0]), ("column", key[1]), capacity=1, cost=_step_cost(value, scale))
        for key, value in rest.items()
    }
    for column, value in column_rest.items():
        _add_margin(network, ("column", column), _SINK, value, scale=scale, beyond=beyond)
    network.send(missing, source=_SOURCE, sink=_SINK)
    return [key for key, arc in arcs.items() if network.flow(arc)]


def _add_margin(
    network: FlowNetwork,
    tail: tuple[str, str],
    head: tuple[str, str],
    value: Fraction,
    *,
    scale: int,
    beyond: int,
) -> None:
    """A row's or column's arcs: its floor free of charge, one unit more at a price if its exact sum is not
    whole.
    """
    floor = floor_units(value)
    if floor:
        network.add_arc(tail, head, capacity=floor, cost=0)
    if value != floor:
        network.add_arc(tail, head, capacity=1, cost=beyond + _step_cost(value - floor, scale))


def _step_cost(rest: Fraction, scale: int) -> int:
    """Growth of the squared difference, (1 - rest)^2 - rest^2, lifted by 1 to be positive and scaled to a
    whole number.
    """
    return int((2 - 2 * rest) * scale)
