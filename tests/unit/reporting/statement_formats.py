"""Reads PDF and XLSX statements back with other libraries than those that wrote them."""

from __future__ import annotations

import io
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
from pypdf import PdfReader

from tests.unit.reporting.statement_page import amount


class PdfText:
    """The text lines of a PDF, in page order."""

    def __init__(self, content: Path | bytes) -> None:
        self.reader = PdfReader(io.BytesIO(content) if isinstance(content, bytes) else content)
        self.pages = [page.extract_text() for page in self.reader.pages]
        self.lines = [line.strip() for text in self.pages for line in text.splitlines() if line.strip()]

    @property
    def text(self) -> str:
        """All text on one line."""
        return " ".join(" ".join(self.lines).split())

    def after(self, label: str, count: int, *, start: int = 0) -> list[Decimal]:
        """The first amounts that follow a line with this text."""
        at = self.lines.index(label, start)
        found: list[Decimal] = []
        for line in self.lines[at + 1 :]:
            try:
                found.append(amount(line))
            except ArithmeticError:
                continue
            if len(found) == count:
                break
        return found

    def key_figures(self) -> dict[str, dict[str, Decimal]]:
        """Printed effective and billed totals per currency."""
        figures: dict[str, dict[str, Decimal]] = {}
        for number, line in enumerate(self.lines):
            if line == "Effective cost (amortised)":
                head = max(at for at in range(number) if len(self.lines[at]) == 3 and self.lines[at].isupper())
                figures[self.lines[head]] = {
                    "effective": amount(self.lines[number + 1]),
                    "billed": self.after("Billed cost (invoice basis)", 1, start=number)[0],
                }
        return figures


def sheets_of(content: Path | bytes) -> dict[str, list[dict[str, Any]]]:
    """Rows of every sheet but the cover, by sheet and column name."""
    book = openpyxl.load_workbook(io.BytesIO(content) if isinstance(content, bytes) else content)
    found = {}
    for sheet in book.worksheets[1:]:
        header, *rows = sheet.iter_rows(values_only=True)
        found[sheet.title] = [dict(zip(header, row, strict=True)) for row in rows]
    return found


def cents(value: float | int | None) -> Decimal:
    """A workbook's number back in cents, which a double holds exactly enough."""
    return Decimal(repr(value or 0)).quantize(Decimal("0.01"))
