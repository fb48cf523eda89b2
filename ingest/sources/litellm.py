"""LiteLLM's request log (SpendLogs) from files: JSON lines, a JSON array, pages of the spend API, or Parquet.

The partition is the UTC day of ``startTime``. Parquet in exactly the lake's schema, all rows of one day, is
landed byte for byte; everything else is typed by DuckDB (``litellm_rows``), which selects named columns only,
so that prompts, answers, addresses and names of people never reach the lake. A request id names one request:
the same id in two files of a day means that two exports overlap, and is refused. The manifest's money is
``spend``, the gateway's own estimate in dollars: it is not billed cost.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

import duckdb

from ingest.duckdb_session import file_list, session
from ingest.errors import DeliveryError
from ingest.lake import Landed
from ingest.landing import (
    COPY_OPTIONS,
    check_parquet,
    count_and_money,
    describe_parquet,
    land_parquet,
)
from ingest.manifest import SourceFile
from ingest.sources import litellm_rows as rows
from ingest.sources.delivered_files import DeliveredFile, refuse_changed
from ingest.sources.file_memory import Contents
from ingest.sources.folder_source import FolderSource
from ingest.sources.json_lines import RowRule, malformed, row_findings
from ingest.sources.litellm_text import PARQUET, LogText, is_parquet, log_text
from ingest.sources.litellm_usual_rows import USUAL, usual_rows
from ingest.sources.scan_room import ScanRoom
from ingest.sql_casts import literal, utc_from_text

_CURRENCY = "'USD'"
_DAY_IN_PATH = re.compile(r"(?<!\d)(20\d\d)-?(0[1-9]|1[0-2])-?(0[1-9]|[12]\d|3[01])(?!\d)")


class LiteLLMSource(FolderSource):
    """Data set ``litellm_spend_logs``: one partition per UTC day."""

    dataset = "litellm_spend_logs"
    suffixes = (".json", ".jsonl", ".ndjson", ".json.gz", ".jsonl.gz", ".ndjson.gz", PARQUET)
    has_whole_statements = False
    format_version = 2

    def named_partitions(self, name: str) -> set[str]:
        """The days a path names."""
        return {"-".join(parts) for parts in _DAY_IN_PATH.findall(name)}

    def scan(self, path: Path, *, name: str, room: ScanRoom) -> Contents:
        """The days a file holds."""
        if is_parquet(path):
            check_parquet(path, name=name)
        if is_parquet(path) and _has_lake_schema(room.connection, path):
            text, start = LogText(path, "SELECT started_at FROM read_parquet($path)"), "started_at"
        else:
            text, start = log_text(path, room.scratch / "rows.json", name=name), rows.started_at()
        found = _days(room.connection, text, start=start, name=name)
        days = sorted(day for day in found if day is not None)
        if found and not days:
            raise _refused(room.connection, text, name=name, error=ValueError("no row has a readable start"))
        return {day: () for day in days}

    def land(self, partition: str, files: tuple[DeliveredFile, ...], folder: Path) -> Landed:
        """Type and check the day's rows of all files; one Parquet file for each."""
        parts: list[Path] = []
        sources: list[SourceFile] = []
        hashes: dict[Path, str] = {}
        with session(**asdict(self.limits), scratch=folder / "spill") as connection:
            for number, file in enumerate(files):
                parts.append(folder / f"part-{number:05d}.parquet")
                is_one_day = len(file.facts.contents) == 1
                if is_parquet(file.path) and is_one_day and _has_lake_schema(connection, file.path):
                    sources.append(_copy_parquet(connection, file, parts[-1], day=partition))
                    hashes[parts[-1]] = sources[-1].sha256
                else:
                    sources.append(_convert(connection, file, parts[-1], day=partition))
            if not parts:
                parts.append(_empty(connection, folder / "part-00000.parquet"))
            refuse_repeated_requests(connection, parts, [file.name for file in files])
            count, money = count_and_money(connection, parts, {"spend": "spend"}, _CURRENCY)
        return Landed(tuple(parts), tuple(sources), count, money, (), hashes)


def refuse_repeated_requests(connection: duckdb.DuckDBPyConnection, parts: Sequence[Path], names: Sequence[str]) -> None:
    """Check that no request id stands in two files of a day.

    Raises:
        DeliveryError: naming the request and both files.
    """
    if len(parts) < 2:
        return
    query = (
        "SELECT request_id, min(file_index), max(file_index) FROM read_parquet($paths)"
        " GROUP BY request_id HAVING min(file_index) < max(file_index) ORDER BY request_id LIMIT 1"
    )
    for request, first, second in connection.execute(query, {"paths": file_list(parts)}).fetchall():
        raise DeliveryError(
            "two exports hold the same request",
            where={"file": names[second], "column": "request_id"},
            found=f"{request}, also in {names[first]}",
            expected="every request once",
            fix="export windows that do not overlap, or remove the older file",
        )


