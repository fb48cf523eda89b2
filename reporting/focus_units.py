"""Units as FOCUS writes them: what deliveries call their units, and the legal form with its factor.

FOCUS wants plural, capitalised units of whole quantities ("Tokens", "GB-Hours", "Requests/Second"); price lists
write "Hrs", "GB-Mo" or "1K tokens". A spelling stands here once, lower-cased, with its FOCUS unit. A leading count
("1K tokens", "100 GB", "10K") is a block: the quantity is multiplied by it. What is neither listed nor legal as
delivered goes out unchanged and fails the check `unit_known`, which names it.
"""

from __future__ import annotations

SPELLINGS: dict[str, str] = {
    **dict.fromkeys(("hrs", "hr", "hour", "hours", "h"), "Hours"),
    **dict.fromkeys(("second", "seconds", "s", "sec"), "Seconds"),
    **dict.fromkeys(("minute", "minutes", "min"), "Minutes"),
    **dict.fromkeys(("day", "days"), "Days"),
    **dict.fromkeys(("month", "months", "mo"), "Months"),
    **dict.fromkeys(("year", "years"), "Years"),
    **dict.fromkeys(("token", "tokens"), "Tokens"),
    **dict.fromkeys(("character", "characters"), "Characters"),
    **dict.fromkeys(("image", "images"), "Images"),
    **dict.fromkeys(("session", "sessions"), "Sessions"),
    **dict.fromkeys(("request", "requests"), "Requests"),
    **dict.fromkeys(("api request", "api requests"), "API Requests"),
    **dict.fromkeys(("search", "searches"), "Searches"),
    **dict.fromkeys(("call", "calls"), "Calls"),
    **dict.fromkeys(("event", "events"), "Events"),
    **dict.fromkeys(("operation", "operations"), "Operations"),
    **dict.fromkeys(("query", "queries"), "Queries"),
    **dict.fromkeys(("key", "keys"), "Keys"),
    **dict.fromkeys(("count", "counts"), "Counts"),
    **dict.fromkeys(("unit", "units", "each", "quantity"), "Units"),
    **dict.fromkeys(("dashboard", "dashboards"), "Dashboards"),
    **dict.fromkeys(("byte", "bytes", "by"), "B"),
    "gb": "GB",
    "tb": "TB",
    "mb": "MB",
    "kb": "KB",
    **dict.fromkeys(("gibibyte", "gibibytes", "gib"), "GiB"),
    **dict.fromkeys(("mebibyte", "mebibytes", "mib"), "MiB"),
    **dict.fromkeys(("tebibyte", "tebibytes", "tib"), "TiB"),
    **dict.fromkeys(("gb-mo", "gb-month", "gb-months", "gb month", "gb months"), "GB-Months"),
    **dict.fromkeys(("gb-hours", "gb hour", "gb hours", "gb-hour", "gigabyte per hour"), "GB-Hours"),
    **dict.fromkeys(("gb-second", "gb-seconds", "lambda-gb-second", "lambda-gb-seconds"), "GB-Seconds"),
    **dict.fromkeys(("gibibyte month", "gibibyte months", "gib-months"), "GiB-Months"),
    **dict.fromkeys(("gibibyte hour", "gibibyte hours", "gibibyte_hours", "gib-hours"), "GiB-Hours"),
    **dict.fromkeys(("byte-seconds", "byte second", "byte seconds"), "B-Seconds"),
    **dict.fromkeys(("gib/second-months", "gibps-mo"), "GiBps-Months"),
    **dict.fromkeys(("iops-mo", "iops-months"), "IOPS-Months"),
    **dict.fromkeys(("obj-month", "obj-months"), "Object-Months"),
    **dict.fromkeys(("vcpu-hours", "vcpu-hour", "vcpu hour", "vcpu hours"), "vCPU-Hours"),
    **dict.fromkeys(("ocpu hours", "ocpu hour", "ocpu per hour"), "OCPU-Hours"),
}

_TIMES = "Years|Months|Days|Hours|Minutes|Seconds"
_TIME = "Year|Month|Day|Hour|Minute|Second"
_NAME = "[A-Za-z][A-Za-z0-9]*(?: [A-Za-z][A-Za-z0-9]*)*"
LEGAL_UNIT = f"(?:{_NAME})(?:-(?:{_TIMES})|/(?:{_TIME})|/[0-9]+ (?:{_TIMES}))?"
"""FOCUS unit format without a leading count, as a regular expression to be matched in full."""

_BLOCK = "^([0-9][0-9,]*)([KkMm]?)(?: +|/|$)"


def spellings_table() -> str:
    """The known spellings as a SQL table `(spelling, focus_unit)`."""
    rows = ", ".join(f"('{spelling}', '{unit}')" for spelling, unit in sorted(SPELLINGS.items()))
    return f"(values {rows}) as spellings(spelling, focus_unit)"


def block_size(column: str) -> str:
    """SQL: how many units one delivered unit stands for ("1K tokens": 1000), DECIMAL(12, 0)."""
    count = f"cast(replace(nullif(regexp_extract({column}, '{_BLOCK}', 1), ''), ',', '') as decimal(12, 0))"
    letter = f"upper(regexp_extract({column}, '{_BLOCK}', 2))"
    scale = f"case {letter} when 'K' then 1000 when 'M' then 1000000 else 1 end"
    return f"cast(coalesce({count}, 1) * {scale} as decimal(12, 0))"


def block_rest(column: str) -> str:
    """SQL: the delivered unit without its leading count; a bare count ("10K") counts units."""
    rest = f"trim(regexp_replace({column}, '{_BLOCK}', ''))"
    return f"case when {column} is null then null when {rest} = '' then 'Units' else {rest} end"


def plural_times(column: str) -> str:
    """SQL: a unit with its closing unit of time spelled out in the plural ("LCU-Hrs": "LCU-Hours")."""
    for pattern, time in (("Mo|Month", "Months"), ("Hr|Hrs|Hour", "Hours"), ("Sec|Second", "Seconds"), ("Day", "Days")):
        column = f"regexp_replace({column}, '-({pattern})$', '-{time}')"
    return column


def is_unknown(column: str) -> str:
    """SQL: whether a unit is no legal FOCUS unit, or a listed spelling that should have been translated."""
    wrong = ", ".join(f"'{name}'" for name in sorted(set(SPELLINGS) - {unit.lower() for unit in SPELLINGS.values()}))
    return f"({column} is not null and (not regexp_full_match({column}, '{LEGAL_UNIT}') or lower({column}) in ({wrong})))"
