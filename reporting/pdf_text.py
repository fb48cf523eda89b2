"""Type for the PDF: the embedded font, text that the font can show, and paragraph styles.

The font (DejaVu Sans Condensed, Latin, Greek and Cyrillic) lies in the package, so a statement is the same on
every machine. A character it lacks is shown by its base letter, else by a white square; the page, the CSV files
and the workbook have the original.
"""

from __future__ import annotations

import unicodedata
from functools import cache
from pathlib import Path
from xml.sax.saxutils import escape

from reportlab.lib.colors import HexColor
from reportlab.lib.styles import ParagraphStyle
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import Paragraph

from reporting.formatting import clean
from reporting.palette import INK, QUIET

REGULAR, BOLD = "DejaVuSansCondensed", "DejaVuSansCondensed-Bold"
ACCENT, RULE, SOFT = HexColor("#0b4f82"), HexColor("#d5dbe1"), HexColor("#eef1f4")
_FONTS = Path(__file__).parent / "fonts"
_MISSING = "\u25a1"


@cache
def register_fonts() -> frozenset[int]:
    """Register both weights once; the code points they can show."""
    fonts = [TTFont(name, str(_FONTS / f"{name}.ttf")) for name in (REGULAR, BOLD)]
    for font in fonts:
        pdfmetrics.registerFont(font)
    pdfmetrics.registerFontFamily(REGULAR, normal=REGULAR, bold=BOLD, italic=REGULAR, boldItalic=BOLD)
    return frozenset(fonts[0].face.charToGlyph)


def printable(text: str) -> str:
    """Outside text on one line, in characters the font has."""
    known = register_fonts()
    return "".join(sign if ord(sign) in known else _substitute(sign, known) for sign in clean(text))


def width_of(text: str, size: float, *, bold: bool = False) -> float:
    """Width of a line in points."""
    return pdfmetrics.stringWidth(text, BOLD if bold else REGULAR, size)


@cache
def style(name: str, size: float = 8.0) -> ParagraphStyle:
    """A paragraph style by name: title, heading, subheading, lead, text, quiet, bold, right."""
    register_fonts()
    bold = name in ("title", "heading", "subheading", "bold")
    quiet = name in ("lead", "quiet")
    before = {"heading": 14, "subheading": 10}.get(name, 0)
    sizes = {"title": 21, "heading": 12, "subheading": 9.5, "lead": 7.8}
    size = sizes.get(name, size)
    return ParagraphStyle(
        f"{name}-{size}",
        fontName=BOLD if bold else REGULAR,
        fontSize=size,
        leading=round(size * 1.28, 2),
        textColor=HexColor(QUIET if quiet else INK),
        spaceBefore=before,
        spaceAfter=3 if name in ("heading", "subheading", "lead") else 0,
        splitLongWords=1,
        allowWidows=0,
    )


def paragraph(text: str, name: str = "text", size: float = 8.0) -> Paragraph:
    """Outside text as a paragraph; markup in it is shown, never obeyed."""
    return Paragraph(escape(printable(text)), style(name, size))


def _substitute(sign: str, known: frozenset[int]) -> str:
    if unicodedata.combining(sign) or unicodedata.category(sign) in ("Cf", "Cc"):
        return ""
    base = "".join(part for part in unicodedata.normalize("NFKD", sign) if ord(part) in known)
    return base or _MISSING
