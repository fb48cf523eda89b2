"""How figures and names are written on the page: money, counts, rates, shares, dates and outside text.

Unknown values are a dash; the reason stands beside it. Figures come in rounded; nothing is rounded here
except shares, which carry no money.
"""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal

from ingest.billing_period import BillingPeriod

MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_ABBREVIATIONS = {"gpu": "GPU", "api": "API"}
UNKNOWN = "\u2013"
MINUS = "\u2212"
# Marks that reverse or embed writing direction can make a name read as another; joiners (emoji) are left
# alone.
_DIRECTION_MARKS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def money(amount: Decimal | None, places: int = 2) -> str:
    """1,234.50 with a true minus sign; a dash when unknown."""
    return UNKNOWN if amount is None else _signed(f"{amount:,.{places}f}")


def signed_money(amount: Decimal | None, places: int = 2) -> str:
    """A change with its sign, plus or minus; 0.00 without one."""
    if amount is None:
        return UNKNOWN
    return ("+" if amount > 0 else "") + money(amount, places)


def count(value: int | None) -> str:
    """Whole numbers with thousands separators."""
    return UNKNOWN if value is None else _signed(f"{value:,d}")


def compact(value: int | None) -> str:
    """Large counts for headlines: 1.24 B, 35.1 M, 4,210."""
    if value is None:
        return UNKNOWN
    for size, suffix in ((10**12, "T"), (10**9, "B"), (10**6, "M")):
        if abs(value) >= size:
            return _signed(f"{Decimal(value) / size:.2f} {suffix}")
    return count(value)


def share(part: Decimal | None, whole: Decimal | None, *, sign: bool = False) -> str:
    """A percentage with one decimal; a dash when the whole is unknown or not positive."""
    if part is None or whole is None or whole <= 0:
        return UNKNOWN
    percent = (part / whole * 100).quantize(Decimal("0.1"), rounding=ROUND_HALF_UP)
    text = _signed(f"{percent:,f}")
    return f"+{text} %" if sign and percent > 0 else f"{text} %"


def month_name(billing_period: str) -> str:
    """2026-03 as March 2026."""
    period = BillingPeriod.parse(billing_period)
    return f"{MONTHS[period.month - 1]} {period.year}"


def instant(text: str) -> str:
    """An ISO 8601 instant to the minute, in UTC; any other text as it is."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return clean(text)
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def clean(text: str) -> str:
    """Outside text made fit to print on one line: no control characters, no direction marks."""
    kept = "".join(_printable(character) for character in text)
    return " ".join(kept.split())


def words(identifier: str) -> str:
    """A mart's code as words: under_utilised -> under utilised."""
    return clean(identifier.replace("_", " "))


def label(code: str) -> str:
    """A mart's code as a heading: gpu -> GPU, under_utilised -> Under utilised."""
    return _ABBREVIATIONS.get(code, words(code).capitalize())


def _printable(character: str) -> str:
    if character in _DIRECTION_MARKS:
        return ""
    return " " if unicodedata.category(character) in ("Cc", "Zl", "Zp") else character


def _signed(text: str) -> str:
    """A minus sign of a digit's width, and no negative zero."""
    if not text.startswith("-"):
        return text
    return text[1:] if not text.strip("-0.,") else MINUS + text[1:]
