"""The rows of ``token_prices.csv``: one price of one usage type, in one service class, valid over one
interval.

Prices are absolute USD per ``unit_quantity`` units (never multipliers), intervals are half-open UTC dates,
tiers are
cliffs: the row with the highest ``tier_above_input_tokens`` that the request's total input strictly exceeds
prices every token of the request. A row with a time-of-day window wins over one without. ``retrieved_on`` is
the day the row was first believed; rows are closed by ``valid_to`` and followed by new ones, never edited
(see ``price_history``).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from ingest.prices.price_history import DatedPrice
from ingest.prices.seed_csv import decimal_text, parse_decimal, read_seed, write_seed

TOKEN_PRICES_FILE = "prices/token_prices.csv"
TOKEN_PRICE_OVERRIDES_FILE = "prices/token_price_overrides.csv"

OPEN_START = date(1970, 1, 1)
"""``valid_from`` of a price whose beginning nobody recorded (``is_open_start`` is true then)."""

COLUMNS = (
    "provider",
    "model",
    "price_class",
    "usage_type",
    "tier_above_input_tokens",
    "tod_start_utc",
    "tod_end_utc",
    "unit_quantity",
    "price_usd",
    "valid_from",
    "valid_to",
    "is_open_start",
    "is_deprecated",
    "source",
    "source_version",
    "source_url",
    "retrieved_on",
)


@dataclass(frozen=True, kw_only=True, order=True)
class PriceKey:
    """What a price is for. ``tod_*`` are ``HH:MM`` or empty; a window may cross midnight."""

    provider: str
    model: str
    price_class: str
    usage_type: str
    tier_above_input_tokens: int = 0
    tod_start_utc: str = ""
    tod_end_utc: str = ""

    def __str__(self) -> str:
        parts = [f"{self.provider}/{self.model}", self.price_class, self.usage_type]
        parts += (
            [f"above {self.tier_above_input_tokens:,} input tokens"] if self.tier_above_input_tokens else []
        )
        parts += [f"{self.tod_start_utc}-{self.tod_end_utc} UTC"] if self.tod_start_utc else []
        return " ".join(parts)


@dataclass(frozen=True, kw_only=True)
class TokenPrice(DatedPrice):
    """One price row, USD per ``unit_quantity`` units."""

    key: PriceKey
    unit_quantity: int
    is_deprecated: bool
    source: str
    source_version: str
    source_url: str
    retrieved_on: date


def read_token_prices(path: Path) -> list[TokenPrice]:
    """Rows of a token price seed (also of the overrides); an absent file is empty. Raises ConfigError on bad
    cells.
    """
    return [_row(cells, path.name, line) for line, cells in enumerate(read_seed(path, columns=COLUMNS), 2)]


def write_token_prices(path: Path, *, rows: Iterable[TokenPrice]) -> bool:
    """Write the rows in key and time order; returns whether the file changed."""
    ordered = sorted(rows, key=lambda row: (row.key, row.valid_from, row.retrieved_on))
    return write_seed(path, columns=COLUMNS, rows=[_cells(row) for row in ordered])


def _row(cells: dict[str, str], file: str, line: int) -> TokenPrice:
    def number(column: str):
        return parse_decimal(cells[column], file=file, line=line, column=column)

    return TokenPrice(
        key=PriceKey(
            provider=cells["provider"],
            model=cells["model"],
            price_class=cells["price_class"],
            usage_type=cells["usage_type"],
            tier_above_input_tokens=int(number("tier_above_input_tokens")),
            tod_start_utc=cells["tod_start_utc"],
            tod_end_utc=cells["tod_end_utc"],
        ),
        unit_quantity=int(number("unit_quantity")),
        price_usd=number("price_usd"),
        valid_from=date.fromisoformat(cells["valid_from"]),
        valid_to=date.fromisoformat(cells["valid_to"]) if cells["valid_to"] else None,
        is_open_start=cells["is_open_start"] == "true",
        is_deprecated=cells["is_deprecated"] == "true",
        source=cells["source"],
        source_version=cells["source_version"],
        source_url=cells["source_url"],
        retrieved_on=date.fromisoformat(cells["retrieved_on"]),
    )


def _cells(row: TokenPrice) -> dict[str, str]:
    return {
        "provider": row.key.provider,
        "model": row.key.model,
        "price_class": row.key.price_class,
        "usage_type": row.key.usage_type,
        "tier_above_input_tokens": str(row.key.tier_above_input_tokens),
        "tod_start_utc": row.key.tod_start_utc,
        "tod_end_utc": row.key.tod_end_utc,
        "unit_quantity": str(row.unit_quantity),
        "price_usd": decimal_text(row.price_usd),
        "valid_from": row.valid_from.isoformat(),
        "valid_to": row.valid_to.isoformat() if row.valid_to else "",
        "is_open_start": str(row.is_open_start).lower(),
        "is_deprecated": str(row.is_deprecated).lower(),
        "source": row.source,
        "source_version": row.source_version,
        "source_url": row.source_url,
        "retrieved_on": row.retrieved_on.isoformat(),
    }
