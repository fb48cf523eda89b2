"""What landed partitions hold, counted for the gate: one pass of DuckDB per source and schema, then small
numbers.

Per partition the difference in rows to its manifest and the rows that break each rule; per partition,
currency and amount the exact difference to the manifest. Only the columns that rules and sums name are
read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import groupby
from pathlib import Path

import duckdb

from ingest.duckdb_session import file_list
from ingest.manifest import Manifest, amount_text
from ingest.sql_casts import MONEY_TYPE, money_from_double, quoted
from orchestration.quality.lake_rules import LakeSuite, RowRule
from orchestration.quality.results import EXAMPLES, Finding, Observation, Rule


@dataclass(frozen=True)
class PartitionFacts:
    """What the files of one partition hold.

    Attributes:
        manifest: what they should hold.
        rows: records found.
        money: {currency: {amount: sum}} found.
        broken: rule -> rows that break it; a rule whose columns are not delivered is missing.
        examples: rule -> up to three places.
    """

    manifest: Manifest
    rows: int = 0
    money: Mapping[str, Mapping[str, Decimal]] = field(default_factory=dict)
    broken: Mapping[str, int] = field(default_factory=dict)
    examples: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def read_facts(
    con: duckdb.DuckDBPyConnection, suite: LakeSuite, *, manifests: Sequence[Manifest], lake_dir: Path
) -> list[PartitionFacts]:
    """Read the files of partitions of one data set.

    Args:
        con: an in-memory connection in UTC.
        suite: what to count and sum.
        manifests: current manifests of the partitions to read; a missing file counts as no rows.
        lake_dir: root of the lake.

    Raises:
        duckdb.Error: a file is there and cannot be read.
    """
    ordered = sorted(manifests, key=_group)
    groups = [list(members) for _, members in groupby(ordered, key=_group)]
    return [facts for group in groups for facts in _Reader(con, suite, group, lake_dir).facts()]


def observe(suite: LakeSuite, facts: Sequence[PartitionFacts], *, row_count: Rule, money_total: Rule) -> list[Observation]:
    """The numbers of all rules of a data set: difference in rows, differences in money, rows that break a
    rule.
    """
    seen = [Observation(suite.dataset, row_count, tuple(_row_difference(item) for item in facts))]
    if suite.money:
        differences = tuple(found for item in facts for found in _money_differences(item))
        seen.append(Observation(suite.dataset, money_total, differences))
    for rule in suite.rules:
        found = tuple(
            Finding(_place(item.manifest), item.broken.get(rule.name), item.examples.get(rule.name, ())) for item in facts
        )
        seen.append(Observation(suite.dataset, rule, found))
    return seen


def _place(manifest: Manifest) -> str:
    return f"{manifest.source}, {manifest.partition}"


def _row_difference(item: PartitionFacts) -> Finding:
    expected = item.manifest.rows
    said = f"{expected} rows in the manifest, {item.rows} in the files"
    return Finding(_place(item.manifest), item.rows - expected, said)


def _money_differences(item: PartitionFacts) -> list[Finding]:
    findings = []
    for currency in sorted({*item.manifest.money, *item.money}):
        expected, found = item.manifest.money.get(currency, {}), item.money.get(currency, {})
        for name in dict.fromkeys([*expected, *found]):
            before, now = expected.get(name, Decimal(0)), found.get(name, Decimal(0))
            said = (
                f"{amount_text(before)} in the manifest, {amount_text(now)} in the files, difference {amount_text(now - before)}"
            )
            findings.append(Finding(f"{_place(item.manifest)}, {currency} {name}", now - before, said))
    return findings


def _group(manifest: Manifest) -> tuple[str, str]:
    return manifest.source, repr(manifest.columns)


class _Reader:
    """Partitions of one source that share one schema."""

    def __init__(self, con: duckdb.DuckDBPyConnection, suite: LakeSuite, manifests: Sequence[Manifest], lake_dir: Path) -> None:
        self.con, self.suite, self.manifests, self.lake_dir = con, suite, manifests, lake_dir
        self.types = {column.name: column.type for column in manifests[0].columns}
        self.rules = [rule for rule in suite.rules if all(name in self.types for name in rule.needs)]
        known = {rule.name for rule in self.rules}
        self.absent = {rule.name: 0 for rule in suite.rules if rule.is_optional and rule.name not in known}

    def facts(self) -> list[PartitionFacts]:
        """Read all partitions in one pass, then fetch examples where a rule is broken."""
        read = self._read()
        found = []
        for manifest in self.manifests:
            rows, money, broken = read.get(manifest.partition, (0, {}, {rule.name: 0 for rule in self.rules}))
            examples = {rule.name: self._examples(rule, manifest) for rule in self.rules if broken.get(rule.name, 0) > 0}
            found.append(PartitionFacts(manifest, rows, money, {**self.absent, **broken}, examples))
        return found

    def _read(self) -> dict[str, tuple[int, dict[str, dict[str, Decimal]], dict[str, int]]]:
        paths = [path for manifest in self.manifests for path in self._paths(manifest)]
        if not paths:
            return {}
        amounts = {name: self._money(sql) for name, sql in self.suite.money.items() if self._is_delivered(sql)}
        records = f"coalesce(sum(len({quoted(self.suite.series[0])})), 0)" if self.suite.series else "count(*)"
        counts = "".join(f", count(*) FILTER (WHERE {rule.broken})" for rule in self.rules)
        sums = "".join(f", sum({sql})" for sql in amounts.values())
        query = f"""
            SELECT partition, {self.suite.currency or "NULL"} AS currency, {records}{counts}{sums}
            FROM (
                SELECT {self._as_series()}
                FROM read_parquet(?, hive_partitioning = true, hive_types_autocast = false)
            )
            GROUP BY ALL
        """
        result: dict[str, tuple[int, dict[str, dict[str, Decimal]], dict[str, int]]] = {}
        for partition, currency, rows, *values in self.con.execute(query, [file_list(paths)]).fetchall():
            before, money, broken = result.get(partition, (0, {}, {rule.name: 0 for rule in self.rules}))
            for rule, count in zip(self.rules, values, strict=False):
                broken[rule.name] += count
            if currency is not None:
                sums_found = zip(amounts, values[len(self.rules) :], strict=True)
                money[currency] = {name: Decimal(value or 0) for name, value in sums_found}
            result[partition] = (before + rows, money, broken)
        return result

    def _examples(self, rule: RowRule, manifest: Manifest) -> tuple[str, ...]:
        shown = ", ".join(quoted(name) for name in rule.shows if name in self.types)
        query = f"""
            SELECT parse_filename(filename), file_row_number + 1, {shown}
            FROM (
                SELECT {self._as_series()}
                FROM read_parquet(
                    ?, hive_partitioning = true, hive_types_autocast = false, filename = true,
                    file_row_number = true
                )
            )
            WHERE {rule.broken}
            LIMIT {EXAMPLES}
        """
        names = [name for name in rule.shows if name in self.types]
        rows = self.con.execute(query, [file_list(self._paths(manifest))]).fetchall()
        return tuple(
            f"{file} row {number}: " + ", ".join(f"{n} {v!s}" for n, v in zip(names, values, strict=True))
            for file, number, *values in rows
        )

    def _as_series(self) -> str:
        """The columns; where a load holds one record a row, that one as a list."""
        single = [name for name in self.suite.series if not self.types[name].endswith("[]")]
        replaced = ", ".join(f"[{quoted(name)}] AS {quoted(name)}" for name in single)
        return f"* REPLACE ({replaced})" if replaced else "*"

    def _paths(self, manifest: Manifest) -> list[Path]:
        paths = [self.lake_dir / file.path for file in manifest.files]
        return [path for path in paths if path.is_file()]

    def _is_delivered(self, sql: str) -> bool:
        return all(name in self.types for name in re.findall(r"\$(\w+)", sql))

    def _money(self, sql: str) -> str:
        return re.sub(r"\$(\w+)", lambda match: self._as_money(match[1]), sql)

    def _as_money(self, name: str) -> str:
        column, kind = quoted(name), self.types[name]
        if kind.endswith("[]"):
            inner = "c.amount"
            typed = money_from_double(inner) if "amount DOUBLE" in kind.replace('"', "") else inner
            return f"coalesce(list_sum(list_transform({column}, lambda c: {typed})), 0)"
        return f"({money_from_double(column)})" if kind in ("DOUBLE", "FLOAT") else f"CAST({column} AS {MONEY_TYPE})"
