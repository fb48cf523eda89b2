"""Landing: move delivered bytes into Parquet files with DuckDB, hashing while copying, bounded and inside the delivery root.

Parquet is copied byte for byte. CSV and JSON are unpacked once (bounded) and converted by DuckDB; rows never pass through
Python. Text becomes DECIMAL(38,18) directly, never through a double.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path, PurePosixPath
from typing import BinaryIO

import duckdb

from ingest.errors import DeliveryError
from ingest.manifest import SourceFile

BLOCK_BYTES = 4 * 1024 * 1024
MAX_UNPACKED_BYTES = 64 * 1024**3
MAX_UNPACK_RATIO = 200
RATIO_FREE_BYTES = 64 * 1024**2
MONEY_TYPE = "DECIMAL(38,18)"
COPY_OPTIONS = "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, ROW_GROUP_SIZE 122880"
_UTF8_BOM = b"\xef\xbb\xbf"


def connect(*, memory_limit: str = "2GB", threads: int = 2, scratch: Path | None = None) -> duckdb.DuckDBPyConnection:
    """A private in-memory DuckDB: UTC, bounded, extensions never fetched, spilling into ``scratch`` when given."""
    connection = duckdb.connect(
        config={
            "memory_limit": memory_limit,
            "threads": threads,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "temp_directory": str(scratch) if scratch else "",
        }
    )
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("SET enable_progress_bar = false")
    return connection


def quoted(name: str) -> str:
    """A SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A SQL text literal, for the few places that take no bound value (COPY targets, column names as data)."""
    return "'" + text.replace("'", "''") + "'"


def file_list(paths: Iterable[Path]) -> list[str]:
    """Paths as DuckDB reads them: glob characters in names are taken literally."""
    return ["".join(f"[{char}]" if char in "*?[" else char for char in str(path)) for path in paths]


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
    fix = "fetch the file again, or let the provider deliver it again"
    expected = "a complete Parquet file"
    size = path.stat().st_size
    if size == 0:
        raise DeliveryError("the file is empty", where={"file": name}, found="0 bytes", expected=expected, fix=fix)
    with path.open("rb") as handle:
        head = handle.read(4)
        handle.seek(max(0, size - 4))
        tail = handle.read(4)
    if head != b"PAR1" or tail != b"PAR1":
        problem = "the Parquet file is truncated" if head == b"PAR1" else "the file is not Parquet"
        raise DeliveryError(problem, where={"file": name}, found=f"{size} bytes, end {tail!r}", expected=expected, fix=fix)
    try:
        with connect() as connection:
            describe_parquet(connection, [path])
    except duckdb.Error as error:
        raise DeliveryError(
            "the Parquet footer cannot be read", where={"file": name}, found=str(error), expected=expected, fix=fix
        ) from error


def unpack(source: Path | BinaryIO, target: Path, *, name: str | None = None, max_bytes: int = MAX_UNPACKED_BYTES) -> SourceFile:
    """Copy a text file, gunzipping it when it is gzip (by content, not by name) and dropping a UTF-8 byte order mark.

    The hash is the delivered file's; decompression stops at ``max_bytes`` or at an absurd ratio.

    Raises:
        DeliveryError: empty, truncated, damaged or exploding.
    """
    name = name or str(source)
    if isinstance(source, Path):
        with source.open("rb") as stream:
            return _Unpacker(name, max_bytes).run(stream, target)
    return _Unpacker(name, max_bytes).run(source, target)


class _Unpacker:
    """One bounded pass: read, hash, gunzip, write."""

    def __init__(self, name: str, max_bytes: int) -> None:
        self.name, self.max_bytes = name, max_bytes
        self.read_bytes, self.written, self.digest = 0, 0, hashlib.sha256()

    def run(self, stream: BinaryIO, target: Path) -> SourceFile:
        with target.open("wb") as handle:
            first = self._next(stream)
            if not first:
                raise self._error("the file is empty", found="0 bytes", expected="a file with at least a header")
            if first[:2] == b"\x1f\x8b":
                self._gunzip(first, stream, handle)
            else:
                while first:
                    self._write(handle, first)
                    first = self._next(stream)
        if self.written == 0:
            raise self._error("the file is empty", found="0 bytes after unpacking", expected="a file with at least a header")
        return SourceFile(self.name, self.read_bytes, self.digest.hexdigest())

    def _next(self, stream: BinaryIO) -> bytes:
        block = stream.read(BLOCK_BYTES)
        self.digest.update(block)
        self.read_bytes += len(block)
        return block

    def _write(self, handle: BinaryIO, block: bytes) -> None:
        if self.written == 0 and block.startswith(_UTF8_BOM):
            block = block[len(_UTF8_BOM) :]
        self.written += len(block)
        limit = min(self.max_bytes, max(RATIO_FREE_BYTES, MAX_UNPACK_RATIO * self.read_bytes))
        if self.written > limit:
            raise self._error(
                "the file unpacks to more than is allowed",
                found=f"{self.written} bytes and more from {self.read_bytes}",
                expected=f"at most {limit} bytes (ratio {MAX_UNPACK_RATIO})",
            )
        handle.write(block)

    def _gunzip(self, block: bytes, stream: BinaryIO, handle: BinaryIO) -> None:
        machine = zlib.decompressobj(wbits=31)
        try:
            while block:
                self._write(handle, machine.decompress(block, BLOCK_BYTES))
                block = machine.unconsumed_tail
                if machine.eof:
                    block = machine.unused_data.lstrip(b"\0") or self._next(stream).lstrip(b"\0")
                    machine = zlib.decompressobj(wbits=31) if block else machine
                elif not block:
                    block = self._next(stream)
        except zlib.error as error:
            raise self._error("the gzip file is damaged", found=str(error), expected="a complete gzip file") from error
        if not machine.eof:
            raise self._error(
                "the gzip file is truncated", found=f"it ends after {self.read_bytes} bytes", expected="a complete gzip file"
            )

    def _error(self, what: str, *, found: str, expected: str) -> DeliveryError:
        fix = "fetch the file again, or let the provider deliver it again"
        return DeliveryError(what, where={"file": self.name}, found=found, expected=expected, fix=fix)


def describe_parquet(connection: duckdb.DuckDBPyConnection, paths: Sequence[Path]) -> tuple[tuple[str, str], ...]:
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
                found=", ".join(f"{name} {kind}" for name, kind in schema if (name, kind) not in first) or "other order",
                expected=f"the columns of {paths[0].name}",
                fix="let the provider deliver the whole period again",
            )
        first = schema
    return first or ()


def parquet_rows(connection: duckdb.DuckDBPyConnection, paths: Sequence[Path]) -> dict[Path, int]:
    """Row count of each Parquet file, from the footers."""
    query = "SELECT num_rows FROM parquet_file_metadata(?)"
    return {path: connection.execute(query, [file_list([path])]).fetchall()[0][0] for path in paths}


def money_from_double(expression: str) -> str:
    """SQL that turns a delivered DOUBLE into money without binary noise (the same rule as the dbt macro of this name)."""
    scales = [(f"abs({expression}) < 1000", 12), (f"abs({expression}) < 10000000", 8)]
    cases = " ".join(f"WHEN {test} THEN CAST(CAST({expression} AS DECIMAL(38,{scale})) AS {MONEY_TYPE})" for test, scale in scales)
    return f"CASE {cases} ELSE CAST(CAST({expression} AS DECIMAL(38,4)) AS {MONEY_TYPE}) END"


def count_and_money(
    connection: duckdb.DuckDBPyConnection, paths: Sequence[Path], money: Mapping[str, str], currency: str
) -> tuple[int, dict[str, dict[str, Decimal]]]:
    """Rows, and per currency the exact sum of each money expression, in one pass over the columns that are named.

    Args:
        connection: from ``connect``.
        paths: Parquet files of one schema.
        money: name -> SQL expression of type DECIMAL.
        currency: SQL expression of the currency code.
    """
    if not paths:
        return 0, {}
    sums = "".join(f", coalesce(sum({expression}), 0) AS {quoted(name)}" for name, expression in money.items())
    query = f"SELECT {currency} AS currency, count(*) AS n{sums} FROM read_parquet(?) GROUP BY 1 ORDER BY 1"
    rows = connection.execute(query, [file_list(paths)]).fetchall()
    totals = {row[0]: dict(zip(money, map(Decimal, row[2:]), strict=True)) for row in rows if row[0] is not None}
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
        columns: top-level key -> DuckDB type; keep amounts as VARCHAR and cast them in ``select``. Other keys are dropped.
        select: the whole query, reading from the relation ``delivered`` (which also has ``filename``).
        layout: DuckDB's JSON format: newline_delimited, array, unstructured or auto.
        max_object_bytes: largest single JSON document.
    """
    shape = ", ".join(f"{quoted(name)}: {literal(kind)}" for name, kind in columns.items())
    source = (
        f"read_json($paths, format = {literal(layout)}, columns = {{{shape}}}, filename = true,"
        f" maximum_object_size = {max_object_bytes})"
    )
    copy = f"COPY (WITH delivered AS (SELECT * FROM {source}) {select}) TO {literal(str(target))} ({COPY_OPTIONS})"
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
        header: the column names of the first record, in order; all are read as VARCHAR, empty and NULL become null.
        select: the whole query, reading from the relation ``delivered``.
    """
    copy = f"COPY (WITH delivered AS (SELECT * FROM {csv_relation(header)}) {select}) TO {literal(str(target))} ({COPY_OPTIONS})"
    return connection.execute(copy, {"path": file_list([path])[0]}).fetchall()[0][0]


def csv_relation(header: Sequence[str]) -> str:
    """SQL that reads the CSV file bound as ``$path`` as text. Not in parallel: quoted line breaks stay inside their cell."""
    shape = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in header)
    return (
        f"read_csv($path, columns = {{{shape}}}, header = true, auto_detect = false, delim = ',', quote = '\"',"
        " escape = '\"', nullstr = ['', 'NULL'], parallel = false, max_line_size = 16777216)"
    )
