"""What a committed partition says about itself: its files, where they came from, rows, money and schema."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

Money = Mapping[str, Mapping[str, Decimal]]


@dataclass(frozen=True)
class SourceFile:
    """A file as delivered: URI or path relative to the delivery root, size in bytes, SHA-256 in hex."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True)
class LakeFile:
    """A Parquet file of the lake: path relative to its root, size in bytes, mtime, rows, SHA-256 in hex."""

    path: str
    size: int
    mtime_ns: int
    rows: int
    sha256: str


@dataclass(frozen=True)
class Column:
    """A column of the partition with its DuckDB type."""

    name: str
    type: str


@dataclass(frozen=True)
class Manifest:
    """One load of one partition.

    ``rows`` counts records: of telemetry samples, whose files hold one row a series; else the rows of the files.
    ``money`` is currency -> column -> exact amount.
    """

    load_id: str
    source: str
    dataset: str
    partition: str
    fingerprint: str
    format_version: int
    delivered_at: datetime
    committed_at: datetime
    previous_load_id: str | None
    rows: int
    money: Money
    columns: tuple[Column, ...]
    files: tuple[LakeFile, ...]
    source_files: tuple[SourceFile, ...]
    notes: tuple[str, ...]

    @property
    def key(self) -> tuple[str, str, str]:
        """(source, dataset, partition)."""
        return (self.source, self.dataset, self.partition)

    def to_json(self) -> dict[str, Any]:
        """The JSON document; amounts are exact decimal strings, times ISO 8601 UTC."""
        document = asdict(self)
        for name in ("columns", "files", "source_files", "notes"):
            document[name] = list(document[name])
        document["delivered_at"] = timestamp_text(self.delivered_at)
        document["committed_at"] = timestamp_text(self.committed_at)
        document["money"] = money_text(self.money)
        return document

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Manifest:
        """Read back what ``to_json`` wrote."""
        return cls(
            **{
                **document,
                "delivered_at": datetime.fromisoformat(document["delivered_at"]),
                "committed_at": datetime.fromisoformat(document["committed_at"]),
                "money": money_from_text(document["money"]),
                "columns": tuple(Column(**item) for item in document["columns"]),
                "files": tuple(LakeFile(**item) for item in document["files"]),
                "source_files": tuple(SourceFile(**item) for item in document["source_files"]),
                "notes": tuple(document["notes"]),
            }
        )


def load_id_of(*, dataset: str, partition: str, format_version: int, hashes: Iterable[str]) -> str:
    """The content-derived name of a load: same input and adapter format, same id, whatever the file order."""
    text = "\n".join([dataset, partition, str(format_version), *sorted(hashes)])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def timestamp_text(instant: datetime) -> str:
    """ISO 8601 in UTC with microseconds as far as needed."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def amount_text(amount: Decimal) -> str:
    """An exact decimal without exponent and without trailing zeros ('32.7663', '0')."""
    text = format(amount, "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in ("-0", "") else text


def money_text(money: Money) -> dict[str, dict[str, str]]:
    """Money as exact decimal strings."""
    return {
        code: {name: amount_text(value) for name, value in columns.items()} for code, columns in money.items()
    }


def money_from_text(money: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, Decimal]]:
    """Money from exact decimal strings."""
    return {
        code: {name: Decimal(value) for name, value in columns.items()} for code, columns in money.items()
    }
