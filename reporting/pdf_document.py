"""A statement as a PDF: A4, page numbers, running head and foot, extractable text.

The same statement gives the same bytes: dates and ids of the file are fixed, all times shown are the snapshot's.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    BaseDocTemplate,
    CondPageBreak,
    Flowable,
    Frame,
    KeepTogether,
    PageBreak,
    PageTemplate,
    Spacer,
    Table,
)

from reporting.datatable import DataTable, Section
from reporting.documents import Document
from reporting.palette import INK, QUIET
from reporting.pdf_charts import BarFlowable
from reporting.pdf_tables import table_flowable
from reporting.pdf_text import REGULAR, RULE, SOFT, paragraph, printable, register_fonts, width_of
from reporting.status import FINAL, PROVISIONAL, Status

_SIDE, _TOP, _BOTTOM = 13 * mm, 17 * mm, 16 * mm
WIDTH = A4[0] - 2 * _SIDE
_STATUS_COLOURS = {FINAL: ("#0a6b4b", "#e5f3ee"), PROVISIONAL: ("#8a4b00", "#fdf1de")}
_ROOM_FOR_SECTION = 92
_SHORT, _LINE = 14, 14.5


def pdf_bytes(statement: Document) -> bytes:
    """Lay the statement out."""
    register_fonts()
    buffer = io.BytesIO()
    running = printable(f"AI inference cost statement · {statement.title} · {statement.owner} · {statement.month.status.label}")
    foot = printable(" · ".join(f"{name} {value}" for name, value in statement.facts))
    document = BaseDocTemplate(
        buffer,
        pagesize=A4,
        title=printable(f"AI inference cost statement, {statement.title}, {statement.owner}"),
        author="inference-tco",
        creator="inference-tco",
        invariant=1,
        lang="en",
    )
    frame = Frame(_SIDE, _BOTTOM, WIDTH, A4[1] - _TOP - _BOTTOM, 0, 0, 0, 0)
    document.addPageTemplates(PageTemplate(frames=[frame]))

    def canvas_maker(*arguments: Any, **options: Any) -> Canvas:
        return _NumberedCanvas(*arguments, running=running, foot=foot, **options)

    document.build(_story(statement), canvasmaker=canvas_maker)
    return buffer.getvalue()


class _NumberedCanvas(Canvas):
    """Draws head and foot once the number of pages is known."""

    def __init__(self, *arguments: Any, running: str, foot: str, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._running, self._foot, self._pages = running, foot, []

    def showPage(self) -> None:
        """Keep the page until the end."""
        self._pages.append(dict(self.__dict__))
        self._startPage()  # type: ignore[attr-defined]

    def save(self) -> None:
        """Finish all pages."""
        pages = self._pages
        for number, page in enumerate(pages, 1):
            self.__dict__.update(page)
            self._dress(number, len(pages))
            super().showPage()
        super().save()

    def _dress(self, number: int, pages: int) -> None:
        self.setFont(REGULAR, 6.6)
        self.setFillColor(HexColor(QUIET))
        if number > 1:
            self.drawString(_SIDE, A4[1] - 11 * mm, _short(self._running, WIDTH))
            self.setStrokeColor(RULE)
            self.setLineWidth(0.5)
            self.line(_SIDE, A4[1] - 12.6 * mm, A4[0] - _SIDE, A4[1] - 12.6 * mm)
        self.drawString(_SIDE, 9 * mm, _short(self._foot, WIDTH - 50))
        self.drawRightString(A4[0] - _SIDE, 9 * mm, f"Page {number} of {pages}")


class _Outline(Flowable):
    """An invisible bookmark, so that readers can jump to a section."""

    def __init__(self, text: str, key: str, level: int) -> None:
        super().__init__()
        self._text, self._key, self._level = text, key, level

    def draw(self) -> None:
        """Add the bookmark at this place."""
        self.canv.bookmarkPage(self._key)
        self.canv.addOutlineEntry(self._text, self._key, self._level, closed=True)


def _story(statement: Document) -> list[Flowable]:
    story: list[Flowable] = [*_masthead(statement), _status_box(statement.month.status)]
    for number, block in enumerate(statement.blocks):
        if number:
            story.append(PageBreak())
        if len(statement.blocks) > 1:
            words = f"{block.currency}: currencies are never added together; each has its own figures."
            story += [_Outline(printable(block.currency), f"c{number}", 0), paragraph(words, "heading")]
        story += [Spacer(1, 6), *_table(block.figures)]
        for at, section in enumerate(block.sections):
            story += _section(section, f"c{number}s{at}", 1 if len(statement.blocks) > 1 else 0)
    return [*story, *_terms(statement.terms)]


def _masthead(statement: Document) -> list[Flowable]:
    left = [paragraph("AI INFERENCE COST STATEMENT", "quiet", 7), paragraph(statement.title, "title"), Spacer(1, 3)]
    left.append(paragraph(statement.owner, "bold", 10))
    right = [paragraph(f"{name}: {value}", "quiet", 7) for name, value in statement.facts]
    look = [("VALIGN", (0, 0), (-1, -1), "BOTTOM"), ("LINEBELOW", (0, 0), (-1, -1), 1.4, HexColor(INK))]
    look += [("LEFTPADDING", (0, 0), (-1, -1), 0), ("RIGHTPADDING", (0, 0), (-1, -1), 0), ("BOTTOMPADDING", (0, 0), (-1, -1), 8)]
    return [Table([[left, right]], colWidths=[WIDTH * 0.62, WIDTH * 0.38], style=look), Spacer(1, 8)]


def _status_box(status: Status) -> Table:
    ink, ground = _STATUS_COLOURS.get(status.word, ("#1c2733", "#eef1f4"))
    word = paragraph(f"Status: {status.label}", "bold", 9)
    lines = [*(f"\u2022 {reason}" for reason in status.reasons), *status.notes] or ["No known gap in its inputs."]
    body = [word, *(paragraph(line, "text", 7.6) for line in lines)]
    look = [
        ("BACKGROUND", (0, 0), (-1, -1), HexColor(ground)), ("LINEBEFORE", (0, 0), (0, -1), 3, HexColor(ink)),
        ("LEFTPADDING", (0, 0), (-1, -1), 9), ("TOPPADDING", (0, 0), (-1, -1), 5), ("BOTTOMPADDING", (0, 0), (-1, -1), 6),
    ]  # fmt: skip
    return Table([[body]], colWidths=[WIDTH], style=look)


def _section(section: Section, key: str, level: int) -> list[Flowable]:
    chart = BarFlowable(section.chart, WIDTH) if section.chart else None
    room = _room_for(section) + (chart.height if chart else 0)
    name = "heading" if section.level == 2 else "subheading"
    story: list[Flowable] = [CondPageBreak(room), _Outline(printable(section.title), key, level), paragraph(section.title, name)]
    if section.lead:
        story.append(paragraph(section.lead, "lead"))
    story += [paragraph(sentence, "text", 8.2) for sentence in section.sentences]
    if chart:
        story += [Spacer(1, 5), chart, Spacer(1, 4)]
    for table in section.tables:
        story += _table(table)
    return story


def _room_for(section: Section) -> float:
    """Space a section must find on its page: its heading and its chart or first table, or a long one's first rows."""
    first = section.tables[0] if section.tables else None
    if first is None or len(first.rows) > _SHORT or section.chart:
        return _ROOM_FOR_SECTION
    lines = len(first.rows) + len(first.of_total) + len(first.notes) + 3
    return _ROOM_FOR_SECTION / 2 + _LINE * (lines + len(section.sentences))


