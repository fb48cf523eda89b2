"""Why the cost changed against last month: drivers as printed, and one sentence made from the same figures.

The mart `fct_cost_changes` gives exact amounts whose sum is the change of a team's effective cost. They are
rounded once per team so that they add up to the printed change. What a cent of rounding or a missing month
leaves over is a driver of its own, never hidden in another.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from reporting.formatting import clean, signed_money, words
from reporting.ledger import EFFECTIVE, CurrencyLedger
from reporting.marts import Marts
from reporting.queries import UNALLOCATED
from reporting.rounding import exact_sum, from_units, round_parts

ROUNDING, UNEXPLAINED = "rounding", "not explained"
NAMED_DRIVERS = 3
_WRITTEN = {"gpu": "GPU", "fx": "FX", "api": "API"}


@dataclass(frozen=True)
class ChangeRow:
    """Exact part of a team's change that one driver explains."""

    team_id: str
    currency: str
    driver: str
    amount: Decimal


@dataclass(frozen=True)
class TeamChange:
    """A team's printed change by driver, largest first; `drivers` add up to `total`."""

    team_id: str
    total: Decimal
    drivers: tuple[tuple[str, Decimal], ...]

    def sentence(self, name: str, currency: str, places: int) -> str:
        """The change in words: the largest drivers and the sum of the rest."""
        moved = [(driver, amount) for driver, amount in self.drivers if amount]
        if not moved:
            return f"{name}: no change."
        parts = [f"{signed_money(amount, places)} {spoken(driver)}" for driver, amount in moved[:NAMED_DRIVERS]]
        rest = exact_sum(amount for _, amount in moved[NAMED_DRIVERS:])
        if len(moved) > NAMED_DRIVERS:
            parts.append(f"{signed_money(rest, places)} from {len(moved) - NAMED_DRIVERS} other drivers")
        return f"{name} {signed_money(self.total, places)} {clean(currency)}: {', '.join(parts)}."


@dataclass(frozen=True)
class BillChange:
    """All teams' changes of one currency against the previous month."""

    currency: str
    places: int
    teams: tuple[TeamChange, ...]

    @property
    def company(self) -> TeamChange:
        """The sum of the teams, driver by driver."""
        sums: dict[str, list[Decimal]] = defaultdict(list)
        for team in self.teams:
            for driver, amount in team.drivers:
                sums[driver].append(amount)
        drivers = {driver: exact_sum(parts) for driver, parts in sums.items()}
        return TeamChange("", exact_sum([team.total for team in self.teams]), _ranked(drivers))

    def team(self, team_id: str) -> TeamChange | None:
        """One team's change."""
        return next((team for team in self.teams if team.team_id == team_id), None)


def spoken(driver: str) -> str:
    """A driver's code in words: gpu_utilisation -> GPU utilisation."""
    return " ".join(_WRITTEN.get(word, word) for word in words(driver).split())


def change_rows(marts: Marts, period: str) -> list[ChangeRow]:
    """The month's drivers; empty when the snapshot holds no such mart."""
    if not marts.has("fct_cost_changes"):
        return []
    sql = f"""
        select coalesce(team_id, '{UNALLOCATED}'), billing_currency, driver, sum(amount)
        from fct_cost_changes
        where billing_period = ? and amount is not null
        group by all
        order by all
    """
    return marts.records(ChangeRow, sql, [period])


def build_change(ledger: CurrencyLedger, rows: Iterable[ChangeRow]) -> BillChange | None:
    """Round the drivers to the printed changes; None without drivers or without a previous month."""
    own = [row for row in rows if row.currency == ledger.currency]
    if ledger.previous is None or not own:
        return None
    teams = []
    for team_id in ledger.team_ids:
        total = ledger.change(EFFECTIVE, team_id)
        exact = {row.driver: row.amount for row in own if row.team_id == team_id}
        if total is not None and (total or any(exact.values())):
            teams.append(TeamChange(team_id, total, _ranked(_printed(exact, total, ledger.places))))
    return BillChange(ledger.currency, ledger.places, tuple(teams))


def _printed(exact: dict[str, Decimal], total: Decimal, places: int) -> dict[str, Decimal]:
    printed = round_parts(exact, places=places)
    rest = total - exact_sum(printed.values())
    if not rest:
        return printed
    is_cent = abs(rest) <= 2 * from_units(1, places=places)
    name = ROUNDING if is_cent else UNEXPLAINED
    return {**printed, name: printed.get(name, Decimal(0)) + rest}


def _ranked(drivers: dict[str, Decimal]) -> tuple[tuple[str, Decimal], ...]:
    return tuple(sorted(drivers.items(), key=lambda item: (-abs(item[1]), item[0])))
