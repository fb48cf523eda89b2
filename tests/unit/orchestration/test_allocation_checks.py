"""Each mistake in the allocation seeds is found with file, line, found, expected and fix, before money moves."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import pytest

from ingest.errors import ConfigError
from ingest.settings import PROJECT_SEEDS
from orchestration.allocation.check import check_allocation, require_sound_allocation
from orchestration.allocation.patterns import can_meet, tokens

RULE = {
    "rule_id": "r",
    "priority": "500",
    "valid_from": "2026-01-01",
    "match_field": "service",
    "match_type": "exact",
    "match_value": "v",
    "target_type": "team",
    "target": "ads",
    "share": "1",
}
POOL = {"pool_id": "p", "driver": "even"}
MEMBER = {"pool_id": "p", "target_type": "team", "target": "ads"}


class Folder:
    """A copy of the project's allocation seeds that rows are added to."""

    def __init__(self, path: Path) -> None:
        self.path = path
        shutil.copytree(PROJECT_SEEDS / "allocation", path / "allocation")

    def add(self, table: str, *rows: dict[str, str]) -> list[int]:
        """Appends rows; returns their lines."""
        file = self.path / "allocation" / f"{table}.csv"
        with file.open(newline="", encoding="utf-8") as stream:
            lines = list(csv.reader(stream))
        with file.open("a", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, lines[0])
            writer.writerows(rows)
        return [len(lines) + number for number in range(1, len(rows) + 1)]

    def findings(self) -> list[tuple[str, int | None, str, str]]:
        """Every finding as (file, line, column, found); each must say what is expected and what to do."""
        found = check_allocation(self.path)
        assert all(item.expected and item.fix for item in found)
        return [(item.file, item.line, item.column, item.found) for item in found]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """A folder with the project's own seeds, which are sound."""
    return Folder(tmp_path)


def test_the_projects_own_seeds_are_sound(folder: Folder) -> None:
    assert folder.findings() == []
    require_sound_allocation(PROJECT_SEEDS)


