"""The chargeback section: charges at tariff, what passed at actual cost, and the platform team's recovery.

The company's shows one line per team for cost without a tariff; a team's own shows each of them. All of them are
in tariff_charges.csv.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from reporting.datatable import Cell, Column, DataTable, Section
from reporting.formatting import clean, signed_money, words
from reporting.ledger import EFFECTIVE
from reporting.month import CurrencyBlock
from reporting.rounding import exact_sum
from reporting.tariff import PASSED, RECOVERY, TariffLine, TariffStatement
from reporting.tariff_rows import FACTOR, GPU_HOUR, TOKENS

_SERVICES = {
    GPU_HOUR: "GPU hours", TOKENS: "Tokens", FACTOR: "API cost", PASSED: "Actual cost", RECOVERY: "Over- or under-recovery",
}  # fmt: skip
_NOTE = "Tariff none: no tariff holds for this use, so its actual cost passes through."
_HELD = (
    Column("Charge"), Column("Tariff", "quiet"), Column("Quantity", "quantity"), Column("Unit", "quiet"),
    Column("Price", "price"), Column("Amount", "money"),
)  # fmt: skip


def tariff_section(block: CurrencyBlock, names: dict[str, str], team_id: str | None = None) -> Section | None:
    """Charges of the company or of one team; None in showback."""
    tariff = block.tariff
    if tariff is None:
        return None
    carried = f"{signed_money(tariff.recovery, block.places)} {clean(block.currency)}"
    lead = (
        "Teams pay quantity times the agreed price. What the charges do not cover of the actual cost stays with"
        f" the platform team ({carried}), so all charges add up to the ledger."
    )
    charges = _company(tariff, names) if team_id is None else _team(tariff, team_id)
    return Section("Chargeback at tariff", lead, tables=(charges, _against_actual(block, tariff, names, team_id)))


def _company(tariff: TariffStatement, names: dict[str, str]) -> DataTable:
    rows: list[tuple[Cell, ...]] = []
    for team in tariff.team_ids:
        own, name = tariff.of(team), names.get(team, team)
        rows += [(name, *_cells(line)) for line in own if line.service != PASSED]
        passed = [line.amount for line in own if line.service == PASSED]
        if passed:
            rows.append((name, "Actual cost", "none", "", "", "", exact_sum(passed)))
    total = ("Total", "", "", "", "", "", _sum(tariff, tariff.lines))
    return DataTable("tariff", (Column("Team"), *_HELD), tuple(rows), tariff.places, total=total, notes=(_NOTE,))


def _team(tariff: TariffStatement, team_id: str) -> DataTable:
    rows = tuple(_cells(line) for line in tariff.of(team_id))
    total = ("Total", "", "", "", "", _sum(tariff, tariff.of(team_id)))
    return DataTable("tariff", _HELD, rows, tariff.places, total=total, notes=(_NOTE,))


def _cells(line: TariffLine) -> tuple[Cell, ...]:
    name = _SERVICES[line.service]
    what = name if line.service == RECOVERY else f"{name}: {words(line.item)}"
    tariff_id = line.tariff_id or ("" if line.service == RECOVERY else "none")
    if line.unit_price is None:
        return (what, tariff_id, "", "", "", line.amount)
    return (what, tariff_id, line.quantity, line.unit, line.unit_price, line.amount)


def _sum(tariff: TariffStatement, lines: Iterable[TariffLine]) -> Decimal:
    return exact_sum([Decimal(0).quantize(tariff.actual), *(line.amount for line in lines)])


def _against_actual(
    block: CurrencyBlock, tariff: TariffStatement, names: dict[str, str], team_id: str | None
) -> DataTable:
    ledger = block.ledger
    chosen = [team for team in ledger.team_ids if team_id in (None, team)]
    teams = [team for team in chosen if tariff.of(team) or ledger.total(EFFECTIVE, team)]
    pairs = [(names[team], tariff.charged(team), ledger.total(EFFECTIVE, team)) for team in teams]
    rows = tuple((name, charged, actual, charged - actual) for name, charged, actual in pairs)
    zero = Decimal(0).quantize(tariff.actual)
    charged = exact_sum([zero, *(charged for _, charged, _ in pairs)])
    actual = exact_sum([zero, *(actual for _, _, actual in pairs)])
    total = ("Total", charged, actual, charged - actual)
    columns = (
        Column("Team"), Column("Charged", "money"), Column("Actual effective cost", "money"), Column("Difference", "change"),
    )  # fmt: skip
    return DataTable("tariff-actual", columns, rows, block.places, total=total)