def _table(table: DataTable) -> list[Flowable]:
    """A table with its caption and notes; a short one is never torn."""
    parts: list[Flowable] = []
    if table.rows:
        if table.caption:
            parts += [CondPageBreak(60), Spacer(1, 4), paragraph(table.caption, "bold", 7.8)]
        parts += [Spacer(1, 3), table_flowable(table, WIDTH), Spacer(1, 3)]
    parts += [paragraph(note, "lead") for note in table.notes]
    return [KeepTogether(parts)] if parts and len(table.rows) <= _SHORT else parts


def _terms(terms: Sequence[tuple[str, str]]) -> list[Flowable]:
    rows = [[paragraph(word, "bold", 7.4), paragraph(text, "quiet", 7.4)] for word, text in terms]
    look = [
        ("VALIGN", (0, 0), (-1, -1), "TOP"), ("LEFTPADDING", (0, 0), (-1, -1), 0), ("BACKGROUND", (0, 0), (0, -1), SOFT),
        ("LEFTPADDING", (0, 0), (0, -1), 4), ("LEFTPADDING", (1, 0), (1, -1), 6), ("BOTTOMPADDING", (0, 0), (-1, -1), 2.5),
    ]  # fmt: skip
    title = paragraph("How to read this statement", "heading")
    return [CondPageBreak(150), title, Table(rows, colWidths=[78, WIDTH - 78], style=look)] if rows else []


def _short(text: str, width: float) -> str:
    """The text, cut to a width in the small type of head and foot."""
    if width_of(text, 6.6) <= width:
        return text
    while text and width_of(f"{text}\u2026", 6.6) > width:
        text = text[:-1]
    return f"{text}\u2026"
