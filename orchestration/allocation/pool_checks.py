"""What is wrong with pools, their members and tiers, above all: cycles of pools that keep everything.

Members and versions change on days; whatever must hold is asked of every span between two changes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal

from ingest.errors import Mismatch
from orchestration.allocation.rule_checks import backward_dates, duplicates, known_targets, succession
from orchestration.allocation.seed_rows import Row, Seeds
from orchestration.pool_graph import components

LISTED = ("even", "fixed")
MEASURED = ("proportional", "metric", "tiered")
TAKES_METRIC = ("metric", "tiered")


def check_pools(seeds: Seeds) -> Iterator[Mismatch]:
    """Findings about pools.csv, pool_shares.csv and pool_tiers.csv."""
    yield from duplicates(seeds["pools"])
    yield from duplicates(seeds["pool_tiers"])
    yield from backward_dates([*seeds["pools"], *seeds["pool_shares"]])
    yield from succession([row for row in seeds["pools"] if row.start < row.end], name="pool_id")
    for pool in seeds["pools"]:
        yield from _pool(pool, seeds)
    yield from _members(seeds)
    yield from _tiers(seeds)
    told: set[tuple[int, str]] = set()
    for day in _days_of_change(seeds):
        for finding in (*_whole_on(day, seeds), *_kept_on(day, seeds)):
            if (finding.line or 0, finding.column) not in told:
                told.add((finding.line or 0, finding.column))
                yield finding


def _pool(pool: Row, seeds: Seeds) -> Iterator[Mismatch]:
    driver = pool["driver"]
    if driver and (driver in TAKES_METRIC) != (pool["metric"] is not None):
        expected = "gpu_hours, tokens or requests" if driver in TAKES_METRIC else f"nothing for driver {driver}"
        yield pool.wrong("metric", found=pool["metric"] or "an empty cell", expected=expected, fix="correct driver or metric")
    if pool["floor"] is not None and (driver != "tiered" or pool["floor"] < 0):
        yield pool.wrong("floor", found=pool["floor"], expected="0 or more, for tiered pools only", fix="correct or empty it")
    if driver == "tiered" and not any(tier["pool_id"] == pool["pool_id"] for tier in seeds["pool_tiers"]):
        yield pool.wrong("driver", found="tiered without tiers", expected="rows in pool_tiers.csv", fix="add its tiers")


def _members(seeds: Seeds) -> Iterator[Mismatch]:
    known = known_targets(seeds)
    drivers = {row["pool_id"]: row["driver"] for row in seeds["pools"]}
    earlier: dict[tuple[str, str, str], list[Row]] = defaultdict(list)
    for row in seeds["pool_shares"]:
        kind, target = row["target_type"] or "team", row["target"]
        if row["pool_id"] and row["pool_id"] not in drivers:
            yield row.wrong("pool_id", found=f"pool {row['pool_id']}", expected="a pool of pools.csv", fix="correct it")
        if target and (target if kind == "pool" else target.lower()) not in known[kind]:
            fix = f"correct it, or add it to allocation/{kind}s.csv"
            yield row.wrong("target", found=f"{kind} {target}", expected=f"a {kind} of {kind}s.csv", fix=fix)
        if kind == "pool" and drivers.get(target) in ("gpu", "api"):
            fix = "feed a shared pool instead: the cost of nodes and keys follows each node and key, nothing can be added to it"
            yield row.wrong("target", found=f"pool {target} (driver {drivers[target]})", expected="a shared pool", fix=fix)
        yield from _share(row, drivers.get(row["pool_id"]), kind)
        key = (row["pool_id"], kind, target)
        for other in earlier[key]:
            if other.meets(row):
                fix = "take one of them out, or let it begin where the other ends"
                yield row.wrong("target", found=f"{kind} {target} again, as in line {other.line}", expected="once a day", fix=fix)
        earlier[key].append(row)


def _share(row: Row, driver: str | None, kind: str) -> Iterator[Mismatch]:
    share = row["share"]
    if driver in ("gpu", "api"):
        fix = "take the row out: its money follows nodes or keys"
        yield row.wrong("pool_id", found=f"a member of a pool with driver {driver}", expected="no members", fix=fix)
    elif driver == "fixed" or (driver in MEASURED and kind == "pool"):
        if share is None or not 0 < share <= 1:
            found = "an empty cell" if share is None else share
            yield row.wrong("share", found=found, expected="above 0, at most 1", fix="fill in the share of this member")
    elif share is not None:
        fix = "empty it: even members count the same, and measured ones by their measure"
        yield row.wrong("share", found=share, expected=f"an empty cell for driver {driver}", fix=fix)


def _tiers(seeds: Seeds) -> Iterator[Mismatch]:
    drivers = {row["pool_id"]: row["driver"] for row in seeds["pools"]}
    last: dict[str, Row] = {}
    for row in seeds["pool_tiers"]:
        pool, begins = row["pool_id"], row["from_quantity"]
        if drivers.get(pool) != "tiered":
            yield row.wrong("pool_id", found=f"pool {pool}", expected="a pool with driver tiered", fix="correct pool or driver")
        if row["rate"] is not None and row["rate"] < 0:
            yield row.wrong("rate", found=row["rate"], expected="0 or more", fix="correct the rate")
        if begins is None:
            continue
        if pool not in last and begins != 0:
            yield row.wrong("from_quantity", found=begins, expected="0 in a pool's first tier", fix="begin at 0")
        if pool in last and begins <= last[pool]["from_quantity"]:
            fix = "order the tiers of a pool by from_quantity, each beginning once"
            expected = f"above {last[pool]['from_quantity']} of line {last[pool].line}"
            yield row.wrong("from_quantity", found=begins, expected=expected, fix=fix)
        last[pool] = row


def _days_of_change(seeds: Seeds) -> list[date]:
    rows = [*seeds["pools"], *seeds["pool_shares"]]
    return sorted({row.start for row in rows} | {row.end for row in rows if row["valid_to"]})


def _on(day: date, seeds: Seeds) -> tuple[Mapping[str, Row], Mapping[str, Sequence[Row]]]:
    """Pools that hold on a day, and their members."""
    pools = {row["pool_id"]: row for row in seeds["pools"] if row["pool_id"] and row.holds_on(day)}
    members: dict[str, list[Row]] = defaultdict(list)
    for row in seeds["pool_shares"]:
        if row.holds_on(day) and row["pool_id"] in pools and row["target"]:
            members[row["pool_id"]].append(row)
    return pools, members


def _whole_on(day: date, seeds: Seeds) -> Iterator[Mismatch]:
    pools, members = _on(day, seeds)
    since = f"from {day} on" if day > date.min else "from the start"
    for pool_id, pool in pools.items():
        rows = members.get(pool_id, ())
        if pool["driver"] in LISTED and not rows:
            fix = "add its members to pool_shares.csv"
            yield pool.wrong("driver", found=f"{pool['driver']} without members {since}", expected="members", fix=fix)
            continue
        first = [row["share"] or Decimal(0) for row in rows if pool["driver"] == "fixed" or row["target_type"] == "pool"]
        lines = ", ".join(str(row.line) for row in rows)
        if pool["driver"] == "fixed" and sum(first) != 1:
            found = f"{sum(first)} as the sum of pool {pool_id} {since} (lines {lines})"
            yield rows[0].wrong("share", found=found, expected="1", fix="correct the shares, to the last digit")
        if pool["driver"] in MEASURED and sum(first) > 1:
            found = f"{sum(first)} as the sum of the pools that {pool_id} feeds (lines {lines})"
            yield rows[0].wrong("share", found=found, expected="at most 1", fix="leave something for the driver to split")
        for row in rows:
            if row["target_type"] == "pool" and row["target"] not in pools and row["target"] in known_targets(seeds)["pool"]:
                fix = "let the pool hold as long as it is fed, or end this row"
                yield row.wrong("target", found=f"pool {row['target']}, not valid {since}", expected="a valid pool", fix=fix)


def _kept_on(day: date, seeds: Seeds) -> Iterator[Mismatch]:
    """Groups of pools whose money never reaches a team: nothing of it leaves the group."""
    pools, members = _on(day, seeds)
    graph = {
        pool_id: {row["target"] for row in members.get(pool_id, ()) if row["target_type"] == "pool" and row["target"] in pools}
        for pool_id in pools
    }
    for group in components(graph):
        feeds = {target for pool_id in group for target in graph[pool_id]}
        if not feeds or feeds - set(group) or any(_gives_to_teams(pools[pool_id], members.get(pool_id, ())) for pool_id in group):
            continue
        row = min((row for pool_id in group for row in members[pool_id]), key=lambda found: found.line)
        yield row.wrong(
            "target", found=f"the pools {', '.join(group)} feed only each other", expected="a way to a team",
            fix="give at least one of them a team as member, or take the rows that close the cycle out",
        )  # fmt: skip


def _gives_to_teams(pool: Row, rows: Sequence[Row]) -> bool:
    if pool["driver"] in LISTED:
        return any(row["target_type"] != "pool" for row in rows)
    return sum((row["share"] or Decimal(0) for row in rows if row["target_type"] == "pool"), Decimal(0)) < 1
