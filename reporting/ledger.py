"""The month's cost per team and category in one currency, rounded once, with the lines behind it.

The figures come from `fct_chargeback`; the lines from `fct_cost_allocations`, which must sum to them
exactly. Both bases are kept apart. The previous month is rounded in the same way, so that it shows the
figures printed then.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from reporting.controlled_rounding import Cell, RoundedTable, round_leaves, round_table
from reporting.errors import StatementError
from reporting.evidence import EvidenceMix, mix_of
from reporting.queries import UNALLOCATED, ChargebackRow, LedgerLine
from reporting.rounding import currency_places, exact_sum, round_parts

EFFECTIVE, BILLED = "effective", "billed"
BASES = (EFFECTIVE, BILLED)
CATEGORIES = ("direct", "gpu", "api", "shared", "commitment", "idle", "unobserved", "unallocated")
CORRECTIONS = ("adjustment", "dispute")


@dataclass(frozen=True)
class StatementLine:
    """A line with its amounts as printed; `line` holds the exact ones."""

    line: LedgerLine
    effective_cost: Decimal
    billed_cost: Decimal


@dataclass(frozen=True)
class CurrencyLedger:
    """All printed cost of a month in one currency. `tables` and `previous` are by basis."""

    currency: str
    tables: dict[str, RoundedTable]
    previous: dict[str, RoundedTable] | None
    lines: tuple[StatementLine, ...]

    @property
    def places(self) -> int:
        """Decimals of the currency."""
        return currency_places(self.currency)

    @property
    def team_ids(self) -> tuple[str, ...]:
        """Teams of this or the previous month, largest effective cost first, unallocated last."""
        ids = {team for table in self.tables.values() for team in table.rows}
        ids |= {team for table in (self.previous or {}).values() for team in table.rows}
        return tuple(sorted(ids, key=lambda team: (team == UNALLOCATED, -self.total(EFFECTIVE, team), team)))

    @property
    def categories(self) -> tuple[str, ...]:
        """The categories of the contract, then any other the marts hold."""
        found = {column for table in self.tables.values() for column in table.columns}
        return CATEGORIES + tuple(sorted(found - set(CATEGORIES)))

    def evidence(self, team_id: str | None = None) -> EvidenceMix:
        """Printed effective cost by evidence grade, of a team or of all."""
        chosen = (line for line in self.lines if team_id in (None, line.line.team_id))
        return mix_of((line.line.evidence, line.effective_cost) for line in chosen)

    def total(self, basis: str, team_id: str) -> Decimal:
        """A team's printed total; a team without any amount has a true zero."""
        return self.tables[basis].rows.get(team_id, round_parts({"": Decimal(0)}, places=self.places)[""])

    def previous_total(self, basis: str, team_id: str | None = None) -> Decimal | None:
        """Last month's printed total of a team or of all; None when last month is not published."""
        if self.previous is None:
            return None
        table = self.previous[basis]
        return table.total if team_id is None else table.rows.get(team_id, Decimal(0).quantize(table.total))

    def change(self, basis: str, team_id: str | None = None) -> Decimal | None:
        """Printed amount minus last month's printed amount; None when last month is not published."""
        before = self.previous_total(basis, team_id)
        now = self.tables[basis].total if team_id is None else self.total(basis, team_id)
        return None if before is None else now - before


