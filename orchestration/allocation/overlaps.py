"""Two rules of equal priority that take the same charge: which one wins would be chance to whoever wrote them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from ingest.errors import Mismatch
from orchestration.allocation.patterns import can_meet, tokens
from orchestration.allocation.seed_rows import Row

FIX = "give one of them another priority (the lower number wins), or end one where the other begins"


def overlapping_rules(heads: Sequence[Row]) -> Iterator[Mismatch]:
    """Findings about rules of equal priority and field that can take the same value on the same day.

    Args:
        heads: one row of every version of every rule.
    """
    groups: dict[tuple[object, str, str], list[Row]] = defaultdict(list)
    for row in heads:
        field = "tag" if row["match_field"] == "label" else row["match_field"]
        if row["priority"] is not None and field and row["match_type"]:
            groups[row["priority"], field, (row["match_key"] or "").lower()].append(row)
    for rows in groups.values():
        for first, second in _meeting(rows):
            yield second.wrong(
                "priority",
                found=f"{second['priority']}, as of rule {first['rule_id']} in line {first.line}, which takes the same values",
                expected="another priority, values or dates",
                fix=FIX,
            )


def _meeting(rows: Sequence[Row]) -> Iterator[tuple[Row, Row]]:
    """Pairs that take the same value: exact values by look-up, patterns against everything."""
    exact: dict[str, list[Row]] = defaultdict(list)
    patterns: list[Row] = []
    for row in rows:
        candidates = exact[(row["match_value"] or "").lower()] if row["match_type"] == "exact" else ()
        earlier: Iterable[Row] = [*candidates, *patterns] if row["match_type"] == "exact" else [
            *(other for others in exact.values() for other in others), *patterns
        ]
        for other in sorted(earlier, key=lambda found: found.line):
            if other["rule_id"] != row["rule_id"] and other.meets(row) and _same_key(other, row) and _same_value(other, row):
                yield other, row
        if row["match_type"] == "exact":
            exact[(row["match_value"] or "").lower()].append(row)
        else:
            patterns.append(row)


def _both_sensitive(left: Row, right: Row) -> bool:
    return left["match_case"] == right["match_case"] == "sensitive"


def _same_key(left: Row, right: Row) -> bool:
    return not _both_sensitive(left, right) or left["match_key"] == right["match_key"]


def _same_value(left: Row, right: Row) -> bool:
    ignores_case = not _both_sensitive(left, right)
    return can_meet(*(tokens(row["match_type"], row["match_value"], ignores_case=ignores_case) for row in (left, right)))
