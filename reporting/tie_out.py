"""The tie-out of a month: what was invoiced against what the ledger holds, invoice by invoice.

Printed amounts of a column are rounded together, so they add up to the column's total, and the ledger
column's total is the statement's billed total. A printed gap is the difference of the two printed amounts
beside it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from reporting.queries import InvoiceRow
from reporting.rounding import currency_places, exact_sum, round_amount, round_parts

Column = dict[tuple[str, ...], Decimal]

TIES, GAP, NO_INVOICE = "ties", "gap", "no invoice"


@dataclass(frozen=True)
class TieRow:
    """One invoice as printed; `row` holds the exact amounts. None is unknown."""

    row: InvoiceRow
    lake: Decimal | None
    charges: Decimal | None
    allocated: Decimal | None
    invoiced: Decimal | None
    gap: Decimal | None
    computed_list: Decimal | None
    status: str


@dataclass(frozen=True)
class TieOut:
    """The invoices of one currency. `off_invoice` is printed ledger cost that no row of the reconciliation
    covers.
    """

    currency: str
    rows: tuple[TieRow, ...]
    lake: Decimal
    charges: Decimal
    allocated: Decimal
    invoiced: Decimal
    gap: Decimal
    uninvoiced: Decimal
    off_invoice: Decimal

    def count(self, status: str) -> int:
        """How many rows have a status."""
        return sum(row.status == status for row in self.rows)

    @property
    def ties(self) -> bool:
        """Every row ties to an invoice and the rows cover the whole ledger."""
        return bool(self.rows) and self.count(TIES) == len(self.rows) and not self.off_invoice


def build_tie_out(currency: str, rows: Iterable[InvoiceRow], *, billed_total: Decimal) -> TieOut:
    """Round the invoices of one currency against the statement's printed billed total."""
    own = sorted((row for row in rows if row.currency == currency), key=_key)
    places = currency_places(currency)
    allocated = _ledger_column(own, places)
    lake = _column(own, "lake_billed_cost", allocated, places)
    charges = _column(own, "charges_billed_cost", allocated, places)
    printed = []
    for row in own:
        key = _key(row)
        invoiced = _invoiced(row, allocated.get(key), places)
        gap = invoiced - allocated[key] if invoiced is not None and key in allocated else None
        listed = (
            None if row.computed_list_cost is None else round_amount(row.computed_list_cost, places=places)
        )
        printed.append(
            TieRow(
                row, lake.get(key), charges.get(key), allocated.get(key), invoiced, gap, listed, _status(row)
            )
        )
    zero = round_amount(Decimal(0), places=places)
    ledger_total = exact_sum([zero, *allocated.values()])
    return TieOut(
        currency=currency,
        rows=tuple(printed),
        lake=exact_sum([zero, *lake.values()]),
        charges=exact_sum([zero, *charges.values()]),
        allocated=ledger_total,
        invoiced=exact_sum([zero, *(row.invoiced for row in printed if row.invoiced is not None)]),
        gap=exact_sum([zero, *(row.gap for row in printed if row.gap is not None)]),
        uninvoiced=exact_sum(
            [zero, *(row.allocated for row in printed if row.invoiced is None and row.allocated is not None)]
        ),
        off_invoice=billed_total - ledger_total,
    )


def _key(row: InvoiceRow) -> tuple[str, ...]:
    return (row.issuer, row.invoice_id, row.source)


def _ledger_column(rows: list[InvoiceRow], places: int) -> Column:
    """The ledger column: an invoice that differs by less than a cent is met, the other rows take the cents
    that remain.
    """
    exact = {_key(row): row.allocated_billed_cost for row in rows if row.allocated_billed_cost is not None}
    met = {
        _key(row): round_amount(row.invoiced_amount, places=places)
        for row in rows
        if row.invoiced_amount is not None and _is_met(row, places)
    }
    return _rounded(exact, met, places)


def _column(rows: list[InvoiceRow], field: str, ledger: Column, places: int) -> Column:
    """Another column, rounded to its own total; a row that equals the ledger to the last digit prints like
    it.
    """
    exact = {_key(row): getattr(row, field) for row in rows if getattr(row, field) is not None}
    like = {
        _key(row): ledger[_key(row)]
        for row in rows
        if _key(row) in ledger and exact.get(_key(row)) == row.allocated_billed_cost
    }
    return _rounded(exact, like, places)


def _rounded(exact: Column, fixed: Column, places: int) -> Column:
    """Round to the column's own total with some rows given; unknown amounts stay out of `exact`."""
    total = round_amount(exact_sum(exact.values()), places=places)
    rest = {key: amount for key, amount in exact.items() if key not in fixed}
    try:
        return fixed | round_parts(rest, places=places, whole=total - exact_sum(fixed.values()))
    except ValueError:
        return round_parts(exact, places=places)


def _is_met(row: InvoiceRow, places: int) -> bool:
    """Whether the invoice is a whole amount that the ledger reaches by rounding."""
    if row.invoiced_amount is None or row.allocated_billed_cost is None:
        return False
    return (
        abs(row.invoiced_amount - row.allocated_billed_cost) < Decimal(1).scaleb(-places)
        and round_amount(row.invoiced_amount, places=places) == row.invoiced_amount
    )


def _invoiced(row: InvoiceRow, allocated: Decimal | None, places: int) -> Decimal | None:
    """The invoice as printed: its own cents, or the ledger's where the two are equal to the last digit."""
    if row.invoiced_amount is None:
        return None
    if row.invoiced_amount == row.allocated_billed_cost and allocated is not None:
        return allocated
    return round_amount(row.invoiced_amount, places=places)


def _status(row: InvoiceRow) -> str:
    if row.is_reconciled and row.invoiced_amount is not None:
        return TIES
    if row.is_reconciled is False:
        return GAP
    return NO_INVOICE
