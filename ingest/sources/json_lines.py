"""Newline-delimited JSON deliveries: which row and line is wrong, and which keys nobody expected."""

from __future__ import annotations

import json
from collections.abc import Collection
from itertools import islice
from pathlib import Path

import duckdb

from ingest.duckdb_session import file_list
from ingest.errors import DeliveryError, Mismatch

MAX_FINDINGS = 1000
MAX_SHOWN = 120
KEY_SAMPLE_ROWS = 1000


def row_findings(
    connection: duckdb.DuckDBPyConnection, path: Path, relation: str, problems: str, name: str
) -> tuple[Mismatch, ...]:
    """Every broken rule of every row (at most 1,000), by line; empty when the text itself is malformed.

    Args:
        connection: from ``connect``.
        path: unpacked newline JSON.
        relation: SQL of the rows in file order, reading the file bound as ``$path``.
        problems: list expression over ``relation`` of {column, found, expected}.
        name: how messages call the file.
    """
    query = (
        "SELECT n, problem.column, problem.found, problem.expected"
        " FROM (SELECT n, unnest(found) AS problem FROM"
        f" (SELECT row_number() OVER () AS n, {problems} AS found FROM ({relation})) WHERE len(found) > 0)"
        f" ORDER BY n LIMIT {MAX_FINDINGS}"
    )
    try:
        found = connection.execute(query, {"path": file_list([path])[0]}).fetchall()
    except duckdb.Error:
        return ()
    lines = _line_numbers(path, max((row[0] for row in found), default=0))
    return tuple(
        Mismatch(
            file=name,
            line=lines[number - 1],
            column=column,
            found="nothing" if value is None else repr(value[:MAX_SHOWN]),
            expected=expected,
            fix="correct the row at its source and deliver the file again",
        )
        for number, column, value, expected in found
    )


def malformed_line(path: Path, *, name: str, error: duckdb.Error) -> DeliveryError:
    """The error for text that is not newline JSON, with the first line that no parser accepts."""
    found, broken = str(error), None
    with path.open("rb") as handle:
        for line, text in enumerate(handle, 1):
            try:
                json.loads(text) if text.strip() else None
            except ValueError as fault:
                found, broken = str(fault), line
                break
    return DeliveryError(
        "the JSON cannot be read",
        where={"file": name, "line": broken},
        found=found[:500],
        expected="one JSON object a line, UTF-8",
        fix="export the file again as newline-delimited JSON",
    )


def unknown_keys(connection: duckdb.DuckDBPyConnection, path: Path, *, known: Collection[str]) -> list[str]:
    """Top-level keys of the first 1,000 rows that are not ``known``, sorted."""
    query = (
        "SELECT DISTINCT unnest(json_keys(json)) AS key FROM (SELECT json FROM read_ndjson_objects($path)"
        f" LIMIT {KEY_SAMPLE_ROWS}) ORDER BY key"
    )
    keys = [row[0] for row in connection.execute(query, {"path": file_list([path])[0]}).fetchall()]
    return [key for key in keys if key not in known]


def _line_numbers(path: Path, count: int) -> list[int]:
    """Line of each of the first ``count`` rows; blank lines hold no row."""
    with path.open("rb") as handle:
        return list(islice((line for line, text in enumerate(handle, 1) if text.strip()), count))
