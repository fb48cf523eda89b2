"""Tables as CSV text: UTF-8, comma, header row, line feeds; unknown is an empty cell.

Text comes from outside (tags, names): a cell that a spreadsheet would read as a formula gets a leading
apostrophe; numbers stay numbers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from decimal import Decimal

Value = str | int | Decimal | bool | None
Row = Sequence[Value]

# What spreadsheets take as the start of a formula, full-width forms included, and what can hide one from a
# reader.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")

_NEEDS_QUOTES = re.compile(r'[",\r\n]')


def is_formula(text: str) -> bool:
    """Whether a spreadsheet could run the text."""
    return text.startswith(_FORMULA_STARTS) or text.lstrip().startswith(_FORMULA_STARTS)


def neutral(text: str) -> str:
    """The text, with an apostrophe before it if a spreadsheet would run it."""
    return f"'{text}" if is_formula(text) else text


def csv_text(header: Sequence[str], rows: Iterable[Row]) -> str:
    """Rows as CSV text (RFC 4180 quoting, line feeds between rows)."""
    return "".join(",".join(map(_cell, row)) + "\n" for row in (header, *rows))


def _cell(value: Value) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return f"{value:f}"
    return str(value) if isinstance(value, int) else _quoted(neutral(value))


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if _NEEDS_QUOTES.search(text) else text
