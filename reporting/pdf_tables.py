"""Tables as PDF flowables: aligned figures, wrapped text, repeated headings, nothing cut off."""

from __future__ import annotations

from xml.sax.saxutils import escape

from reportlab.lib.colors import HexColor
from reportlab.platypus import Paragraph, Table

from reporting.datatable import Cell, Column, DataTable, cell_note, cell_text
from reporting.palette import INK, QUIET
from reporting.pdf_text import BOLD, REGULAR, RULE, SOFT, paragraph, printable, style, width_of

_SIZES = (7.4, 6.8, 6.2, 5.8, 5.4, 5.0)
_MANY_COLUMNS = 9
_TEXT_SHARE, _MIN_TEXT = 0.30, 46.0


def table_flowable(table: DataTable, width: float) -> Table:
    """A table as wide as the column; the type shrinks until the figures fit beside readable text."""
    rows = [*table.rows, *([table.total] if table.total else []), *table.of_total]
    texts = [[_text(value, column, table.places) for value, column in zip(row, table.columns, strict=True)] for row in rows]
    padding = 1.8 if len(table.columns) > _MANY_COLUMNS else 3.0
    for size in _SIZES:
        widths = _widths(table.columns, texts, width, size, padding)
        if widths:
            break
    else:
        size, widths = _SIZES[-1], [width / len(table.columns)] * len(table.columns)
    first_total = len(table.rows)
    body = [
        [_cell(text, column, at - 2 * padding, size, is_bold=number == first_total and bool(table.total))
         for text, column, at in zip(line, table.columns, widths, strict=True)]
        for number, line in enumerate(texts)
    ]  # fmt: skip
    heads = [_head(column, size) for column in table.columns]
    return Table([heads, *body], colWidths=widths, repeatRows=1, style=_style(table, size, padding, first_total), hAlign="LEFT")


def _text(value: Cell, column: Column, places: int) -> str:
    text, note = cell_text(value, column, places), cell_note(value)
    return printable(f"{text} ({note})" if note and not column.is_number else text)


def _widths(columns: tuple[Column, ...], texts: list[list[str]], width: float, size: float, padding: float) -> list[float] | None:
    """Figures as wide as they are, text columns the rest by need; None when text gets too narrow."""
    wanted = [
        max([width_of(line[number], size, bold=True) for line in texts] + [_head_width(column, size)]) + 2 * padding + 1
        for number, column in enumerate(columns)
    ]
    if sum(wanted) <= width:
        spare = (width - sum(wanted)) / len(columns)
        return [want + spare for want in wanted]
    fixed = sum(want for want, column in zip(wanted, columns, strict=True) if column.is_number)
    words = [number for number, column in enumerate(columns) if not column.is_number]
    room = width - fixed
    if not words or room < max(_TEXT_SHARE * width * min(len(words), 2) / 2, _MIN_TEXT * len(words)):
        return None
    return _shared(wanted, words, room)


def _shared(wanted: list[float], words: list[int], room: float) -> list[float]:
    """Text columns that need little keep it; the others share the rest by need."""
    widths, open_columns, left = list(wanted), list(words), room
    while True:
        fair = left / max(len(open_columns), 1)
        small = [number for number in open_columns if wanted[number] <= fair]
        if not small:
            break
        for number in small:
            left -= wanted[number]
            open_columns.remove(number)
    need = sum(wanted[number] for number in open_columns)
    for number in open_columns:
        widths[number] = max(left * wanted[number] / need, min(_MIN_TEXT, left / len(open_columns)))
    excess = sum(widths[number] for number in open_columns) - left
    if open_columns and excess > 0:
        widest = max(open_columns, key=lambda number: widths[number])
        widths[widest] -= excess
    return widths


def _head_width(column: Column, size: float) -> float:
    """A heading may wrap between words."""
    return max(width_of(word, size, bold=True) for word in [*printable(column.title).split(), ""])


def _head(column: Column, size: float) -> Paragraph:
    look = style("bold", size).clone("head", textColor=HexColor(QUIET), alignment=2 if column.is_number else 0)
    return Paragraph(escape(printable(column.title)), look)


def _cell(text: str, column: Column, width: float, size: float, *, is_bold: bool) -> str | Paragraph:
    """Plain text where it fits on one line of that width, else a wrapped paragraph."""
    if column.is_number or width_of(text, size, bold=is_bold) <= width:
        return text
    return paragraph(text, "bold" if is_bold else "quiet" if column.kind == "quiet" else "text", size)


def _style(table: DataTable, size: float, padding: float, first_total: int) -> list[tuple]:
    look: list[tuple] = [
        ("FONT", (0, 0), (-1, -1), REGULAR, size, round(size * 1.28, 2)),
        ("TEXTCOLOR", (0, 0), (-1, -1), HexColor(INK)),
        ("VALIGN", (0, 0), (-1, 0), "BOTTOM"),
        ("VALIGN", (0, 1), (-1, -1), "TOP"),
        ("LEFTPADDING", (0, 0), (-1, -1), padding),
        ("RIGHTPADDING", (0, 0), (-1, -1), padding),
        ("TOPPADDING", (0, 0), (-1, -1), 1.8),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 2.2),
        ("LINEBELOW", (0, 0), (-1, 0), 0.7, HexColor(INK)),
        ("LINEBELOW", (0, 1), (-1, -1), 0.4, SOFT),
    ]
    for number, column in enumerate(table.columns):
        if column.is_number:
            look.append(("ALIGN", (number, 0), (number, -1), "RIGHT"))
        if column.kind in ("quiet", "share"):
            look.append(("TEXTCOLOR", (number, 1), (number, first_total), HexColor(QUIET)))
    look += [("LINEABOVE", (0, row + 1), (-1, row + 1), 0.6, RULE) for row in table.apart]
    if table.total:
        at = first_total + 1
        look += [
            ("FONT", (0, at), (-1, at), BOLD, size, round(size * 1.28, 2)),
            ("LINEABOVE", (0, at), (-1, at), 0.7, HexColor(INK)),
            ("LINEBELOW", (0, at), (-1, at), 0.7, HexColor(INK)),
            ("TEXTCOLOR", (0, at + 1), (-1, -1), HexColor(QUIET)),
        ]
    return look
