"""Landing: delivered bytes become Parquet files of the lake, hashed while copied.

Parquet is copied byte for byte. CSV and JSON are unpacked once (bounded) and converted by DuckDB; rows
never pass through Python. Text becomes DECIMAL(38,18) directly, never through a double.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path, PurePosixPath
from typing import BinaryIO

import duckdb

from ingest.duckdb_session import connect, file_list, metadata_session  # noqa: F401  orchestration opens sessions here
from ingest.errors import DeliveryError
from ingest.manifest import SourceFile
from ingest.sql_casts import literal, quoted
from ingest.unpacking import BLOCK_BYTES, MAX_UNPACKED_BYTES, Unpacker

COPY_OPTIONS = "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, ROW_GROUP_SIZE 122880"


def resolve_inside(root: Path, name: str) -> Path:
    """The file ``name`` below ``root``, links followed.

    Raises:
        DeliveryError: the name leads outside the root.
    """
    base = root.resolve()
    pure = PurePosixPath(name)
    outside = pure.is_absolute() or ".." in pure.parts or "\\" in name or "\0" in name
    path = base if outside else (base / pure).resolve()
    if outside or not path.is_relative_to(base):
        raise DeliveryError(
            "a file name leads outside the delivery root",
            where={"file": name},
            found=name,
            expected="a path below the configured location",
            fix="correct the manifest; nothing outside the location is ever read",
        )
    return path


def copy_hashed(source: BinaryIO, target: Path) -> tuple[int, str]:
    """Copy a stream to a file; (bytes, SHA-256 in hex) from the same pass."""
    digest, size = hashlib.sha256(), 0
    with target.open("wb") as handle:
        while block := source.read(BLOCK_BYTES):
            digest.update(block)
            handle.write(block)
            size += len(block)
    return size, digest.hexdigest()


def land_parquet(source: Path | BinaryIO, target: Path, *, name: str | None = None) -> SourceFile:
    """Land a delivered Parquet file byte for byte and check that its footer can be read.

    Args:
        source: the delivered file or an open stream of it.
        target: the file to write.
        name: how messages and the manifest call it (default: the source's path).

    Raises:
        DeliveryError: empty, truncated or not Parquet.
    """
    name = name or str(source)
    if isinstance(source, Path):
        with source.open("rb") as stream:
            size, digest = copy_hashed(stream, target)
    else:
        size, digest = copy_hashed(source, target)
    check_parquet(target, name=name)
    return SourceFile(name, size, digest)


def check_parquet(path: Path, *, name: str) -> None:
    """Check size, magic bytes and footer of a Parquet file.

    Raises:
        DeliveryError: empty, truncated or not Parquet.
    """
    size = path.stat().st_size
    with path.open("rb") as handle:
        head = handle.read(4)
        handle.seek(max(0, size - 4))
        tail = handle.read(4)
    if size == 0:
        raise _broken_parquet("the file is empty", name, "0 bytes")
    if head != b"PAR1":
        raise _broken_parquet("the file is not Parquet", name, f"{size} bytes, begin {head!r}")
    if tail != b"PAR1":
        raise _broken_parquet("the Parquet file is truncated", name, f"{size} bytes, end {tail!r}")
    try:
        with metadata_session() as connection:
            describe_parquet(connection, [path])
    except duckdb.Error as error:
        raise _broken_parquet("the Parquet footer cannot be read", name, str(error)) from error


def _broken_parquet(what: str, name: str, found: str) -> DeliveryError:
    fix = "fetch the file again, or let the provider deliver it again"
    return DeliveryError(what, where={"file": name}, found=found, expected="a complete Parquet file", fix=fix)


def unpack(
    source: Path | BinaryIO, target: Path, *, name: str | None = None, max_bytes: int = MAX_UNPACKED_BYTES
) -> SourceFile:
    """Copy a text file, gunzipped when it is gzip (by content, not by name), without a UTF-8 byte order mark.

    The hash is the delivered file's; decompression stops at ``max_bytes`` or at an absurd ratio.

    Raises:
        DeliveryError: empty, truncated, damaged or exploding.
    """
    name = name or str(source)
    if isinstance(source, Path):
        with source.open("rb") as stream:
            return Unpacker(name, max_bytes).run(stream, target)
    return Unpacker(name, max_bytes).run(source, target)


def describe_parquet(
    connection: duckdb.DuckDBPyConnection, paths: Sequence[Path]
) -> tuple[tuple[str, str], ...]:
    """(column, DuckDB type) of Parquet files that share one schema.

    Raises:
        DeliveryError: the files differ.
    """
    first: tuple[tuple[str, str], ...] | None = None
    for path in paths:
        rows = connection.execute("DESCRIBE SELECT * FROM read_parquet(?)", [file_list([path])]).fetchall()
        schema = tuple((row[0], row[1]) for row in rows)
        if first is not None and schema != first:
            raise DeliveryError(
                "the files of one delivery have different columns",
                where={"file": path.name},
                found=", ".join(f"{name} {kind}" for name, kind in schema if (name, kind) not in first)
                or "other order",
                expected=f"the columns of {paths[0].name}",
                fix="let the provider deliver the whole period again",
            )
        first = schema
    return first or ()


def parquet_rows(connection: duckdb.DuckDBPyConnection, paths: Sequence[Path]) -> dict[Path, int]:
    """Row count of each Parquet file, from the footers."""
    query = "SELECT num_rows FROM parquet_file_metadata(?)"
    return {path: connection.execute(query, [file_list([path])]).fetchall()[0][0] for path in paths}


def count_and_money(
    connection: duckdb.DuckDBPyConnection, paths: Sequence[Path], money: Mapping[str, str], currency: str
) -> tuple[int, dict[str, dict[str, Decimal]]]:
    """Rows, and per currency the exact sum of each money expression, in one pass over the named columns.

    Args:
        connection: from ``connect``.
        paths: Parquet files of one schema.
        money: name -> SQL expression of type DECIMAL.
        currency: SQL expression of the currency code.
    """
    if not paths:
        return 0, {}
    sums = "".join(
        f", coalesce(sum({expression}), 0) AS {quoted(name)}" for name, expression in money.items()
    )
    query = f"SELECT {currency} AS currency, count(*) AS n{sums} FROM read_parquet(?) GROUP BY 1 ORDER BY 1"
    rows = connection.execute(query, [file_list(paths)]).fetchall()
    totals = {
        row[0]: dict(zip(money, map(Decimal, row[2:]), strict=True)) for row in rows if row[0] is not None
    }
    return sum(row[1] for row in rows), totals


def convert_json(
    connection: duckdb.DuckDBPyConnection,
    paths: Sequence[Path],
    target: Path,
    *,
    columns: Mapping[str, str],
    select: str,
    layout: str = "newline_delimited",
    max_object_bytes: int = 256 * 1024**2,
) -> int:
    """Convert JSON files to one Parquet file; returns its rows.

    Args:
        connection: from ``connect``.
        paths: unpacked JSON files.
        target: Parquet file to write.
        columns: top-level key -> DuckDB type; keep amounts as VARCHAR and cast them in ``select``. Other keys
            are dropped.
        select: the whole query, reading from the relation ``delivered`` (which also has ``filename``).
        layout: DuckDB's JSON format: newline_delimited, array, unstructured or auto.
        max_object_bytes: largest single JSON document.
    """
    shape = ", ".join(f"{quoted(name)}: {literal(kind)}" for name, kind in columns.items())
    source = (
        f"read_json($paths, format = {literal(layout)}, columns = {{{shape}}}, filename = true,"
        f" maximum_object_size = {max_object_bytes})"
    )
    copy = _copy_statement(source, select, target)
    return connection.execute(copy, {"paths": file_list(paths)}).fetchall()[0][0]


def convert_csv(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    target: Path,
    *,
    header: Sequence[str],
    select: str,
) -> int:
    """Convert one unpacked CSV file (comma, RFC 4180 quotes) to Parquet; returns its rows.

    Args:
        connection: from ``connect``.
        path: unpacked CSV file, its first record is the header.
        target: Parquet file to write.
        header: the column names of the first record, in order; all are read as VARCHAR, empty cells and the
            text NULL become null.
        select: the whole query, reading from the relation ``delivered``.
    """
    copy = _copy_statement(csv_relation(header), select, target)
    return connection.execute(copy, {"path": file_list([path])[0]}).fetchall()[0][0]


def csv_relation(header: Sequence[str]) -> str:
    """SQL that reads the CSV file bound as ``$path`` as text.

    Not in parallel: a parallel reader may take a line break inside a quoted cell for the end of a row.
    """
    shape = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in header)
    return (
        f"read_csv($path, columns = {{{shape}}}, header = true, auto_detect = false, delim = ',',"
        " quote = '\"', escape = '\"', nullstr = ['', 'NULL'], parallel = false)"
    )


def _copy_statement(source: str, select: str, target: Path) -> str:
    query = f"WITH delivered AS (SELECT * FROM {source}) {select}"
    return f"COPY ({query}) TO {literal(str(target))} ({COPY_OPTIONS})"