def build_ledger(
    currency: str,
    *,
    period: str,
    previous_period: str,
    chargeback: Iterable[ChargebackRow],
    lines: Iterable[LedgerLine],
) -> CurrencyLedger:
    """Round a currency's month.

    Args:
        currency: the block's currency; rows of other currencies are ignored.
        period: the statement's month; `previous_period` is the calendar month before it.
        chargeback: chargeback rows of both months at least.
        lines: the month's ledger lines.

    Raises:
        StatementError: the lines do not sum to the chargeback.
    """
    own = [row for row in chargeback if row.currency == currency]
    own_lines = [line for line in lines if line.currency == currency]
    has_previous = any(row.billing_period == previous_period for row in chargeback)
    exact = {basis: cells_of(own, period=period, basis=basis) for basis in BASES}
    _check_lines(own_lines, exact, currency=currency, period=period)
    places = currency_places(currency)
    tables = {basis: round_table(exact[basis], places=places) for basis in BASES}
    previous = {
        basis: round_table(cells_of(own, period=previous_period, basis=basis), places=places)
        for basis in BASES
    }
    return CurrencyLedger(
        currency=currency,
        tables=tables,
        previous=previous if has_previous else None,
        lines=_printed_lines(own_lines, tables),
    )


def cells_of(rows: Iterable[ChargebackRow], *, period: str, basis: str) -> dict[Cell, Decimal]:
    """Exact amounts by team and category of one month and basis."""
    cells: dict[Cell, list[Decimal]] = defaultdict(list)
    for row in rows:
        if row.billing_period == period and row.cost_basis == basis:
            cells[row.team_id, row.cost_category].append(row.amount)
    return {cell: exact_sum(amounts) for cell, amounts in cells.items()}


def _leaves(lines: Iterable[LedgerLine], basis: str) -> dict[tuple[str, ...], Decimal]:
    return {
        _line_key(line): line.effective_cost if basis == EFFECTIVE else line.billed_cost for line in lines
    }


def _line_key(line: LedgerLine) -> tuple[str, ...]:
    """(team, category, every other text of the line): the leaf key of the rounded table."""
    return (
        line.team_id,
        line.cost_category,
        line.service_provider_name,
        line.service_name,
        line.product,
        line.model_id,
        line.deployment_id,
        line.gpu_state,
        line.stage,
        line.rule_id,
        line.pool_id,
        line.driver,
        line.evidence,
        line.original_period,
    )


def _printed_lines(lines: list[LedgerLine], tables: dict[str, RoundedTable]) -> tuple[StatementLine, ...]:
    """Lines of both bases; a basis without a cell for a line has only zero amounts there."""
    printed = {}
    for basis, table in tables.items():
        leaves = {key: amount for key, amount in _leaves(lines, basis).items() if key[:2] in table.cells}
        printed[basis] = round_leaves(leaves, table)
    zero = {basis: Decimal(0).quantize(table.total) for basis, table in tables.items()}
    return tuple(
        StatementLine(
            line=line,
            effective_cost=printed[EFFECTIVE].get(_line_key(line), zero[EFFECTIVE]),
            billed_cost=printed[BILLED].get(_line_key(line), zero[BILLED]),
        )
        for line in lines
    )


def _check_lines(
    lines: list[LedgerLine], exact: dict[str, dict[Cell, Decimal]], *, currency: str, period: str
) -> None:
    """The lines must sum to the chargeback in every cell and basis, to the last digit."""
    wrong: list[str] = []
    for basis in BASES:
        parts: dict[Cell, list[Decimal]] = defaultdict(list)
        for key, amount in _leaves(lines, basis).items():
            parts[key[0], key[1]].append(amount)
        sums = {cell: exact_sum(amounts) for cell, amounts in parts.items()}
        for cell in sorted(sums.keys() | exact[basis].keys()):
            ledger, statement = sums.get(cell, Decimal(0)), exact[basis].get(cell, Decimal(0))
            if ledger != statement:
                wrong.append(f"{basis} {cell[0]}/{cell[1]}: allocations {ledger:f}, chargeback {statement:f}")
    if wrong:
        raise StatementError(
            "the allocation lines do not sum to the chargeback",
            where={"period": period, "currency": currency},
            found="; ".join(wrong[:5]) + (f"; and {len(wrong) - 5} more" if len(wrong) > 5 else ""),
            expected="equal sums per team, category and basis",
            fix="publish again with `tco run`; if it stays, fct_cost_allocations and fct_chargeback disagree",
        )
