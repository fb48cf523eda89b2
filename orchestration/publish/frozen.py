"""Closed months in a publication: their rows and files come from the close, byte for byte, never from the
warehouse.

A closed month holds exactly what its close froze. A mart that did not exist then has no rows of the month; a
column that did not exist then is NULL in marts.duckdb, and the Parquet file stays as it was.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from ingest.errors import GateError
from ingest.sql_casts import literal, quoted
from orchestration.durable import sha256_of
from orchestration.publish.content import Column, Money


@dataclass(frozen=True)
class FrozenMart:
    """One mart of a closed month: its Parquet file with SHA-256, and rows, content hash and sums at the close."""

    path: Path
    sha256: str
    rows: int
    content_hash: str
    money: Money


@dataclass(frozen=True)
class FrozenMonth:
    """A closed or soft-closed month: the hash of the event that froze it, and its marts by name."""

    period: str
    event: str
    marts: Mapping[str, FrozenMart]


FrozenMonths = Mapping[str, FrozenMonth]
"""Frozen months by billing period."""


class FrozenFileError(GateError):
    """A file of a close is not what it was when it was frozen; nothing was published."""


def frozen_mart(months: FrozenMonths, period: str, mart: str) -> FrozenMart | None:
    """What a close holds of a mart; None when the month is open or the close has no such mart."""
    month = months.get(period)
    return None if month is None else month.marts.get(mart)


def common_columns(con: duckdb.DuckDBPyConnection, *, path: Path, columns: Sequence[Column]) -> tuple[Column, ...]:
    """Those of a mart's present columns that a frozen file has too."""
    rows = con.execute(f"DESCRIBE SELECT * FROM {_file(path)}").fetchall()
    found = {row[0] for row in rows}
    return tuple(column for column in columns if column.name in found)


def frozen_rows(path: Path, columns: Sequence[Column]) -> str:
    """A SQL query of a frozen file's rows in the present types of `columns`."""
    typed = ", ".join(f"CAST({quoted(c.name)} AS {c.type}) AS {quoted(c.name)}" for c in columns)
    return f"SELECT {typed} FROM {_file(path)}"


def copy_frozen(mart: FrozenMart, target: Path) -> None:
    """Copy a frozen Parquet file into a snapshot and make sure that it is the one that was closed.

    Raises:
        FrozenFileError: the bytes are not those of the close.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(mart.path, target)
    found = sha256_of(target)
    if found != mart.sha256:
        raise FrozenFileError(
            "a file of a closed month was changed after the close; nothing was published",
            where={"file": mart.path},
            found=f"SHA-256 {found}",
            expected=f"SHA-256 {mart.sha256}",
            fix="restore the closes folder from a backup; `tco verify` names every file that differs",
        )


def _file(path: Path) -> str:
    return f"read_parquet({literal(str(path))}, hive_partitioning = false)"
