"""The kinds of truths that rows of a lake data set keep, as SQL that finds the rows that break them.

Belongs here: the shapes of rules (filled keys, closed lists, order of times, signs). Which data set keeps
which is declared in lake_suites.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from orchestration.quality.results import Rule

ASK_PROVIDER = "look at the delivered file; correct it at its source and deliver it again, then `tco run`"
WRONG_PARTITION = "ingest again; if it stays, the adapter sorts rows into the wrong partition: report it"
EXTEND = "if the provider added the value, add it to orchestration/quality and to the staging model"


@dataclass(frozen=True, kw_only=True)
class RowRule(Rule):
    """A truth about single rows of a data set.

    Attributes:
        broken: SQL that is true for a row that breaks it.
        needs: columns the SQL reads.
        shows: columns an example shows.
        is_optional: a delivery without the columns keeps the rule; otherwise the rule cannot be checked.
    """

    broken: str
    needs: tuple[str, ...]
    shows: tuple[str, ...]
    is_optional: bool = False


@dataclass(frozen=True, kw_only=True)
class LakeSuite:
    """What is checked in one data set.

    Attributes:
        dataset: lake data set.
        money: manifest column -> SQL of what is summed into it; `$name` is the column `name` read as money.
        currency: SQL of the currency code, as the manifest keys it.
        rules: truths about rows.
        series: columns that hold the records of a row as lists of equal length; without any, a row is a record.
    """

    dataset: str
    money: Mapping[str, str] = field(default_factory=dict)
    currency: str = ""
    rules: tuple[RowRule, ...] = ()
    series: tuple[str, ...] = ()


def filled(*columns: str) -> RowRule:
    """Keys without which a row means nothing."""
    return RowRule(
        name="keys_are_filled",
        title=f"{', '.join(columns)} are never null",
        broken=" OR ".join(f'"{name}" IS NULL' for name in columns),
        needs=columns,
        shows=columns,
        fix=ASK_PROVIDER,
    )


def iso_currency(column: str) -> RowRule:
    """A currency code, whatever its case."""
    return RowRule(
        name="currency_is_a_code",
        title=f"{column} is a three-letter currency code",
        broken=f"""NOT coalesce(regexp_full_match("{column}", '[A-Za-z]{{3}}'), false)""",
        needs=(column,),
        shows=(column,),
        fix=ASK_PROVIDER,
    )


def ordered(start: str, end: str, *, may_be_equal: bool = False) -> RowRule:
    """A half-open interval has a length (or, where `may_be_equal`, is not turned round)."""
    return RowRule(
        name="period_is_in_order",
        title=f"{end} lies {'not before' if may_be_equal else 'after'} {start}",
        broken=f'"{end}" {"<" if may_be_equal else "<="} "{start}"',
        needs=(start, end),
        shows=(start, end),
        fix=ASK_PROVIDER,
    )


def listed(name: str, column: str, values: tuple[str, ...], *, warn: bool = False, optional: bool = False) -> RowRule:
    """A closed list; empty text counts as missing."""
    listed = ", ".join("'" + value + "'" for value in values)
    return RowRule(
        name=name,
        title=f"{column} is one of {', '.join(values)}",
        broken=f"""nullif("{column}", '') NOT IN ({listed})""",
        needs=(column,),
        shows=(column,),
        severity="warn" if warn else "error",
        is_optional=optional,
        fix=EXTEND,
    )


def not_negative(*columns: str) -> RowRule:
    """Counts are never negative."""
    return RowRule(
        name="tokens_are_not_negative",
        title=f"{', '.join(columns)} are never negative",
        broken=" OR ".join(f'"{name}" < 0' for name in columns),
        needs=columns,
        shows=columns,
        fix=ASK_PROVIDER,
    )


def inside_partition(column: str, layout: str) -> RowRule:
    """The time lies in the partition, formatted by the strftime `layout`."""
    return RowRule(
        name="rows_belong_to_the_partition",
        title=f"{column} lies in the partition",
        broken=f"""strftime("{column}", '{layout}') != partition""",
        needs=(column,),
        shows=(column,),
        fix=WRONG_PARTITION,
    )
