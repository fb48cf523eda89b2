"""The company's policy in exact arithmetic: who pays what, per month, team and category.

Fractions all the way; nothing is rounded before it is written. Stages: direct and GPU and API amounts first,
    then the shared
pools by their driver. Team ``unallocated`` takes no part in a pool; a pool without weights stays unallocated.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction

from ingest.synthetic.company import TEAMS, UNALLOCATED

OBSERVABILITY_SHARES = dict(zip(TEAMS, map(Fraction, ("0.15", "0.2", "0.1", "0.1", "0.1", "0.05", "0.1", "0.2")), strict=True))
_GPU_HOUR_POOLS = ("storage", "commitment_fee")


@dataclass(frozen=True, kw_only=True)
class Amount:
    """An amount in both bases, USD."""

    billed: Fraction = Fraction(0)
    effective: Fraction = Fraction(0)

    def __add__(self, other: Amount) -> Amount:
        return Amount(billed=self.billed + other.billed, effective=self.effective + other.effective)

    def times(self, share: Fraction) -> Amount:
        """The given share of both bases."""
        return Amount(billed=self.billed * share, effective=self.effective * share)


def amount(billed: Decimal | int, effective: Decimal | int | None = None) -> Amount:
    """An Amount from decimals; one value means both bases are equal."""
    return Amount(billed=Fraction(billed), effective=Fraction(billed if effective is None else effective))


@dataclass(kw_only=True)
class MonthLedger:
    """One month being allocated: amounts by (team, category), pools waiting, and the weights they need."""

    entries: dict[tuple[str, str], Amount] = field(default_factory=lambda: defaultdict(Amount))
    pools: dict[str, Amount] = field(default_factory=lambda: defaultdict(Amount))
    gpu_seconds: dict[str, Fraction] = field(default_factory=lambda: defaultdict(Fraction))

    def charge(self, team: str, category: str, value: Amount) -> None:
        """Give an amount to a team."""
        self.entries[team, category] += value

    def residual(self, value: Amount) -> None:
        """An amount no rule or usage explains."""
        self.charge(UNALLOCATED, UNALLOCATED, value)

    def to_pool(self, pool: str, value: Amount) -> None:
        """Leave an amount for the shared stage."""
        self.pools[pool] += value

    def split(self, category: str, value: Amount, weights: Mapping[str, Fraction]) -> None:
        """Share an amount by weights; without any it is residual. Team unallocated has its own category."""
        total = sum(weights.values(), Fraction(0))
        if total == 0:
            self.residual(value)
            return
        for team, weight in weights.items():
            self.charge(team, UNALLOCATED if team == UNALLOCATED else category, value.times(weight / total))

    def close(self) -> dict[tuple[str, str], Amount]:
        """Allocate the pools and return every (team, category) with its amount."""
        spent: dict[str, Fraction] = defaultdict(Fraction)
        for (team, _), value in self.entries.items():
            spent[team] += value.effective
        proportional = {team: value for team, value in spent.items() if team != UNALLOCATED and value > 0}
        hours = {team: value for team, value in self.gpu_seconds.items() if team != UNALLOCATED and value > 0}
        for pool, value in self.pools.items():
            category = "commitment" if pool == "commitment_fee" else "shared"
            weights: Mapping[str, Fraction] = proportional
            if pool in _GPU_HOUR_POOLS:
                weights = hours
            elif pool == "network":
                weights = {team: Fraction(1) for team in TEAMS}
            elif pool == "observability":
                weights = OBSERVABILITY_SHARES
            self.split(category, value, weights)
        return dict(self.entries)