CASES = {
    "unknown match field": ("rules", [RULE | {"match_field": "colour"}], 1, "match_field", "'colour'"),
    "unknown match type": ("rules", [RULE | {"match_type": "regex"}], 1, "match_type", "'regex'"),
    "unknown case rule": ("rules", [RULE | {"match_case": "upper"}], 1, "match_case", "'upper'"),
    "no number": ("rules", [RULE | {"share": "half"}], 1, "share", "'half'"),
    "no date": ("rules", [RULE | {"valid_to": "01.02.2026"}], 1, "valid_to", "'01.02.2026'"),
    "empty cell": ("rules", [RULE | {"priority": ""}], 1, "priority", "an empty cell"),
    "nothing to match": ("rules", [RULE | {"match_value": ""}], 1, "match_value", "an empty cell"),
    "no tag key": ("rules", [RULE | {"match_field": "tag"}], 1, "match_key", "an empty cell"),
    "passthrough to a fixed team": ("rules", [RULE | {"match_type": "passthrough"}], 1, "target", "ads with passthrough"),
    "unknown team": ("rules", [RULE | {"target": "nobody"}], 1, "target", "team nobody"),
    "unknown pool": ("rules", [RULE | {"target_type": "pool", "target": "lost"}], 1, "target", "pool lost"),
    "unknown cost centre": ("rules", [RULE | {"target_type": "cost_center", "target": "CC-0"}], 1, "target", "cost center CC-0"),
    "unknown product": ("rules", [RULE | {"target_type": "product", "target": "pear"}], 1, "target", "product pear"),
    "a pool for a namespace": (
        "rules",
        [RULE | {"match_field": "namespace", "target_type": "pool", "target": "tax"}],
        1,
        "target_type",
        "pool",
    ),
    "half a pool": (
        "rules",
        [RULE | {"target_type": "pool", "target": "tax", "share": "0.5"}, RULE | {"share": "0.5"}],
        1,
        "target",
        "pool tax with share 0.5 of 2 rows",
    ),
    "shares below 1": (
        "rules",
        [RULE | {"share": "0.6"}, RULE | {"share": "0.3", "target": "search"}],
        1,
        "share",
        "0.9 as the sum of rule r",
    ),
    "negative share": (
        "rules",
        [RULE | {"share": "1.5"}, RULE | {"share": "-0.5", "target": "search"}],
        2,
        "share",
        "-0.5",
    ),
    "rows of a version differ": (
        "rules",
        [RULE | {"share": "0.5"}, RULE | {"share": "0.5", "target": "search", "priority": "501"}],
        2,
        "priority",
        "501",
    ),
    "ends before it begins": ("rules", [RULE | {"valid_to": "2025-12-31"}], 1, "valid_to", "2025-12-31"),
    "date gap": (
        "rules",
        [RULE | {"valid_to": "2026-02-01"}, RULE | {"valid_from": "2026-03-01"}],
        2,
        "valid_from",
        "2026-03-01: 2026-02-01 to 2026-02-28 belong to no version",
    ),
    "versions overlap": (
        "rules",
        [RULE | {"valid_to": "2026-04-01"}, RULE | {"valid_from": "2026-03-01"}],
        2,
        "valid_from",
        "2026-03-01, but",
    ),
    "duplicate row": ("rules", [RULE | {"share": "0.5"}, RULE | {"share": "0.5"}], 2, "rule_id", "the same row as line"),
    "same value twice": ("rules", [RULE, RULE | {"rule_id": "s", "match_value": "V"}], 2, "priority", "500, as of rule r"),
    "prefix over value": (
        "rules",
        [RULE | {"match_type": "prefix"}, RULE | {"rule_id": "s", "match_value": "vx"}],
        2,
        "priority",
        "500, as of rule r",
    ),
    "wildcards that meet": (
        "rules",
        [
            RULE | {"match_type": "wildcard", "match_value": "a*"},
            RULE | {"rule_id": "s", "match_type": "wildcard", "match_value": "*b"},
        ],
        2,
        "priority",
        "500, as of rule r",
    ),
    "unknown driver": ("pools", [POOL | {"driver": "fair"}], 1, "driver", "'fair'"),
    "unknown metric": ("pools", [POOL | {"driver": "metric", "metric": "joules"}], 1, "metric", "'joules'"),
    "metric missing": ("pools", [POOL | {"driver": "metric"}], 1, "metric", "an empty cell"),
    "even without members": ("pools", [POOL], 1, "driver", "even without members from the start"),
    "tiered without tiers": ("pools", [POOL | {"driver": "tiered", "metric": "tokens"}], 1, "driver", "tiered without tiers"),
    "floor of an even pool": ("pools", [POOL | {"floor": "1"}], 1, "floor", "1"),
    "pool gap": (
        "pools",
        [
            POOL | {"driver": "proportional", "valid_to": "2026-02-01"},
            POOL | {"driver": "proportional", "valid_from": "2026-02-03"},
        ],
        2,
        "valid_from",
        "2026-02-03: 2026-02-01 to 2026-02-02 belong to no version",
    ),
    "unknown member": ("pool_shares", [MEMBER | {"pool_id": "network", "target": "nobody"}], 1, "target", "team nobody"),
    "member of no pool": ("pool_shares", [MEMBER], 1, "pool_id", "pool p"),
    "member twice": ("pool_shares", [MEMBER | {"pool_id": "network"}], 1, "target", "team ads again"),
    "share of an even pool": (
        "pool_shares",
        [MEMBER | {"pool_id": "network", "target_type": "pool", "target": "tax", "share": "0.5"}],
        1,
        "share",
        "0.5",
    ),
    "fixed shares above 1": (
        "pool_shares",
        [MEMBER | {"pool_id": "observability", "target_type": "pool", "target": "tax", "share": "0.5"}],
        None,
        "share",
        "1.50 as the sum of pool observability",
    ),
    "first shares above 1": (
        "pool_shares",
        [
            MEMBER | {"pool_id": "tax", "target_type": "pool", "target": "network", "share": "0.6"},
            MEMBER | {"pool_id": "tax", "target_type": "pool", "target": "storage", "share": "0.6"},
        ],
        1,
        "share",
        "1.2 as the sum of the pools that tax feeds",
    ),
    "feeding the GPU pool": (
        "pool_shares",
        [MEMBER | {"pool_id": "network", "target_type": "pool", "target": "gpu"}],
        1,
        "target",
        "pool gpu (driver gpu)",
    ),
    "members of the API pool": ("pool_shares", [MEMBER | {"pool_id": "api"}], 1, "pool_id", "a member of a pool with driver api"),
    "tiers of no tiered pool": ("pool_tiers", [{"pool_id": "tax", "from_quantity": "0", "rate": "1"}], 1, "pool_id", "pool tax"),
    "product shares": ("product_teams", [{"product": "new", "team_id": "ads", "share": "0.5"}], 1, "share", "0.5 as the sum"),
    "unknown owner of a key": (
        "api_keys",
        [{"provider": "openai", "api_key_id": "k", "team_id": "nobody"}],
        1,
        "team_id",
        "team nobody",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_mistake_is_found_in_its_row(folder: Folder, case: str) -> None:
    table, rows, number, column, found = CASES[case]
    lines = folder.add(table, *rows)
    said = [(line, text) for file, line, name, text in folder.findings() if file == f"allocation/{table}.csv" and name == column]
    assert any(text.startswith(found) and (number is None or line == lines[number - 1]) for line, text in said), folder.findings()


def test_rules_that_never_meet_may_share_a_priority(folder: Folder) -> None:
    folder.add(
        "rules",
        RULE,
        RULE | {"rule_id": "other_value", "match_value": "w"},
        RULE | {"rule_id": "other_field", "match_field": "project"},
        RULE | {"rule_id": "other_days", "valid_from": "2025-01-01", "valid_to": "2026-01-01"},
        RULE | {"rule_id": "big", "match_value": "Big", "match_case": "sensitive"},
        RULE | {"rule_id": "small", "match_value": "big", "match_case": "sensitive"},
        RULE | {"rule_id": "other_priority", "priority": "501", "match_type": "any", "match_value": ""},
    )
    assert folder.findings() == []


def test_tiers_must_ascend_from_zero(folder: Folder) -> None:
    folder.add("pools", POOL | {"driver": "tiered", "metric": "tokens", "floor": "2"})
    lines = folder.add(
        "pool_tiers",
        {"pool_id": "p", "from_quantity": "5", "rate": "1"},
        {"pool_id": "p", "from_quantity": "3", "rate": "-1"},
    )
    assert [(line, column, found) for _, line, column, found in folder.findings()] == [
        (lines[0], "from_quantity", "5"), (lines[1], "from_quantity", "3"), (lines[1], "rate", "-1"),
    ]  # fmt: skip


def test_a_cycle_that_keeps_everything_is_found_and_one_that_gives_is_not(folder: Folder) -> None:
    folder.add("pools", *({"pool_id": name, "driver": "fixed"} for name in ("x", "y", "z")))
    first, *_ = folder.add(
        "pool_shares",
        {"pool_id": "x", "target_type": "pool", "target": "y", "share": "1"},
        {"pool_id": "y", "target_type": "pool", "target": "x", "share": "1"},
        {"pool_id": "z", "target_type": "pool", "target": "x", "share": "1", "valid_to": "2026-05-01"},
        {"pool_id": "z", "target": "ads", "share": "1", "valid_from": "2026-05-01"},
    )
    assert folder.findings() == [("allocation/pool_shares.csv", first, "target", "the pools x, y feed only each other")]


def test_a_cycle_with_a_way_out_is_sound_unless_the_way_ends(folder: Folder) -> None:
    folder.add("pools", *({"pool_id": name, "driver": "fixed"} for name in ("x", "y")))
    rows = [
        {"pool_id": "x", "target_type": "pool", "target": "y", "share": "1"},
        {"pool_id": "y", "target_type": "pool", "target": "x", "share": "0.9", "valid_to": "2026-05-01"},
        {"pool_id": "y", "target": "ads", "share": "0.1", "valid_to": "2026-05-01"},
    ]
    lines = folder.add(
        "pool_shares", *rows, {"pool_id": "y", "target_type": "pool", "target": "x", "share": "1", "valid_from": "2026-05-01"}
    )
    assert folder.findings() == [("allocation/pool_shares.csv", lines[0], "target", "the pools x, y feed only each other")]


def test_files_and_columns_that_are_missing_are_findings_too(folder: Folder) -> None:
    (folder.path / "allocation" / "pool_tiers.csv").unlink()
    pools = folder.path / "allocation" / "pools.csv"
    pools.write_text(pools.read_text().replace("driver,", "drvier,", 1))
    found = folder.findings()
    assert ("allocation/pool_tiers.csv", 1, "pool_id", "no such file") in found
    assert ("allocation/pools.csv", 1, "driver", "no such column") in found
    assert ("allocation/pools.csv", 1, "drvier", "an unknown column") in found


def test_all_findings_are_collected_and_a_run_is_refused(folder: Folder) -> None:
    lines = folder.add("rules", RULE | {"target": "nobody", "share": "0.5"}, RULE | {"rule_id": "s", "match_field": "colour"})
    with pytest.raises(ConfigError) as refused:
        require_sound_allocation(folder.path)
    assert [item.line for item in refused.value.mismatches] == [lines[0], lines[0], lines[1]]
    said = str(refused.value)
    assert "no money was moved" in said and f"rules.csv line {lines[0]}" in said and "team nobody" in said


@pytest.mark.parametrize(
    ("left", "right", "meets"),
    [
        (("exact", "abc"), ("wildcard", "a*c"), True),
        (("wildcard", "*x"), ("wildcard", "y*"), True),
        (("wildcard", "a?c"), ("exact", "ac"), False),
        (("wildcard", "a*b*c"), ("wildcard", "*d"), False),
        (("prefix", "ab"), ("exact", "ABc"), True),
        (("any", None), ("exact", "q"), True),
        (("prefix", "a" * 3000), ("wildcard", "*" + "b" * 3000), True),
    ],
)
def test_two_matchers_meet_when_some_value_satisfies_both(left: tuple, right: tuple, meets: bool) -> None:
    first, second = (tokens(*matcher, ignores_case=True) for matcher in (left, right))
    assert can_meet(first, second) is can_meet(second, first) is meets
