"""Raw ``/metrics`` text to rows of the telemetry lake, in SQL, with a tolerant line parser.

Tolerated, because real dumps have it: missing HELP and TYPE lines, the same scrape twice, exemplars,
trailing commas, carriage returns, a last line that is cut off. Lines that are no sample are reported with
their number. Formats: gpu_and_tco.md 1.1, 1.6 and the Prometheus text exposition format (values of labels
escape ``\\``, ``"`` and line breaks; a sample may carry its own time in milliseconds, in seconds in an
OpenMetrics file).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from ingest.duckdb_session import file_list
from ingest.errors import DeliveryError, Mismatch
from ingest.sources.telemetry_files import of_day
from ingest.sources.telemetry_rows import COPY_OPTIONS, EXPORTED_LABELS, GPU_LABELS, rows_query
from ingest.sql_casts import literal

_LABEL = r"[a-zA-Z_][a-zA-Z0-9_.]*"
_TEXT = r"""(?:[^"\\]|\\.)*"""
_PAIR = rf'{_LABEL}\s*=\s*"{_TEXT}"\s*,?\s*'
_LINE = (
    r"^\s*([a-zA-Z_:][a-zA-Z0-9_:.]*)\s*"
    rf"(?:\{{\s*((?:{_PAIR})*)\}})?\s+(\S+)(?:\s+(-?[0-9]+(?:\.[0-9]+)?))?\s*(?:#.*)?$"
)
MAX_LISTED = 1000


@dataclass(frozen=True)
class Snapshot:
    """One unpacked text file, how messages call it, and the time (Unix seconds) of samples without their
    own.
    """

    path: Path
    name: str
    observed_at: float


def write_samples(connection: duckdb.DuckDBPyConnection, files: Sequence[Snapshot], target: Path, *, day: str) -> tuple[str, ...]:
    """Write the day's samples of all files as Parquet; returns notes about what was left out.

    Raises:
        DeliveryError: with every line that is no sample.
    """
    load_lines(connection, files)
    notes = _refuse_bad_lines(connection)
    rows = rows_query("SELECT m, times, readings FROM text_samples", exported_jobs=_jobs(connection))
    query = of_day(rows, day=day)
    connection.execute(f"COPY ({query}) TO {literal(str(target))} ({COPY_OPTIONS})")
    return notes


def days_of(connection: duckdb.DuckDBPyConnection, file: Snapshot) -> list[str]:
    """The UTC days of a file's samples."""
    load_lines(connection, [file])
    query = (
        "SELECT DISTINCT strftime(make_timestamp(CAST(round(times[1] * 1e6) AS BIGINT)), '%Y-%m-%d')"
        " FROM text_samples ORDER BY 1"
    )
    return [row[0] for row in connection.execute(query).fetchall()]


def load_lines(connection: duckdb.DuckDBPyConnection, files: Sequence[Snapshot]) -> None:
    """Parse files into the temporary tables ``text_lines`` (every line) and ``text_samples`` (m, times, readings)."""
    connection.execute("CREATE OR REPLACE TEMP TABLE snapshots (path VARCHAR, name VARCHAR, observed DOUBLE)")
    connection.executemany(
        "INSERT INTO snapshots VALUES (?, ?, ?)",
        [(str(file.path), file.name, file.observed_at) for file in files],
    )
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE text_lines AS"
        " WITH whole AS (SELECT name, observed, content, string_split(content, chr(10)) AS lines,"
        "  contains(content, chr(10) || '# EOF') AS is_open_metrics"
        "  FROM read_text($paths) AS t JOIN snapshots ON t.filename = snapshots.path),"
        " each AS (SELECT name, observed, is_open_metrics, NOT content LIKE '%' || chr(10) AS is_cut,"
        "  len(lines) AS last_line, unnest(lines) AS line, generate_subscripts(lines, 1) AS number"
        "  FROM whole),"
        " read AS (SELECT *, rtrim(line, chr(13)) AS text FROM each"
        "  WHERE trim(line, ' ' || chr(9) || chr(13)) <> '' AND NOT starts_with(ltrim(line), '#'))"
        f" SELECT *, regexp_extract(text, {literal(_LINE)}, ['metric', 'labels', 'v', 'own_at']) AS p"
        " FROM read",
        {"paths": file_list(file.path for file in files)},
    )
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE text_samples AS WITH named AS ("
        f" SELECT *, {_extracted(1)} AS keys,"
        f"  list_transform({_extracted(2)}, lambda t: {_unescaped('t')}) AS texts"
        f" FROM text_lines WHERE {_GOOD})"
        " SELECT map(list_concat(['__name__'], keys), list_concat([p.metric], texts)) AS m,"
        " [coalesce(TRY_CAST(p.own_at AS DOUBLE) / CASE WHEN is_open_metrics THEN 1 ELSE 1000 END, observed)] AS times,"
        " [p.v] AS readings FROM named"
    )


def _extracted(group: int) -> str:
    pair = f'({_LABEL})\\s*=\\s*"({_TEXT})"'
    return f"regexp_extract_all(p.labels, {literal(pair)}, {group})"


_GOOD = f"p.metric <> '' AND TRY_CAST(p.v AS DOUBLE) IS NOT NULL AND len(list_distinct({_extracted(1)})) = len({_extracted(1)})"


def _unescaped(text: str) -> str:
    """SQL that reads the escapes of a label value: backslash, quote and n; any other one stays as it is."""
    pieces = rf"regexp_extract_all({text}, '(?s)\\.|[^\\]+')"
    read = r"""CASE p WHEN '\\' THEN '\' WHEN '\"' THEN '"' WHEN '\n' THEN chr(10) ELSE p END"""
    return f"array_to_string(list_transform({pieces}, lambda p: {read}), '')"


def _jobs(connection: duckdb.DuckDBPyConnection) -> list[str]:
    gpu = " OR ".join(f"m[{literal(label)}] IS NOT NULL" for label in GPU_LABELS)
    exported = " OR ".join(f"m[{literal(label)}] <> ''" for label in EXPORTED_LABELS)
    query = (
        f"SELECT DISTINCT coalesce(m['job'], '') FROM text_samples WHERE (m['__name__'] LIKE 'DCGM%' OR {gpu}) AND ({exported})"
    )
    return [row[0] for row in connection.execute(query).fetchall()]


def _refuse_bad_lines(connection: duckdb.DuckDBPyConnection) -> tuple[str, ...]:
    query = (
        "SELECT name, number, text, is_cut AND number = last_line FROM text_lines"
        f" WHERE NOT coalesce({_GOOD}, false) ORDER BY name, number LIMIT {MAX_LISTED}"
    )
    rows = connection.execute(query).fetchall()
    bad = [
        Mismatch(
            file=name,
            line=number,
            column="sample",
            found=text[:120],
            expected='metric{label="text",…} number',
            fix="take the snapshot again",
        )
        for name, number, text, is_cut in rows
        if not is_cut
    ]
    if bad:
        fix = "take the snapshot again; the day keeps its last good load"
        raise DeliveryError("lines are no samples", mismatches=tuple(bad), fix=fix)
    return tuple(f"{name} line {number} is cut off and was left out" for name, number, _, _ in rows)
