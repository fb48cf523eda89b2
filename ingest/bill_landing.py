"""Bill tables into the lake: typed CSV, byte-for-byte Parquet, or an emptied period; checked and totalled."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from decimal import Decimal
from pathlib import Path

import duckdb

from ingest.csv_table import MAX_FINDINGS, MAX_SHOWN, UnpackedCsv, convert_chunks, refused, wrong_cells
from ingest.duckdb_session import EngineLimits, connect, file_list, session
from ingest.errors import DeliveryError, Mismatch
from ingest.lake import Landed
from ingest.landing import COPY_OPTIONS, describe_parquet
from ingest.manifest import SourceFile
from ingest.sql_casts import literal, quoted
from ingest.table_spec import EXPECTED, LAKE_TYPES, PeriodChoice, TableSpec, violation_count, violation_rows

log = logging.getLogger(__name__)

DEFAULT_LIMITS = EngineLimits()


def land_bill_csv(
    chunks: Sequence[UnpackedCsv],
    folder: Path,
    *,
    spec: TableSpec,
    partition: str | None,
    only_partition: bool = False,
    limits: EngineLimits = DEFAULT_LIMITS,
) -> Landed:
    """Convert, check and total the unpacked CSV files of one delivery; the unpacked text is deleted.

    Args:
        chunks: unpacked files with their headers.
        folder: where ``part-*.parquet`` go.
        spec: the table.
        partition: the billing period all rows must belong to; None accepts any.
        only_partition: take only the rows of ``partition``.
        limits: memory and threads; as many files are converted at a time as there are threads.

    Raises:
        DeliveryError: with all wrong cells.
    """
    sources = tuple(chunk.source for chunk in chunks)
    period = PeriodChoice(partition, only_partition)
    refuse_duplicates(sources)
    with session(**asdict(limits), scratch=folder / "spill") as connection:
        files = convert_chunks(connection, chunks, folder, spec=spec, period=period, workers=limits.threads)
        typed = {name: quoted(name) for name, _ in describe_parquet(connection, files[:1])}
        rows, money, wrong = _judge(connection, files, typed, spec=spec, partition=partition)
        if wrong:
            cells = wrong_cells(connection, chunks, spec=spec, period=period)
            raise refused(cells, spec=spec, rows=wrong)
        notes = _unknown_values(connection, files, typed, spec=spec)
    for chunk in chunks:
        chunk.path.unlink()
    return Landed(files=files, source_files=sources, rows=rows, money=money, notes=notes)


def land_bill_parquet(
    files: Sequence[Path],
    sources: Sequence[SourceFile],
    *,
    spec: TableSpec,
    partition: str | None,
    limits: EngineLimits = DEFAULT_LIMITS,
) -> Landed:
    """Check and total Parquet files of one delivery that already lie in the load's folder, byte for byte.

    Args:
        files: the copied files.
        sources: what each was delivered as, in the same order.
        spec: the table.
        partition: the billing period all rows must belong to; None accepts any.
        limits: memory and threads.

    Raises:
        DeliveryError: missing columns, wrong column types or wrong rows.
    """
    refuse_duplicates(sources)
    names = {path: source.path for path, source in zip(files, sources, strict=True)}
    with connect(**asdict(limits)) as connection:
        schema = dict(describe_parquet(connection, files))
        _check_schema(schema, name=sources[0].path, spec=spec)
        typed = {name: spec.parquet_expression(name, kind) for name, kind in schema.items()}
        rows, money, wrong = _judge(connection, files, typed, spec=spec, partition=partition)
        if wrong:
            cells = _wrong_rows(connection, names, typed, spec=spec, partition=partition)
            raise refused(cells, spec=spec, rows=wrong)
        notes = _unknown_values(connection, files, typed, spec=spec)
    hashes = {path: source.sha256 for path, source in zip(files, sources, strict=True)}
    return Landed(tuple(files), tuple(sources), rows, money, notes, hashes)


def land_empty_bill(folder: Path, *, spec: TableSpec) -> Landed:
    """A period that was restated to nothing: one Parquet file with the table's columns and no rows."""
    target = folder / "part-00000.parquet"
    nulls = ", ".join(
        f"CAST(NULL AS {LAKE_TYPES[spec.kind(name)]}) AS {quoted(name)}" for name in spec.columns
    )
    with connect() as connection:
        connection.execute(f"COPY (SELECT {nulls} LIMIT 0) TO {literal(str(target))} ({COPY_OPTIONS})")
    return Landed(files=(target,), source_files=(), rows=0, money={}, notes=("the delivery is empty",))


