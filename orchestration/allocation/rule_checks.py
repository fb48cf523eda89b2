"""What is wrong with the rules, row by row and version by version: shares, targets, dates, duplicates.

A version of a rule is its rows with one valid_from. Findings carry the line of the row to correct.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise

from ingest.errors import Mismatch
from orchestration.allocation.overlaps import overlapping_rules
from orchestration.allocation.seed_rows import NEVER, Row, Seeds

HEAD = ("priority", "valid_to", "match_field", "match_key", "match_type", "match_value", "match_case")
VALUE = "{value}"
TARGET_FILES = {"team": "teams.csv", "cost_center": "teams.csv", "product": "product_teams.csv", "pool": "pools.csv"}


def check_rules(seeds: Seeds) -> Iterator[Mismatch]:
    """Findings about rules.csv and product_teams.csv, and about owners of keys and workloads."""
    rules = [row for row in seeds["rules"] if row["rule_id"] and row["valid_from"]]
    versions: dict[tuple[str, object], list[Row]] = defaultdict(list)
    for row in rules:
        versions[row["rule_id"], row["valid_from"]].append(row)
    yield from duplicates(seeds["rules"])
    yield from backward_dates(seeds["rules"])
    for row in rules:
        yield from _matcher(row)
        yield from _target(row, seeds)
    for rows in versions.values():
        yield from _version(rows)
        yield from shares_sum_to_one(rows, of=f"rule {rows[0]['rule_id']}")
    heads = [rows[0] for rows in versions.values()]
    yield from succession(heads, name="rule_id")
    yield from overlapping_rules(heads)
    yield from _products(seeds)
    for table in ("api_keys", "workloads"):
        yield from backward_dates(seeds[table])
        yield from _unknown_teams(seeds[table], seeds)


def duplicates(rows: Iterable[Row]) -> Iterator[Mismatch]:
    """Rows that say the same as an earlier one, notes apart."""
    seen: dict[tuple, Row] = {}
    for row in rows:
        key = tuple(sorted((name, str(value)) for name, value in row.cells.items() if name != "note"))
        if key in seen:
            found = f"the same row as line {seen[key].line}"
            yield row.wrong(next(iter(row.cells)), found=found, expected="every row once", fix="take one of them out")
        seen.setdefault(key, row)


def backward_dates(rows: Iterable[Row]) -> Iterator[Mismatch]:
    """Rows that end before they begin; valid_to is the first day after."""
    for row in rows:
        if row.end <= row.start:
            yield row.wrong(
                "valid_to", found=row["valid_to"], expected=f"a day after valid_from {row['valid_from']}",
                fix="valid_to is the first day the row no longer holds for; empty means open",
            )  # fmt: skip


def succession(heads: Iterable[Row], *, name: str) -> Iterator[Mismatch]:
    """Days between two versions of the same rule or pool that belong to none, or to both."""
    versions: dict[str, list[Row]] = defaultdict(list)
    for row in heads:
        if row[name]:
            versions[row[name]].append(row)
    for rows in versions.values():
        rows.sort(key=lambda row: row.start)
        for earlier, later in pairwise(rows):
            if earlier.end < later.start:
                days = f"{earlier.end} to {later.start - timedelta(days=1)}"
                yield later.wrong(
                    "valid_from", found=f"{later.start}: {days} belong to no version", expected=str(earlier.end),
                    fix=f"let it begin where line {earlier.line} ends, or give the later version another {name}",
                )  # fmt: skip
            elif earlier.end > later.start:
                ends = "never ends" if earlier.end == NEVER else f"ends {earlier.end}"
                yield later.wrong(
                    "valid_from", found=f"{later.start}, but the version in line {earlier.line} {ends}",
                    expected="versions that follow each other", fix=f"set valid_to of line {earlier.line} to {later.start}",
                )  # fmt: skip


def shares_sum_to_one(rows: Sequence[Row], *, of: str) -> Iterator[Mismatch]:
    """Shares of one whole: each above 0, together 1."""
    shares = [row["share"] for row in rows]
    for row, share in zip(rows, shares, strict=True):
        if share is not None and share <= 0:
            yield row.wrong("share", found=share, expected="above 0", fix="correct the share or take the row out")
    if None not in shares and sum(shares) != 1:
        lines = ", ".join(str(row.line) for row in rows)
        yield rows[0].wrong(
            "share", found=f"{sum(shares)} as the sum of {of} (lines {lines})", expected="1",
            fix="correct the shares, to the last digit",
        )  # fmt: skip


def _version(rows: Sequence[Row]) -> Iterator[Mismatch]:
    first = rows[0]
    for row in rows[1:]:
        for column in HEAD:
            if row[column] != first[column]:
                yield row.wrong(
                    column, found=row[column], expected=f"{first[column]} as in line {first.line}",
                    fix="the rows of one rule and valid_from differ in target, share, product and note only",
                )  # fmt: skip
    for row in rows:
        if row["target_type"] == "pool" and (len(rows) > 1 or row["share"] != Decimal(1)):
            yield row.wrong(
                "target", found=f"pool {row['target']} with share {row['share']} of {len(rows)} rows",
                expected="a pool alone, with share 1", fix="name one pool, and let that pool feed the others (driver fixed)",
            )  # fmt: skip


def _matcher(row: Row) -> Iterator[Mismatch]:
    if row["match_type"] in ("exact", "prefix", "wildcard") and not row["match_value"]:
        yield row.wrong("match_value", found="an empty cell", expected=f"what {row['match_type']} looks for", fix="fill it in")
    if row["match_field"] in ("tag", "label") and not row["match_key"]:
        yield row.wrong("match_key", found="an empty cell", expected="the key of the tag or label", fix="fill it in")
    if (row["match_type"] == "passthrough") != (row["target"] == VALUE):
        fix = "passthrough takes the target from the value: match_type passthrough and target {value} go together"
        found = f"{row['target']} with {row['match_type']}"
        yield row.wrong("target", found=found, expected=f"{VALUE} with passthrough", fix=fix)
    if row["match_field"] == "namespace" and row["target_type"] not in ("team", None):
        fix = "name a team: the GPU stage asks who holds a GPU, not which pool"
        yield row.wrong("target_type", found=row["target_type"], expected="team for a namespace", fix=fix)


def _target(row: Row, seeds: Seeds) -> Iterator[Mismatch]:
    kind, target = row["target_type"], row["target"]
    if kind is None or target is None or target == VALUE:
        return
    known = known_targets(seeds)[kind]
    if target.lower() not in known:
        yield row.wrong(
            "target", found=f"{kind.replace('_', ' ')} {target}", expected=f"one of: {', '.join(sorted(known)) or 'none'}",
            fix=f"correct it, or add it to allocation/{TARGET_FILES[kind]}",
        )  # fmt: skip
    elif kind == "pool":
        pools = sorted((pool for pool in seeds["pools"] if pool["pool_id"] == target), key=lambda pool: pool.start)
        reached = row.start
        for pool in pools:
            reached = max(reached, pool.end) if pool.start <= reached else reached
        if reached < row.end:
            fix = "let the pool hold as long as the rule, or end the rule"
            yield row.wrong("target", found=f"pool {target}, not valid from {reached} on", expected="a valid pool", fix=fix)


def known_targets(seeds: Seeds) -> dict[str, set[str]]:
    """Names a target may have, in lower case (pools as they are written)."""
    return {
        "team": {row["team_id"].lower() for row in seeds["teams"] if row["team_id"]},
        "cost_center": {row["cost_center"].lower() for row in seeds["teams"] if row["cost_center"]},
        "product": {row["product"].lower() for row in seeds["product_teams"] if row["product"]},
        "pool": {row["pool_id"] for row in seeds["pools"] if row["pool_id"]},
    }


def _products(seeds: Seeds) -> Iterator[Mismatch]:
    yield from duplicates(seeds["product_teams"])
    yield from _unknown_teams(seeds["product_teams"], seeds)
    products: dict[str, list[Row]] = defaultdict(list)
    for row in seeds["product_teams"]:
        products[row["product"]].append(row)
    for product, rows in products.items():
        yield from shares_sum_to_one(rows, of=f"product {product}")


def _unknown_teams(rows: Iterable[Row], seeds: Seeds) -> Iterator[Mismatch]:
    teams = known_targets(seeds)["team"]
    for row in rows:
        if row["team_id"] and row["team_id"].lower() not in teams:
            fix = "correct it, or add the team to allocation/teams.csv"
            yield row.wrong("team_id", found=f"team {row['team_id']}", expected="a team of teams.csv", fix=fix)
