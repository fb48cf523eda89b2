"""Rows of JSON deliveries: exact numbers, rules, which row and line is wrong, which keys nobody expected."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import duckdb

from ingest.duckdb_session import file_list
from ingest.errors import DeliveryError, Mismatch

MAX_FINDINGS = 1000
MAX_SHOWN = 120
KEY_SAMPLE_ROWS = 1000


@dataclass(frozen=True)
class RowRule:
    """What a row must hold: column, SQL of what was found, SQL that is true when it is broken."""

    column: str
    found: str
    bad: str
    expected: str


def guarded(column: str, rules: Sequence[RowRule]) -> str:
    """SQL of a column that raises an error where a row breaks a rule: checking costs no second pass."""
    broken = " OR ".join(f"({rule.bad})" for rule in rules)
    return f"CASE WHEN {broken} THEN error('a row breaks a rule') ELSE {column} END AS {column}"


def quoted_numbers(text: str) -> str:
    """SQL that quotes every number behind a key of a JSON text, so that it can be cast from its digits.

    A JSON reader takes numbers through a double, which holds 15 to 17 digits. An unescaped quote after an
    identifier character closes a key or a text, and a closed text before a colon is a key: values are never
    touched.
    """
    return rf"""regexp_replace({text}, '([A-Za-z0-9_])"\s*:\s*(-?[0-9][0-9.eE+-]*)', '\1":"\2"', 'g')"""


def row_findings(
    connection: duckdb.DuckDBPyConnection,
    relation: str,
    rules: Sequence[RowRule],
    *,
    path: Path,
    name: str,
    has_lines: bool = True,
) -> tuple[Mismatch, ...]:
    """Every broken rule of every row (at most 1,000), by place; empty when the text itself is malformed.

    Args:
        connection: from ``connect``.
        relation: SQL of the rows in file order, reading the file bound as ``$path``.
        rules: what the rows of ``relation`` must hold.
        path: the unpacked file.
        name: how messages call it.
        has_lines: every line is a row; else places are row numbers.
    """
    try:
        found = connection.execute(_findings(relation, rules), {"path": file_list([path])[0]}).fetchall()
    except duckdb.Error:
        return ()
    lines = _line_numbers(path, max((row[0] for row in found), default=0)) if has_lines else []
    return tuple(
        Mismatch(
            file=name,
            line=lines[number - 1] if has_lines else None,
            row=None if has_lines else number,
            column=rules[rule].column,
            found="nothing" if value is None else repr(value[:MAX_SHOWN]),
            expected=rules[rule].expected,
            fix="correct the row at its source and deliver the file again",
        )
        for number, rule, value in found
    )


def malformed(path: Path, *, name: str, error: Exception, has_lines: bool = True) -> DeliveryError:
    """The error for text that is not JSON, with the first line that no parser accepts when lines are rows."""
    found, broken = str(error).replace(str(path), name), None
    if has_lines:
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
        expected="one JSON object a line, UTF-8" if has_lines else "JSON, UTF-8",
        fix="export the file again, best as newline-delimited JSON",
    )


def unknown_keys(connection: duckdb.DuckDBPyConnection, path: Path, *, known: Collection[str]) -> list[str]:
    """Top-level keys of the first 1,000 rows that are not ``known``, sorted."""
    query = (
        "SELECT DISTINCT unnest(json_keys(json)) AS key FROM (SELECT json FROM read_ndjson_objects($path)"
        f" LIMIT {KEY_SAMPLE_ROWS}) ORDER BY key"
    )
    keys = [row[0] for row in connection.execute(query, {"path": file_list([path])[0]}).fetchall()]
    return [key for key in keys if key not in known]


def _findings(relation: str, rules: Sequence[RowRule]) -> str:
    """SQL of (row number, rule index, found) of every broken rule."""
    problems = ", ".join(
        f"CASE WHEN {rule.bad} THEN {{'rule': {number}, 'found': CAST({rule.found} AS VARCHAR)}} END"
        for number, rule in enumerate(rules)
    )
    return (
        "SELECT n, problem.rule, problem.found FROM (SELECT n, unnest(found) AS problem FROM"
        f" (SELECT row_number() OVER () AS n, list_filter([{problems}], lambda p: p IS NOT NULL) AS found"
        f" FROM ({relation}))) ORDER BY n, problem.rule LIMIT {MAX_FINDINGS}"
    )


def _line_numbers(path: Path, count: int) -> list[int]:
    """Line of each of the first ``count`` rows; blank lines hold no row."""
    with path.open("rb") as handle:
        return list(islice((line for line, text in enumerate(handle, 1) if text.strip()), count))
