"""Rules a FOCUS 1.2 file must keep, checked row by row on the written file.

The independent validator passes a closed list as soon as one row is right, never multiplies a price by a quantity and
sums nothing, so these rules are this project's own. A rule is a condition that breaks it; a finding names the rule,
how many rows break it and up to three of them. Sums against the marts are `focus_totals`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from duckdb import DuckDBPyConnection

from reporting.focus_columns import FOCUS_COLUMNS, OWN_COLUMNS
from reporting.focus_rules import ROW_RULES, Rule

EXAMPLES = 3


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A broken rule: what it says, how many rows break it, and some of them."""

    rule: str
    says: str
    rows: int
    examples: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.rule} ({self.says}): {self.rows} rows, e.g. {'; '.join(self.examples)}"


def check_files(con: DuckDBPyConnection, paths: Sequence[Path], *, is_whole: bool = True) -> list[Finding]:
    """Every broken rule of FOCUS 1.2 Parquet files, taken together as one data set.

    Args:
        con: a DuckDB session; the view `exported` of it is replaced by the files' rows.
        paths: the files.
        is_whole: the files hold a whole month, so that commitments must balance (not so in a team's slice).

    Returns:
        The findings; files without the columns of FOCUS give that one finding, as nothing else can be looked at.
    """
    names = ", ".join("'{}'".format(str(path).replace("'", "''")) for path in paths)
    con.execute(f"create or replace temp view exported as select * from read_parquet([{names}])")
    findings = _names(con)
    if findings:
        return findings
    counts = ", ".join(f"count(*) filter ({rule.broken})" for rule in ROW_RULES)
    rows = con.execute(f"select {counts} from exported").fetchall()[0]
    findings += [
        Finding(rule=rule.name, says=rule.says, rows=count, examples=_examples(con, rule))
        for rule, count in zip(ROW_RULES, rows, strict=True)
        if count
    ]
    findings += [*_keys(con), *_empty_texts(con), *_services(con)]
    return findings + (_commitments(con) if is_whole else [])


def _examples(con: DuckDBPyConnection, rule: Rule) -> tuple[str, ...]:
    shown = ", ".join(rule.shows)
    rows = con.execute(f"select {shown} from exported where {rule.broken} limit {EXAMPLES}").fetchall()
    return tuple(", ".join(f"{name} {value}" for name, value in zip(rule.shows, row, strict=True)) for row in rows)


def _grouped(con: DuckDBPyConnection, rule: str, says: str, sql: str) -> list[Finding]:
    rows = con.execute(sql).fetchall()
    examples = tuple(", ".join(str(value) for value in row) for row in rows[:EXAMPLES])
    return [Finding(rule=rule, says=says, rows=len(rows), examples=examples)] if rows else []


def _names(con: DuckDBPyConnection) -> list[Finding]:
    names = [row[0] for row in con.execute("describe exported").fetchall()]
    expected = [column.name for column in (*FOCUS_COLUMNS, *OWN_COLUMNS[:2])]
    wrong = [f"missing {name}" for name in expected if name not in names]
    wrong += [f"unknown {name}" for name in names if name not in expected and not name.startswith("x_")]
    says = "the 57 columns of FOCUS 1.2, own columns start with x_"
    return [Finding(rule="columns", says=says, rows=len(wrong), examples=tuple(wrong[:EXAMPLES]))] if wrong else []


def _keys(con: DuckDBPyConnection) -> list[Finding]:
    sql = "select x_RowKey, count(*) from exported group by all having count(*) > 1 or x_RowKey is null order by all"
    return _grouped(con, "natural_key_unique", "x_RowKey is unique and filled", sql)


def _empty_texts(con: DuckDBPyConnection) -> list[Finding]:
    texts = [row[0] for row in con.execute("describe exported").fetchall() if row[1] == "VARCHAR"]
    counted = ", ".join(f"count(*) filter (trim({name}) = '') as {name}" for name in texts)
    sql = f"select name, n from (unpivot (select {counted} from exported) on columns(*) into name name value n) where n > 0"
    return _grouped(con, "no_empty_text", "null means null: no empty texts", sql)


def _services(con: DuckDBPyConnection) -> list[Finding]:
    sql = """
        select ServiceName, string_agg(distinct ServiceCategory || '/' || ServiceSubcategory, ' and ')
        from exported group by all having count(distinct (ServiceCategory, ServiceSubcategory)) > 1 order by all
    """
    return _grouped(con, "one_category_per_service", "a service has one category and subcategory", sql)


def _commitments(con: DuckDBPyConnection) -> list[Finding]:
    """Only plans that are paid as they are used balance within a month; others do over their term."""
    sql = """
        select
            CommitmentDiscountId, x_BillingPeriod, BillingCurrency,
            sum(EffectiveCost) filter (ChargeCategory = 'Usage') as used_and_unused,
            sum(BilledCost) filter (ChargeCategory = 'Purchase') as fee
        from exported
        where CommitmentDiscountId is not null and ChargeClass is null
        group by all
        having bool_or(ChargeCategory = 'Purchase' and ChargeDescription ilike '%no upfront%')
            and abs(used_and_unused - fee) > greatest(0.01, 1e-6 * abs(fee))
        order by all
    """
    return _grouped(con, "commitment_balances", "used and unused parts of a No Upfront plan are its fee", sql)
