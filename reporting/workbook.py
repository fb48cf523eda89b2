"""The statement as an XLSX workbook: a cover sheet and one sheet per table, numbers as numbers.

Text cells are written as text and marked so that no spreadsheet takes them for formulas, not even when edited;
control characters are left out. The same statement gives the same bytes: the only time inside is that of the
snapshot. Excel keeps 15 digits, so exact amounts stay in the CSV files.
"""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from reporting.csv_files import Row, Value, is_formula
from reporting.fact_tables import FactTable

_MAX_TEXT = 32_000
_WIDEST, _NARROWEST = 44, 9
_MEASURED_ROWS = 60


def workbook_bytes(*, title: str, created_at: str, cover: Sequence[Row], tables: Iterable[FactTable]) -> bytes:
    """Build the workbook in memory.

    Args:
        title: title of the file and of the cover sheet.
        created_at: ISO instant of the snapshot; the workbook's only date.
        cover: rows of the cover sheet below its title.
        tables: one sheet each, in order.
    """
    import xlsxwriter

    buffer = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(buffer, options) as book:
        book.set_properties({"title": _plain(title), "created": _instant(created_at)})
        book.set_size(2400, 1600)
        styles = _Styles(book)
        _cover(book.add_worksheet("Statement"), title, cover, styles)
        for table in tables:
            _sheet(book.add_worksheet(table.title), table, styles)
    return buffer.getvalue()


class _Styles:
    """Cell formats, one per look; number formats follow the decimals of the amount."""

    def __init__(self, book: Any) -> None:
        self._book, self._numbers = book, {}
        font = {"font_name": "Arial", "font_size": 9, "valign": "top"}
        self._font = font
        self.text = book.add_format(font)
        self.guarded = book.add_format({**font, "quote_prefix": True})
        self.header = book.add_format({**font, "bold": True, "bottom": 1, "bg_color": "#eef1f4", "text_wrap": True})
        self.title = book.add_format({**font, "bold": True, "font_size": 15})
        self.key = book.add_format({**font, "bold": True})
        self.wrapped = book.add_format({**font, "text_wrap": True})

    def number(self, places: int) -> Any:
        """Thousands separators and that many decimals; negative amounts with a minus sign."""
        if places not in self._numbers:
            form = "#,##0" + ("." + "0" * places if places else "")
            self._numbers[places] = self._book.add_format({**self._font, "num_format": form})
        return self._numbers[places]


def _cover(sheet: Any, title: str, rows: Sequence[Row], styles: _Styles) -> None:
    sheet.hide_gridlines(2)
    sheet.set_column(0, 0, 30)
    sheet.set_column(1, 1, 22)
    sheet.set_column(2, 6, 18)
    sheet.write_string(0, 0, _plain(title), styles.title)
    for number, row in enumerate(rows, 2):
        for column, value in enumerate(row):
            _write(sheet, number, column, value, styles, styles.key if not column else None)
    _print_setup(sheet)


def _sheet(sheet: Any, table: FactTable, styles: _Styles) -> None:
    shown = [number for number, name in enumerate(table.header) if not name.endswith("_exact")]
    for column, number in enumerate(shown):
        name = table.header[number]
        sheet.write_string(0, column, name, styles.header)
        sheet.set_column(column, column, _width(name, [row[number] for row in table.rows[:_MEASURED_ROWS]]))
        for line, row in enumerate(table.rows, 1):
            _write(sheet, line, column, row[number], styles)
    sheet.freeze_panes(1, 0)
    if table.rows:
        sheet.autofilter(0, 0, len(table.rows), len(shown) - 1)
    sheet.repeat_rows(0)
    _print_setup(sheet)


def _print_setup(sheet: Any) -> None:
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
    sheet.set_footer("&L&8&A&R&8&P / &N")


def _write(sheet: Any, row: int, column: int, value: Value, styles: _Styles, style: Any = None) -> None:
    if value is None:
        return
    if isinstance(value, bool):
        sheet.write_boolean(row, column, value, styles.text)
    elif isinstance(value, Decimal):
        sheet.write_number(row, column, float(value), styles.number(_places(value)))
    elif isinstance(value, int):
        sheet.write_number(row, column, value, styles.number(0))
    elif value:
        text = _plain(value)
        sheet.write_string(row, column, text, styles.guarded if is_formula(text) else style or styles.text)


def _places(value: Decimal) -> int:
    exponent = value.as_tuple().exponent
    return min(-exponent, 6) if isinstance(exponent, int) and exponent < 0 else 0


def _plain(text: str) -> str:
    """Without control characters, which XML cannot hold, and no longer than a cell."""
    kept = "".join(" " if unicodedata.category(sign) in ("Cc", "Cs", "Cn") else sign for sign in text)
    return kept[:_MAX_TEXT]


def _width(name: str, values: Iterable[Value]) -> float:
    longest = max((len(f"{value:,}" if isinstance(value, Decimal | int) else str(value or "")) for value in values), default=0)
    return min(max(longest + 2, len(name) * 0.8 + 3, _NARROWEST), _WIDEST)


def _instant(text: str) -> datetime:
    """The snapshot's instant without zone, as the format wants it; a fixed day when it is not known."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return datetime(2000, 1, 1)
    return (moment.astimezone(UTC) if moment.tzinfo else moment).replace(tzinfo=None, microsecond=0)
