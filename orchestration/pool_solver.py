"""Where the money of cost pools ends when pools feed pools, to any depth and in cycles.

The reciprocal method: with A[p, q] the part of pool p that goes to pool q and B[p, t] the part that goes to team t, a dollar
that enters pool p passes pool x N[p, x] times, N = (I - A)^-1, and ends at team t with N·B. N is needed only inside a cycle:
outside of cycles the pools are walked in order, which keeps the path of every part. All arithmetic is decimal with 50 digits, so
a result is the same on every machine, which the last bits of a floating-point solver are not.

What belongs here: the small graph of pools. The weights are made, and the money is split, in SQL (int_pool_weights,
int_allocations_shared). Source of the method: any cost accounting text on reciprocal service department allocation.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext

from orchestration.pool_graph import components, inverse

DIGITS = 50
SCALE = Decimal("1e-18")
MAX_PATHS = 200
RECIPROCAL = "(reciprocal)"
SEVERAL_WAYS = "(several ways)"

Matrix = dict[str, dict[str, Decimal]]
Target = tuple[str | None, str | None]
"""(team_id, None), or (None, reason) for what no team takes."""


@dataclass(frozen=True, kw_only=True)
class Edge:
    """What a pool gives to one target.

    Attributes:
        pool_id: the giving pool.
        target_type: 'team' or 'pool'.
        target: the team or pool that gets it.
        weight: weight among the pool's targets, above 0; with `is_first` a share of the whole, at most 1.
        is_first: taken off before the other targets share the rest by weight.
    """

    pool_id: str
    target_type: str
    target: str
    weight: Decimal
    is_first: bool = False


@dataclass(frozen=True, kw_only=True)
class Reach:
    """The part of an entry pool's money that ends at one team by one path.

    Attributes:
        pool_id: the pool the money enters.
        exit_pool_id: the last pool, which gives it to the team.
        pool_path: the pools passed, joined by ' > '; `(reciprocal)` stands for the rounds of a cycle.
        team_id: the team; None for what no team takes.
        reason: why no team takes it.
        weight: part of the whole, 18 places; the parts of an entry pool sum to 1 within their rounding.
    """

    pool_id: str
    exit_pool_id: str
    pool_path: str
    team_id: str | None
    reason: str | None
    weight: Decimal


def solve(entries: Iterable[str], edges: Iterable[Edge]) -> list[Reach]:
    """Returns where the money of each entry pool ends, ordered by entry, path and team.

    Args:
        entries: pools that hold money.
        edges: what every pool gives; a pool without edges keeps its money, by name.
    """
    with localcontext() as context:
        context.prec = DIGITS
        graph = _Graph(entries, edges)
        return [reach for entry in sorted(set(entries)) for reach in graph.reaches(entry)]


class _Graph:
    def __init__(self, entries: Iterable[str], edges: Iterable[Edge]) -> None:
        self.to_pools, self.to_teams = _parts(entries, list(edges))
        groups = components(self.to_pools)
        for group in groups:
            self._keep_what_cannot_leave(group)
        self.order = groups
        self.group_of = {pool: group for group in groups for pool in group}
        self.rounds = {
            group: inverse(group, self.to_pools)
            for group in groups
            if any(set(self.to_pools[pool]) & set(group) for pool in group)
        }

    def _keep_what_cannot_leave(self, group: tuple[str, ...]) -> None:
        leaves = any(self.to_teams[pool] or set(self.to_pools[pool]) - set(group) for pool in group)
        if leaves:
            return
        has_cycle = any(self.to_pools[pool] for pool in group)
        reason = (
            f"the pools {', '.join(group)} keep everything between them"
            if has_cycle
            else f"the pool {group[0]} has no weights in this period"
        )
        for pool in group:
            self.to_pools[pool] = {}
            self.to_teams[pool] = {(None, reason): Decimal(1)}

    def reaches(self, entry: str) -> list[Reach]:
        """Where the money of one entry pool ends."""
        found: dict[tuple[str, str, Target], Decimal] = defaultdict(Decimal)
        if len(self.order) > MAX_PATHS or not self._walk(entry, Decimal(1), (), found):
            found = self._merged(entry)
        rows = [
            Reach(
                pool_id=entry, exit_pool_id=exit_pool, pool_path=path, team_id=team, reason=reason, weight=weight.quantize(SCALE)
            )
            for (path, exit_pool, (team, reason)), weight in found.items()
        ]
        return sorted(
            (row for row in rows if row.weight > 0), key=lambda row: (row.pool_path, row.team_id or "", row.reason or "")
        )

    def _walk(self, pool: str, amount: Decimal, path: tuple[str, ...], found: dict) -> bool:
        """Adds what ends below `pool`; False when there are too many paths to name each."""
        group = self.group_of[pool]
        visits = self.rounds[group][pool] if group in self.rounds else {pool: Decimal(1)}
        for exit_pool, times in sorted(visits.items()):
            here = (*path, pool, RECIPROCAL, exit_pool) if group in self.rounds else (*path, pool)
            for target, part in self.to_teams[exit_pool].items():
                found[" > ".join(here), exit_pool, target] += amount * times * part
            if len({key[0] for key in found}) > MAX_PATHS:
                return False
            for next_pool, part in sorted(self.to_pools[exit_pool].items()):
                if next_pool not in group and not self._walk(next_pool, amount * times * part, here, found):
                    return False
        return True

    def _merged(self, entry: str) -> dict[tuple[str, str, Target], Decimal]:
        """What ends where, all ways from entry to exit as one."""
        arrived: dict[str, Decimal] = defaultdict(Decimal, {entry: Decimal(1)})
        found: dict[tuple[str, str, Target], Decimal] = defaultdict(Decimal)
        for group in self.order:
            incoming = {pool: arrived[pool] for pool in group if arrived.get(pool)}
            for pool, amount in incoming.items():
                visits = self.rounds[group][pool] if group in self.rounds else {pool: Decimal(1)}
                for exit_pool, times in visits.items():
                    path = f"{entry} > {SEVERAL_WAYS} > {exit_pool}"
                    for target, part in self.to_teams[exit_pool].items():
                        found[path, exit_pool, target] += amount * times * part
                    for next_pool, part in self.to_pools[exit_pool].items():
                        if next_pool not in group:
                            arrived[next_pool] += amount * times * part
        return found


def _parts(entries: Iterable[str], edges: Sequence[Edge]) -> tuple[Matrix, dict[str, dict[Target, Decimal]]]:
    """A and B: every pool's parts, each pool's sum is 1 unless it has no edges at all."""
    pools = {*entries, *(edge.pool_id for edge in edges), *(edge.target for edge in edges if edge.target_type == "pool")}
    to_pools: Matrix = {pool: defaultdict(Decimal) for pool in sorted(pools)}
    to_teams: dict[str, dict[Target, Decimal]] = {pool: defaultdict(Decimal) for pool in sorted(pools)}
    first, rest = _totals(edges)
    for edge in edges:
        taken = min(first[edge.pool_id], Decimal(1))
        part = (
            edge.weight * taken / first[edge.pool_id] if edge.is_first else edge.weight * (1 - taken) / rest[edge.pool_id]
        )
        if part <= 0:
            continue
        if edge.target_type == "pool":
            to_pools[edge.pool_id][edge.target] += part
        else:
            to_teams[edge.pool_id][edge.target, None] += part
    for pool, taken in first.items():
        if pool not in rest and taken < 1:
            to_teams[pool][None, f"the pool {pool} has no weights in this period"] += 1 - taken
    return to_pools, to_teams


def _totals(edges: Iterable[Edge]) -> tuple[Mapping[str, Decimal], Mapping[str, Decimal]]:
    first: dict[str, Decimal] = defaultdict(Decimal)
    rest: dict[str, Decimal] = defaultdict(Decimal)
    for edge in edges:
        if edge.weight > 0:
            (first if edge.is_first else rest)[edge.pool_id] += edge.weight
    return first, rest
