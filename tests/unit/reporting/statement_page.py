"""Reads a statement page back: its tables by currency and name, as rows of cell texts."""

from __future__ import annotations

from decimal import Decimal
from html.parser import HTMLParser

_VOID = frozenset({"meta", "link", "br", "hr", "img", "input", "path", "line", "rect"})


class StatementTables(HTMLParser):
    """Collects `tables[currency][name]` (list of tables, each a list of rows) and every tag and its
    attributes.
    """

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tables: dict[str, dict[str, list[list[list[str]]]]] = {"": {}}
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._sections: list[str | None] = []
        self._open_cell = False
        self._current: list[list[str]] | None = None
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.tags.append((tag, values))
        if tag == "section":
            self._sections.append(values.get("data-currency"))
        if tag == "table":
            currency = next((name for name in reversed(self._sections) if name), "")
            named = self.tables.setdefault(currency, {}).setdefault(values.get("data-table") or "", [])
            self._current = []
            named.append(self._current)
        if tag == "tr" and self._current is not None:
            self._current.append([])
        if tag in ("td", "th") and self._current is not None:
            self._current[-1].append("")
            self._open_cell = True

    def handle_endtag(self, tag: str) -> None:
        if tag == "section":
            self._sections.pop()
        if tag in ("td", "th"):
            self._open_cell = False
        if tag == "table":
            self._current = None

    def handle_data(self, data: str) -> None:
        self.text += data
        if self._open_cell and self._current is not None:
            self._current[-1][-1] += data

    def table(self, currency: str, name: str) -> list[list[str]]:
        """The one table of that name."""
        (table,) = self.tables[currency][name]
        return table


def amount(text: str) -> Decimal:
    """A printed amount as a number."""
    return Decimal(text.strip().replace(",", "").replace("\u2212", "-").replace("+", ""))