def refuse_duplicates(sources: Iterable[SourceFile]) -> None:
    """Check that no file, by name or by content, is delivered twice in one partition.

    Raises:
        DeliveryError: naming the files.
    """
    first_with: dict[str, str] = {}
    names: set[str] = set()
    for source in sources:
        twin = source.path if source.path in names else first_with.get(source.sha256)
        if twin is not None:
            raise DeliveryError(
                "the same file is delivered twice",
                where={"file": source.path},
                found=f"the same bytes as {twin}"
                if twin != source.path
                else "its name stands twice in the list",
                expected="each file once",
                fix="remove one of the two and deliver again; loading both would count its cost twice",
            )
        names.add(source.path)
        first_with[source.sha256] = source.path


def _judge(
    connection: duckdb.DuckDBPyConnection,
    files: Sequence[Path],
    typed: Mapping[str, str],
    *,
    spec: TableSpec,
    partition: str | None,
) -> tuple[int, dict[str, dict[str, Decimal]], int]:
    """(rows, money per currency, rows that break a rule), in one pass over the columns that matter."""
    rules = spec.all_rules(typed, partition=partition, from_text=False)
    money = {name: typed[column] for name, column in spec.money.items() if column in typed}
    sums = "".join(f", coalesce(sum({expression}), 0)" for expression in money.values())
    query = (
        f"SELECT {typed[spec.currency]}, count(*), {violation_count(rules, typed)}{sums}"
        " FROM read_parquet(?) GROUP BY 1 ORDER BY 1"
    )
    found = connection.execute(query, [file_list(files)]).fetchall()
    totals = {row[0]: dict(zip(money, row[3:], strict=True)) for row in found if row[0]}
    return sum(row[1] for row in found), totals, sum(row[2] for row in found)


def _unknown_values(
    connection: duckdb.DuckDBPyConnection,
    files: Sequence[Path],
    typed: Mapping[str, str],
    *,
    spec: TableSpec,
) -> tuple[str, ...]:
    """A note for every value of a known list that the list does not have: loaded, but told."""
    notes = []
    for column, known in spec.known_values.items():
        if column in typed:
            listed = ", ".join(literal(value) for value in known)
            query = (
                f"SELECT {typed[column]}, count(*) FROM read_parquet(?)"
                f" WHERE {typed[column]} NOT IN ({listed}) GROUP BY 1 ORDER BY 1"
            )
            rows = connection.execute(query, [file_list(files)]).fetchall()
            notes += [f"unknown {column} {value!r}: {count} rows" for value, count in rows]
    for note in notes:
        log.warning("%s: %s", spec.title, note)
    return tuple(notes)


def _check_schema(schema: Mapping[str, str], *, name: str, spec: TableSpec) -> None:
    faults = [
        Mismatch(file=name, column=column, found="the column is missing", expected="the column", fix="")
        for column in spec.required
        if column not in schema
    ]
    faults += [
        Mismatch(file=name, column=column, found=f"type {kind}", expected=EXPECTED[spec.kind(column)], fix="")
        for column, kind in schema.items()
        if not spec.accepts(column, kind)
    ]
    if faults:
        raise DeliveryError(
            f"the columns are not those of {spec.title}",
            where={"file": name},
            mismatches=tuple(faults),
            fix="deliver the columns named above with the types of the provider's own export",
        )


def _wrong_rows(
    connection: duckdb.DuckDBPyConnection,
    names: Mapping[Path, str],
    typed: Mapping[str, str],
    *,
    spec: TableSpec,
    partition: str | None,
) -> tuple[Mismatch, ...]:
    rules = spec.all_rules(typed, partition=partition, from_text=False)
    found: list[Mismatch] = []
    for path, name in names.items():
        relation = "SELECT * FROM read_parquet(?, file_row_number = true)"
        query = violation_rows(rules, typed, relation, row="file_row_number", limit=MAX_FINDINGS)
        found += [
            Mismatch(
                file=name,
                row=row + 1,
                column=rules[number].column,
                found=repr(value[:MAX_SHOWN]) if value != "nothing" else value,
                expected=rules[number].expected,
                fix=rules[number].fix,
            )
            for row, number, value in connection.execute(query, [file_list([path])]).fetchall()
        ]
    return tuple(found[:MAX_FINDINGS])
