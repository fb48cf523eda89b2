"""Chargeback at agreed prices: what each team pays, and what the platform team over- or under-recovers.

A charge is quantity x price, rounded line by line as on an invoice. Cost that no tariff prices passes at its
actual amount. The platform team carries the difference to the actual cost as a line of its own, so the charges
of all teams add up to the ledger.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal, localcontext

from reporting.ledger import EFFECTIVE, CurrencyLedger
from reporting.queries import UNALLOCATED
from reporting.rounding import exact_sum, round_amount
from reporting.tariff_rows import FACTOR, PassedCost, PricedUse

SHOWBACK, TARIFF = "showback", "tariff"
MODES = (SHOWBACK, TARIFF)
PLATFORM_TEAM = "platform"
PASSED, RECOVERY = "actual cost", "over- or under-recovery"


@dataclass(frozen=True)
class TariffLine:
    """One printed charge; quantity and price are None where actual cost passes through."""

    team_id: str
    service: str
    item: str
    tariff_id: str
    quantity: Decimal | None
    unit: str
    unit_price: Decimal | None
    amount: Decimal


@dataclass(frozen=True)
class TariffStatement:
    """Charges of one currency; they add up to `actual`, the ledger's printed effective total."""

    currency: str
    places: int
    lines: tuple[TariffLine, ...]
    actual: Decimal

    @property
    def team_ids(self) -> tuple[str, ...]:
        """Teams with a charge, unallocated last."""
        return tuple(sorted({line.team_id for line in self.lines}, key=lambda team: (team == UNALLOCATED, team)))

    def of(self, team_id: str) -> tuple[TariffLine, ...]:
        """One team's lines."""
        return tuple(line for line in self.lines if line.team_id == team_id)

    def charged(self, team_id: str) -> Decimal:
        """What a team pays, recovery included."""
        return exact_sum([Decimal(0).quantize(self.actual), *(line.amount for line in self.of(team_id))])

    @property
    def recovery(self) -> Decimal:
        """What the platform team carries: positive is under-recovered, negative over-recovered."""
        return exact_sum(line.amount for line in self.lines if line.service == RECOVERY)

    def recharges(self, ledger: CurrencyLedger) -> dict[str, Decimal]:
        """Charge less actual cost by team; the teams' sum is zero."""
        teams = set(self.team_ids) | set(ledger.tables[EFFECTIVE].rows)
        parts = {team: self.charged(team) - ledger.total(EFFECTIVE, team) for team in sorted(teams)}
        return {team: amount for team, amount in parts.items() if amount}


def build_tariff(
    ledger: CurrencyLedger, *, uses: Iterable[PricedUse], passed: Iterable[PassedCost], teams: Iterable[str]
) -> TariffStatement:
    """Price one currency's month.

    Args:
        ledger: the printed actual cost.
        uses: priced use of all currencies.
        passed: cost no tariff prices, of all currencies.
        teams: known team ids; without the platform team the difference stays unallocated.
    """
    places = ledger.places
    lines = [_priced(use, places) for use in uses if use.currency == ledger.currency]
    for cost in passed:
        if cost.currency == ledger.currency:
            amount = _passed(cost, ledger)
            lines.append(TariffLine(cost.team_id, PASSED, cost.what, "", None, "", None, amount))
    actual = ledger.tables[EFFECTIVE].total
    rest = actual - exact_sum(line.amount for line in lines)
    payer = PLATFORM_TEAM if PLATFORM_TEAM in set(teams) else UNALLOCATED
    lines.append(TariffLine(payer, RECOVERY, "actual cost less charges", "", None, "", None, rest))
    kept = [line for line in lines if line.amount or line.service == RECOVERY]
    kept.sort(key=lambda line: (line.team_id, _rank(line), -line.amount, line.item, line.tariff_id))
    return TariffStatement(ledger.currency, places, tuple(kept), actual)


def _passed(cost: PassedCost, ledger: CurrencyLedger) -> Decimal:
    """The ledger's own printed cents where the cost is a whole cell of its table."""
    amount = round_amount(cost.amount, places=ledger.places)
    cell = ledger.tables[EFFECTIVE].cell(cost.team_id, cost.what)
    return cell if abs(cell - cost.amount) < Decimal(1).scaleb(-ledger.places) else amount


def _priced(use: PricedUse, places: int) -> TariffLine:
    with localcontext(prec=80):
        amount = round_amount(use.quantity * use.unit_price, places=places)
    quantity = round_amount(use.quantity, places=places if use.service == FACTOR else 3)
    return TariffLine(
        use.team_id, use.service, use.item, use.tariff_id, quantity, use.unit, use.unit_price, amount
    )


def _rank(line: TariffLine) -> int:
    return 2 if line.service == RECOVERY else 1 if line.service == PASSED else 0
