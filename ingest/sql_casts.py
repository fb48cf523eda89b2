"""SQL expressions that turn delivered values into the lake's types: exact decimals and UTC timestamps.

Text reaches DECIMAL(38,18) without passing a double; digits behind the 18th are rounded. DuckDB casts text
to 128-bit decimals some fifty times slower than to 64-bit ones, so short numbers take the narrow road
first; as TRY_CAST, because DuckDB 1.5 computes plain casts of struct fields ahead of the CASE around them.
"""

from __future__ import annotations

MONEY_TYPE = "DECIMAL(38,18)"
_SHORT = r"-?[0-9]{1,6}(\.[0-9]{0,12})?"
_WIDER = r"-?[0-9]{1,9}(\.[0-9]{0,9})?"
_NUMBER = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?"
_ZONE = r"\s*(?:Z|UTC|[+-][0-9]{2}(?::?[0-9]{2})?)?"
_DAY = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_PLAIN = _DAY + r"[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?Z?"
_TO_SECONDS = _DAY + r"[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?" + _ZONE
_TO_MINUTES = f"({_DAY}[T ][0-9]{{2}}:[0-9]{{2}})({_ZONE})"


def quoted(name: str) -> str:
    """A SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A SQL text literal, where no value can be bound (COPY targets, column names as data)."""
    return "'" + text.replace("'", "''") + "'"


def decimal_from_text(text: str, *, strict: bool = False) -> str:
    """SQL for DECIMAL(38,18) from a text expression ('12.5', '7.32E-7').

    Args:
        text: SQL expression of type VARCHAR.
        strict: text that is no number raises a conversion error instead of giving NULL.
    """
    otherwise = (
        f"WHEN {text} IS NOT NULL THEN CAST('not a number: ' || {text} AS {MONEY_TYPE}) " if strict else ""
    )
    cast = "CAST" if strict else "TRY_CAST"
    return (
        f"CASE WHEN regexp_full_match({text}, '{_SHORT}')"
        f" THEN CAST(TRY_CAST({text} AS DECIMAL(18,12)) AS {MONEY_TYPE})"
        f" WHEN regexp_full_match({text}, '{_WIDER}')"
        f" THEN CAST(TRY_CAST({text} AS DECIMAL(18,9)) AS {MONEY_TYPE})"
        f" WHEN regexp_full_match({text}, '{_NUMBER}') THEN {cast}({text} AS {MONEY_TYPE}) {otherwise}END"
    )


def utc_from_text(text: str) -> str:
    """SQL for TIMESTAMP (UTC) from ISO 8601 text with or without zone and seconds; NULL for anything else.

    A time without zone is UTC. The session's TimeZone must be UTC.
    """
    with_seconds = f"regexp_replace({text}, '^{_TO_MINUTES}$', '\\1:00\\2')"
    return (
        f"CASE WHEN regexp_full_match({text}, '{_PLAIN}') THEN TRY_CAST({text} AS TIMESTAMP)"
        f" WHEN regexp_full_match({text}, '{_TO_SECONDS}')"
        f" THEN CAST(TRY_CAST({text} AS TIMESTAMPTZ) AS TIMESTAMP)"
        f" WHEN regexp_full_match({text}, '{_TO_MINUTES}')"
        f" THEN CAST(TRY_CAST({with_seconds} AS TIMESTAMPTZ) AS TIMESTAMP)"
        f" WHEN regexp_full_match({text}, '{_DAY}') THEN TRY_CAST({text} AS TIMESTAMP) END"
    )


def money_from_double(number: str) -> str:
    """SQL for money from a delivered DOUBLE without binary noise: the rule of the dbt macro of the same name.

    A double holds 15 to 16 digits: 12 places are read below 1,000, 8 below 10 million, 4 above.
    """
    scales = [(f"abs({number}) < 1000", 12), (f"abs({number}) < 10000000", 8)]
    cases = "".join(
        f" WHEN {test} THEN CAST(CAST({number} AS DECIMAL(38,{scale})) AS {MONEY_TYPE})"
        for test, scale in scales
    )
    return f"CASE{cases} ELSE CAST(CAST({number} AS DECIMAL(38,4)) AS {MONEY_TYPE}) END"
