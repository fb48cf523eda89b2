"""Series of delivered files, one JSON object a line, to Parquet of the telemetry lake in one DuckDB statement."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from ingest.errors import DeliveryError, Mismatch
from ingest.landing import file_list
from ingest.sources.telemetry_rows import COPY_OPTIONS, SCHEMA, rows_by_day, rows_query
from ingest.sql_casts import literal, quoted

SLACK_BYTES = 1024**2


@dataclass(frozen=True)
class SeriesFile:
    """Newline-delimited series of one delivered file (see ``prometheus_series.Series``)."""

    path: Path
    name: str
    is_export: bool
    widest: int


def convert_series(
    connection: duckdb.DuckDBPyConnection,
    files: Sequence[SeriesFile],
    target: Path,
    *,
    exported_jobs: Collection[str],
    by_day: bool = False,
) -> None:
    """Write the samples of ``files`` as Parquet: one file, or with ``by_day`` a folder with
    ``day=YYYY-MM-DD/`` inside.

    Raises:
        DeliveryError: a series without a name, or a sample that is no number.
    """
    connection.execute("SET preserve_insertion_order = false")
    options = f"{COPY_OPTIONS}, PARTITION_BY (day), OVERWRITE" if by_day else COPY_OPTIONS
    try:
        try:
            # numbers straight from the JSON: a third of the time, but it does not know every spelling
            query = _rows(files, "DOUBLE", exported_jobs=exported_jobs, by_day=by_day)
            connection.execute(f"COPY ({query}) TO {literal(str(target))} ({options})")
        except (duckdb.ConversionException, duckdb.InvalidInputException):
            query = _rows(files, "VARCHAR", exported_jobs=exported_jobs, by_day=by_day)
            connection.execute(f"COPY ({query}) TO {literal(str(target))} ({options})")
    except (duckdb.ConversionException, duckdb.InvalidInputException) as error:
        raise _explained(connection, files, error) from error


def _rows(files: Sequence[SeriesFile], number: str, *, exported_jobs: Collection[str], by_day: bool) -> str:
    rows = " UNION ALL BY NAME ".join(
        rows_query(_series_relation(group, number, is_export=is_export), exported_jobs=exported_jobs)
        for is_export in (False, True)
        if (group := [file for file in files if file.is_export is is_export])
    )
    return rows_by_day(rows) if by_day else rows


def write_empty(connection: duckdb.DuckDBPyConnection, target: Path) -> None:
    """A Parquet file with the schema and no rows."""
    nothing = ", ".join(f"NULL::{kind} AS {quoted(name)}" for name, kind in SCHEMA.items())
    connection.execute(f"COPY (SELECT {nothing} LIMIT 0) TO {literal(str(target))} ({COPY_OPTIONS})")


def _series_relation(files: Sequence[SeriesFile], number: str, *, is_export: bool) -> str:
    """SQL of labels, times and values (as ``number``, a SQL type) of files of one form, and the file's name."""
    paths = ", ".join(literal(path) for path in file_list(file.path for file in files))
    widest = max(file.widest for file in files) + SLACK_BYTES
    if is_export:
        kinds, lists = f"'values': '{number}[]', timestamps: 'DOUBLE[]'", _EXPORT_LISTS
    else:
        kinds, lists = f"'values': '{number}[][]', 'value': '{number}[]'", _PAIR_LISTS
    return (
        f"SELECT metric AS m, filename, {lists} FROM (SELECT *, {_PAIRS if not is_export else 'NULL'} AS pairs"
        f" FROM read_json([{paths}], format = 'newline_delimited',"
        f" columns = {{metric: 'MAP(VARCHAR, VARCHAR)', {kinds}}}, maximum_object_size = {widest}, filename = true))"
    )


_PAIRS = 'CASE WHEN "values" IS NULL AND "value" IS NOT NULL THEN ["value"] ELSE "values" END'
_PAIR_LISTS = "list_transform(pairs, lambda p: CAST(p[1] AS DOUBLE)) AS times, list_transform(pairs, lambda p: p[2]) AS readings"
_EXPORT_LISTS = (
    'CASE WHEN len("values") = len(timestamps) THEN list_transform(timestamps, lambda t: t / 1000)'
    " ELSE error('values and timestamps of one series differ in number') END AS times, \"values\" AS readings"
)


def _explained(connection: duckdb.DuckDBPyConnection, files: Sequence[SeriesFile], error: duckdb.Error) -> DeliveryError:
    """The same error with file and sample, where a closer look finds them."""
    fix = "export the series again; the day keeps its last good load"
    names = {str(file.path): file.name for file in files}
    found: list[Mismatch] = []
    for file in files:
        relation = _series_relation([file], "VARCHAR", is_export=file.is_export)
        query = (
            "SELECT filename, m['__name__'], t, v"
            f" FROM (SELECT filename, m, unnest(times) AS t, unnest(readings) AS v FROM ({relation}))"
            " WHERE (v IS NOT NULL AND TRY_CAST(v AS DOUBLE) IS NULL)"
            " OR coalesce(m['__name__'], '') = '' LIMIT 20"
        )
        try:
            rows = connection.execute(query).fetchall()
        except duckdb.Error as unreadable:
            where = {"file": file.name}
            return DeliveryError("the series cannot be read", where=where, found=str(unreadable), fix=fix)
        found += [
            Mismatch(
                file=names.get(path, file.name),
                column=f"{metric or 'series without __name__'} at {time}",
                found=value,
                expected="a number under a metric name",
                fix=fix,
            )
            for path, metric, time, value in rows
        ]
    if not found:
        return DeliveryError("the series cannot be read", found=str(error), fix=fix)
    return DeliveryError("samples cannot be read", mismatches=tuple(found), fix=fix)
