"""One table as every format prints it: page, PDF and workbook take the same cells and only dress them.

Cells are typed values (text, money, counts, shares, rates); a format turns them into its own kind of text or
number. None is unknown and prints as a dash.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from reporting.formatting import clean, count, money, share, signed_money
from reporting.unit_economics import Rate

Kind = Literal["text", "quiet", "money", "change", "hours", "count", "share", "rate", "quantity", "price"]


@dataclass(frozen=True)
class Share:
    """A part of a whole; printed as a percentage, unknown when the whole is not positive."""

    part: Decimal | None
    whole: Decimal | None
    sign: bool = False


Cell = str | int | Decimal | Share | Rate | None


@dataclass(frozen=True)
class Column:
    """A column's heading and how its cells are written."""

    title: str
    kind: Kind = "text"

    @property
    def is_number(self) -> bool:
        """Whether the cells stand to the right."""
        return self.kind not in ("text", "quiet")


@dataclass(frozen=True)
class DataTable:
    """Rows under columns, with a caption above, a total row and notes below. `places`: decimals of the currency.

    `apart` holds the numbers of rows set apart from the others (money without an owner).
    """

    name: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    places: int
    total: tuple[Cell, ...] | None = None
    of_total: tuple[tuple[Cell, ...], ...] = ()
    apart: frozenset[int] = frozenset()
    notes: tuple[str, ...] = ()
    caption: str = ""


@dataclass(frozen=True)
class Bar:
    """One bar of a chart: its parts as (start, end, colour) and the text at its end."""

    label: str
    parts: tuple[tuple[Decimal, Decimal, str], ...]
    text: str


@dataclass(frozen=True)
class BarChart:
    """Horizontal bars on one money axis; the legend names colours."""

    bars: tuple[Bar, ...]
    axis: str
    legend: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Section:
    """A heading with a sentence, a chart and tables below it."""

    title: str
    lead: str = ""
    sentences: tuple[str, ...] = ()
    chart: BarChart | None = None
    tables: tuple[DataTable, ...] = field(default=())
    level: int = 2


def cell_text(value: Cell, column: Column, places: int) -> str:
    """A cell as text for a reader: the same characters on the page and in the PDF."""
    if isinstance(value, Share):
        return share(value.part, value.whole, sign=value.sign)
    if isinstance(value, Rate):
        return money(value.value, _places(value.value))
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, int):
        return count(value)
    if column.kind == "change":
        return signed_money(value, places)
    if column.kind == "hours":
        return money(value, 1)
    if column.kind in ("quantity", "price", "rate"):
        return money(value, _scale(value))
    return money(value, places)


def cell_note(value: Cell) -> str:
    """The reason beside an unknown or partial rate."""
    return clean(value.note) if isinstance(value, Rate) else ""


def _places(value: Decimal | None) -> int:
    """Decimals as the rate was rounded."""
    exponent = value.as_tuple().exponent if value is not None else 0
    return -exponent if isinstance(exponent, int) else 0


def _scale(value: Decimal | None) -> int:
    """Decimals of a figure that is no money, without trailing zeros beyond the second."""
    if value is None:
        return 0
    exponent = value.normalize().as_tuple().exponent
    return max(2, -exponent) if isinstance(exponent, int) else 2