def _has_lake_schema(connection: duckdb.DuckDBPyConnection, path: Path) -> bool:
    return describe_parquet(connection, [path]) == tuple(rows.LAKE_SCHEMA.items())


def _days(connection: duckdb.DuckDBPyConnection, text: LogText, *, start: str, name: str) -> set[str | None]:
    """The days of a file's rows, None for a start that cannot be read; lines are read quickly when they can be.

    Raises:
        DeliveryError: the file is not JSON.
    """
    if text.has_lines:
        with suppress(duckdb.Error):
            return _distinct_days(connection, text, text.quick_starts, start=utc_from_text("startTime"))
    try:
        return _distinct_days(connection, text, text.relation, start=start)
    except duckdb.Error as error:
        raise malformed(text.path, name=name, error=error, has_lines=text.has_lines) from error


def _distinct_days(connection: duckdb.DuckDBPyConnection, text: LogText, relation: str, *, start: str) -> set[str | None]:
    query = f"SELECT DISTINCT strftime({start}, '%Y-%m-%d') FROM ({relation})"
    return {day for (day,) in connection.execute(query, text.bound).fetchall()}


def _convert(connection: duckdb.DuckDBPyConnection, file: DeliveredFile, target: Path, *, day: str) -> SourceFile:
    """Type the day's rows of a file, quickly when all of them are usual."""
    unpacked = target.with_suffix(".json")
    text = log_text(file.path, unpacked, name=file.name)
    usual = usual_rows(f"({text.quick_relation})", file=file.name)
    try:
        try:
            _copy_rows(connection, text, usual, target, day=day, more=[USUAL])
        except duckdb.Error:
            typed = rows.typed_rows(f"({text.relation})", file=file.name)
            _copy_rows(connection, text, typed, target, day=day)
    except duckdb.Error as error:
        refuse_changed(file)
        raise _refused(connection, text, name=file.name, error=error) from error
    refuse_changed(file)
    unpacked.unlink(missing_ok=True)
    return file.facts.source


def _copy_rows(
    connection: duckdb.DuckDBPyConnection,
    text: LogText,
    typed: str,
    target: Path,
    *,
    day: str,
    more: Sequence[RowRule] = (),
) -> None:
    of_day = f"coalesce(strftime(started_at, '%Y-%m-%d') = {literal(day)}, true)"
    query = f"SELECT {rows.checked_columns(more=more)} FROM ({typed}) WHERE {of_day}"
    connection.execute(f"COPY ({query}) TO {literal(str(target))} ({COPY_OPTIONS})", text.bound)


def _copy_parquet(connection: duckdb.DuckDBPyConnection, file: DeliveredFile, target: Path, *, day: str) -> SourceFile:
    source = land_parquet(file.path, target, name=file.name)
    query = (
        "SELECT count(*) FROM read_parquet($path)"
        " WHERE started_at IS NULL OR request_id IS NULL OR spend IS NULL"
        f" OR strftime(started_at, '%Y-%m-%d') <> {literal(day)}"
    )
    wrong = connection.execute(query, {"path": file_list([target])[0]}).fetchall()[0][0]
    if wrong:
        raise DeliveryError(
            "rows of the request log lack a start, an id or a spend",
            where={"file": file.name, "column": "started_at, request_id, spend"},
            found=f"{wrong} rows",
            expected="a value in every row",
            fix="export the rows again; nothing of the day was loaded",
        )
    return source


def _empty(connection: duckdb.DuckDBPyConnection, target: Path) -> Path:
    """A day that was restated to nothing: the lake schema without rows."""
    nulls = ", ".join(f"CAST(NULL AS {kind}) AS {name}" for name, kind in rows.LAKE_SCHEMA.items())
    connection.execute(f"COPY (SELECT {nulls} LIMIT 0) TO {literal(str(target))} ({COPY_OPTIONS})")
    return target


def _refused(connection: duckdb.DuckDBPyConnection, text: LogText, *, name: str, error: Exception) -> DeliveryError:
    typed = rows.typed_rows(f"({text.relation})", file=name)
    findings = row_findings(connection, typed, rows.rules(), path=text.path, name=name, has_lines=text.has_lines)
    if not findings:
        return malformed(text.path, name=name, error=error, has_lines=text.has_lines)
    count = len({(finding.line, finding.row) for finding in findings})
    return DeliveryError(
        f"{count} rows break the rules of the request log",
        where={"file": name},
        mismatches=findings,
        fix="export the rows again; nothing of the day was loaded",
    )
