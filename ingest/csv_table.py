"""Delivered CSV files of one bill table to Parquet: unpacked once, converted by DuckDB, checked as a whole.

Every chunk has its own header; chunks with different columns get the union of them. A file with a wrong row
is refused whole, with every wrong cell named by file and line.
"""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import duckdb

from ingest.duckdb_session import file_list
from ingest.errors import DeliveryError, Mismatch
from ingest.landing import convert_csv, csv_relation
from ingest.manifest import SourceFile
from ingest.sql_casts import quoted
from ingest.table_spec import LAKE_TYPES, PeriodChoice, TableSpec, violation_rows
from ingest.unpacking import BLOCK_BYTES

MAX_FINDINGS = 1000
MAX_SHOWN = 120
_LINE_IN_MESSAGE = re.compile(r"Line:\s*(\d+)")


@dataclass(frozen=True)
class UnpackedCsv:
    """One delivered CSV file, unpacked: what it is called, where it lies now, its header."""

    source: SourceFile
    path: Path
    header: tuple[str, ...]


def read_header(path: Path, *, name: str, spec: TableSpec) -> tuple[str, ...]:
    """The column names of an unpacked CSV file.

    Raises:
        DeliveryError: a required column is missing, or a name is empty or twice there.
    """
    csv.field_size_limit(sys.maxsize)
    with path.open(encoding="utf-8", errors="replace", newline="") as handle:
        header = tuple(column.strip() for column in next(csv.reader(handle), []))
    faults = [(column, "the column is missing") for column in spec.required if column not in header]
    folded = [column.lower() for column in header]
    faults += [(column, "the column is twice there") for column in header if folded.count(column.lower()) > 1]
    faults += [("(no name)", "a column without name")] if "" in header else []
    if faults:
        raise DeliveryError(
            f"the header is not one of {spec.title}",
            where={"file": name},
            mismatches=tuple(
                Mismatch(file=name, line=1, column=column, found=found, expected="the column once", fix="")
                for column, found in faults
            ),
            fix=f"deliver the file as {spec.title} CSV with a header row, separated by commas",
        )
    return header


def convert_chunks(
    connection: duckdb.DuckDBPyConnection,
    chunks: Sequence[UnpackedCsv],
    folder: Path,
    *,
    spec: TableSpec,
    period: PeriodChoice,
    workers: int = 2,
) -> tuple[Path, ...]:
    """Convert all chunks of one delivery, several at a time; the Parquet files in chunk order.

    Args:
        connection: from ``connect``.
        chunks: the unpacked files.
        folder: where ``part-*.parquet`` go.
        spec: the table.
        period: the billing period of the delivery.
        workers: how many files are converted at a time.

    Raises:
        DeliveryError: with all wrong cells.
    """
    columns = tuple(dict.fromkeys(column for chunk in chunks for column in chunk.header))

    def convert(number: int, chunk: UnpackedCsv) -> Path:
        """One chunk, with its own cursor."""
        _check_quotes(chunk)
        target = folder / f"part-{number:05d}.parquet"
        select = _typed_select(chunk.header, columns, spec=spec, period=period)
        with connection.cursor() as cursor:
            try:
                convert_csv(cursor, chunk.path, target, header=chunk.header, select=select)
            except duckdb.OutOfMemoryException:
                raise
            except duckdb.Error as error:
                raise _unreadable(cursor, chunk, error, spec=spec, period=period) from error
        return target

    with ThreadPoolExecutor(max_workers=workers) as pool:
        return tuple(pool.map(convert, range(len(chunks)), chunks))


