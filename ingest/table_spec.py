"""What a delivered bill table must look like: column kinds, required columns, row rules, money totals.

One specification serves both forms of a delivery: CSV (typed while it is converted) and Parquet (typed by
its schema). Rules are SQL over typed columns; ``{Name}`` in a rule stands for the typed expression of
column ``Name``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from ingest.sql_casts import MONEY_TYPE, decimal_from_text, literal, money_from_double, quoted, utc_from_text

Kind = Literal["money", "time", "map", "text"]

LAKE_TYPES: Mapping[Kind, str] = {
    "money": MONEY_TYPE,
    "time": "TIMESTAMP",
    "map": "MAP(VARCHAR, VARCHAR)",
    "text": "VARCHAR",
}
EXPECTED: Mapping[Kind, str] = {
    "money": "a number such as 12.34 or 1.2E-7",
    "time": "a UTC time such as 2026-05-01T00:00:00Z",
    "map": "a JSON object",
    "text": "text",
}
_NUMERIC = (
    "DOUBLE",
    "FLOAT",
    "DECIMAL",
    "TINYINT",
    "SMALLINT",
    "INTEGER",
    "BIGINT",
    "HUGEINT",
    "UINTEGER",
    "UBIGINT",
)


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A row is wrong where ``bad`` is true; ``column`` is what the message shows."""

    column: str
    bad: str
    expected: str
    fix: str
    needs: tuple[str, ...] = ()

    def applies_to(self, columns: Mapping[str, str]) -> bool:
        """True when all columns of the rule are there."""
        return all(name in columns for name in (self.column, *self.needs))


@dataclass(frozen=True, kw_only=True)
class TableSpec:
    """A bill table.

    ``kinds`` names the columns that are not text; ``required`` must exist, ``filled`` texts must be set;
    ``money`` maps total name -> column; ``columns`` are those of an empty delivery; a value outside
    ``known_values`` is loaded and noted.
    """

    title: str
    kinds: Mapping[str, Kind]
    required: tuple[str, ...]
    filled: tuple[str, ...]
    rules: tuple[Rule, ...]
    money: Mapping[str, str]
    currency: str
    period_start: str
    columns: tuple[str, ...]
    known_values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def kind(self, column: str) -> Kind:
        """The kind of a column; unknown columns are text."""
        return self.kinds.get(column, "text")

    def text_expression(self, column: str, *, strict: bool = False) -> str:
        """SQL of the typed value of a CSV column."""
        name = quoted(column)
        match self.kind(column):
            case "money":
                return decimal_from_text(name, strict=strict)
            case "time":
                return utc_from_text(name)
            case "map":
                cast = "CAST" if strict else "TRY_CAST"
                return f"{cast}({cast}({name} AS JSON) AS {LAKE_TYPES['map']})"
        return name

    def parquet_expression(self, column: str, delivered: str) -> str:
        """SQL of the typed value of a Parquet column of DuckDB type ``delivered``."""
        name = quoted(column)
        match self.kind(column):
            case "money" if delivered in ("DOUBLE", "FLOAT"):
                return f"CASE WHEN isfinite({name}) THEN {money_from_double(name)} END"
            case "money":
                return f"CAST({name} AS {MONEY_TYPE})"
            case "time":
                return f"CAST({name} AS TIMESTAMP)"
        return name

    def accepts(self, column: str, delivered: str) -> bool:
        """Whether a Parquet column may have the DuckDB type ``delivered``."""
        match self.kind(column):
            case "money":
                return delivered.startswith(_NUMERIC) and not delivered.endswith("[]")
            case "time":
                return delivered.startswith("TIMESTAMP")
            case "map":
                return delivered.startswith(
                    ("MAP(", "STRUCT(", "VARCHAR", "JSON")
                ) and not delivered.endswith("[]")
        return column not in self.required or delivered == "VARCHAR"

    def period_rule(self, partition: str) -> Rule:
        """Every row belongs to the billing period of the delivery."""
        return Rule(
            column=self.period_start,
            bad=f"strftime({{{self.period_start}}}, '%Y-%m') <> {literal(partition)}",
            expected=f"a time in {partition}",
            fix="deliver each billing period in its own folder",
        )

    def all_rules(self, columns: Mapping[str, str], *, partition: str | None, from_text: bool) -> list[Rule]:
        """The rules that apply to a delivery.

        Args:
            columns: delivered column -> typed SQL expression.
            partition: billing period the rows must belong to; None accepts any.
            from_text: cells that may be empty can also be unreadable.
        """
        rules = [self._readable(name, required=True) for name in self.required if self.kind(name) != "text"]
        if from_text:
            rules += [
                self._readable(name, required=False) for name in self.kinds if name not in self.required
            ]
        rules += [_filled(name) for name in self.filled]
        rules += self.rules
        rules += [self.period_rule(partition)] if partition else []
        return [rule for rule in rules if rule.applies_to(columns)]

    def _readable(self, column: str, *, required: bool) -> Rule:
        given = "" if required else f"{quoted(column)} IS NOT NULL AND "
        return Rule(
            column=column,
            bad=f"{given}{{{column}}} IS NULL",
            expected=EXPECTED[self.kind(column)],
            fix="correct the value at its source and deliver the file again",
        )


@dataclass(frozen=True)
class PeriodChoice:
    """The billing period of a delivery: None accepts any; ``only`` takes its rows out of larger files."""

    partition: str | None
    only: bool = False

    def row_filter(self, spec: TableSpec) -> str | None:
        """SQL of the rows to take from CSV text; rows whose period cannot be read stay in, to be refused."""
        if not self.only or self.partition is None:
            return None
        start = spec.text_expression(spec.period_start)
        return f"coalesce(strftime({start}, '%Y-%m') = {literal(self.partition)}, true)"


def _filled(column: str) -> Rule:
    return Rule(
        column=column,
        bad=f"coalesce({{{column}}}, '') = ''",
        expected="a value",
        fix=f"fill {column} and deliver the file again",
    )


def violation_count(rules: Sequence[Rule], columns: Mapping[str, str]) -> str:
    """SQL that counts the rows that break at least one rule."""
    tests = " OR ".join(f"coalesce({rule.bad.format_map(columns)}, false)" for rule in rules)
    return f"count(*) FILTER (WHERE {tests})" if tests else "0"


def violation_rows(
    rules: Sequence[Rule], columns: Mapping[str, str], relation: str, *, row: str, limit: int
) -> str:
    """SQL of (row, rule number, found) for every rule each row breaks, in row order.

    Args:
        rules: the rules to test.
        columns: column -> typed SQL expression.
        relation: SQL of the rows, with the delivered columns under their own names.
        row: SQL expression of the row's number.
        limit: most findings to return.
    """
    findings = ", ".join(
        f"CASE WHEN {rule.bad.format_map(columns)}"
        f" THEN {{'rule': {number}, 'found': coalesce({quoted(rule.column)}::VARCHAR, 'nothing')}} END"
        for number, rule in enumerate(rules)
    )
    return (
        f"WITH delivered AS ({relation}), judged AS (SELECT {row} AS n,"
        f" list_filter([{findings}], lambda f: f IS NOT NULL) AS found FROM delivered),"
        " listed AS (SELECT n, unnest(found) AS f FROM judged WHERE len(found) > 0)"
        f" SELECT n, f.rule, f.found FROM listed ORDER BY n, f.rule LIMIT {limit}"
    )