def wrong_cells(
    connection: duckdb.DuckDBPyConnection,
    chunks: Iterable[UnpackedCsv],
    *,
    spec: TableSpec,
    period: PeriodChoice,
) -> tuple[Mismatch, ...]:
    """Every cell of the chunks that breaks a rule (at most 1,000), named by file and line.

    Args:
        connection: from ``connect``.
        chunks: the unpacked files.
        spec: the table.
        period: the billing period the rows must belong to.
    """
    found: list[Mismatch] = []
    for chunk in chunks:
        typed = {column: spec.text_expression(column) for column in chunk.header}
        partition = None if period.only else period.partition
        rules = spec.all_rules(typed, partition=partition, from_text=True)
        relation = f"SELECT *, row_number() OVER () AS x_record FROM {csv_relation(chunk.header)}"
        if chosen := period.row_filter(spec):
            relation = f"SELECT * FROM ({relation}) WHERE {chosen}"
        query = violation_rows(rules, typed, relation, row="x_record", limit=MAX_FINDINGS)
        rows = connection.execute(query, {"path": file_list([chunk.path])[0]}).fetchall()
        lines = _line_numbers(chunk.path, {row[0] for row in rows})
        found += [
            Mismatch(
                file=chunk.source.path,
                line=lines.get(record),
                column=rules[number].column,
                found=repr(value[:MAX_SHOWN]) if value != "nothing" else value,
                expected=rules[number].expected,
                fix=rules[number].fix,
            )
            for record, number, value in rows
        ]
    return tuple(found[:MAX_FINDINGS])


def refused(mismatches: tuple[Mismatch, ...], *, spec: TableSpec, rows: int = 0) -> DeliveryError:
    """The error for a delivery with wrong cells; ``rows`` is their number where it is known."""
    rows = rows or len({(item.file, item.line, item.row) for item in mismatches})
    return DeliveryError(
        f"{rows} row{'s break' if rows > 1 else ' breaks'} the rules of {spec.title}",
        mismatches=mismatches,
        fix="correct the rows at their source and deliver again; nothing of the delivery was loaded",
    )


def _check_quotes(chunk: UnpackedCsv) -> None:
    """Refuse a quoted cell that is never closed: the sequential reader silently drops such a last row."""
    count = 0
    with chunk.path.open("rb") as handle:
        while block := handle.read(BLOCK_BYTES):
            count += block.count(b'"')
    if count % 2:
        raise DeliveryError(
            "a quoted cell is never closed",
            where={"file": chunk.source.path},
            found=f"{count} double quotes",
            expected="an even number: every quoted cell closed, quotes inside a cell doubled",
            fix="the file may be cut off; deliver it again",
        )


def _typed_select(
    header: Sequence[str], columns: Sequence[str], *, spec: TableSpec, period: PeriodChoice
) -> str:
    parts = []
    for column in columns:
        is_required = column in spec.required
        expression = spec.text_expression(column, strict=not is_required) if column in header else None
        expression = expression or f"CAST(NULL AS {LAKE_TYPES[spec.kind(column)]})"
        parts.append(f"{expression} AS {quoted(column)}")
    chosen = period.row_filter(spec)
    where = f" WHERE {chosen}" if chosen else ""
    return f"SELECT {', '.join(parts)} FROM delivered{where}"


def _unreadable(
    connection: duckdb.DuckDBPyConnection,
    chunk: UnpackedCsv,
    error: duckdb.Error,
    *,
    spec: TableSpec,
    period: PeriodChoice,
) -> DeliveryError:
    """What is wrong with a chunk that DuckDB refused: its wrong cells, or else where the reader stopped."""
    try:
        cells = wrong_cells(connection, [chunk], spec=spec, period=period)
    except duckdb.Error as again:
        cells, error = (), again
    if cells:
        return refused(cells, spec=spec)
    message = str(error)
    line = _LINE_IN_MESSAGE.search(message)
    return DeliveryError(
        "the CSV file cannot be read",
        where={"file": chunk.source.path, "line": int(line[1]) if line else None},
        found=message.split("\n\n")[0][:500],
        expected="UTF-8 text, a header row, commas, double quotes, the same number of cells in each row",
        fix="deliver the file again",
    )


def _line_numbers(path: Path, records: set[int]) -> Mapping[int, int]:
    """The line each record starts on (records count from 1 without the header, lines from 1 with it)."""
    lines: dict[int, int] = {}
    if not records:
        return lines
    with path.open(encoding="utf-8", errors="replace", newline="") as handle:
        reader = csv.reader(handle)
        next(reader, None)
        record, last, start = 0, max(records), reader.line_num + 1
        for cells in reader:
            if cells:
                record += 1
                if record in records:
                    lines[record] = start
            start = reader.line_num + 1
            if record >= last:
                break
    return lines
