"""LiteLLM's request log (SpendLogs) from files: JSON lines, a JSON array, pages of the spend API, or Parquet.

The partition is the UTC day of ``startTime``. Parquet in exactly the lake's schema, all rows of one day, is
landed byte for byte; everything else is typed by DuckDB (``litellm_rows``), which selects named columns only,
so that prompts, answers, addresses and names of people never reach the lake. A request id names one request:
the same id in two files of a day means that two exports overlap, and is refused. The manifest's money is
``spend``, the gateway's own estimate in dollars: it is not billed cost.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import duckdb

from ingest.duckdb_session import file_list, session
from ingest.errors import DeliveryError
from ingest.lake import Landed
from ingest.landed_files import file_sha256
from ingest.landing import (
    COPY_OPTIONS,
    check_parquet,
    count_and_money,
    describe_parquet,
    land_parquet,
    unpack,
)
from ingest.manifest import SourceFile
from ingest.sources import litellm_rows as rows
from ingest.sources.delivered_files import DeliveredFile
from ingest.sources.file_memory import Contents
from ingest.sources.folder_source import FolderSource
from ingest.sources.json_lines import malformed, row_findings
from ingest.sources.scan_room import ScanRoom
from ingest.sql_casts import literal

_PARQUET = ".parquet"
_CURRENCY = "'USD'"
_PAGE_HEAD = re.compile(rb'\{\s*("(total|page|page_size|total_pages)"\s*:\s*\d+\s*,\s*)*"data"\s*:\s*\[')
HEAD_BYTES = 64 * 1024
LARGEST_ROW_BYTES = 64 * 1024**2
_DAY_IN_PATH = re.compile(r"(?<!\d)(20\d\d)-?(0[1-9]|1[0-2])-?(0[1-9]|[12]\d|3[01])(?!\d)")


@dataclass(frozen=True)
class _Rows:
    """A readable file's rows: SQL with one column ``json`` (bound ``$path``), and whether a line is a row."""

    source: SourceFile
    relation: str
    path: Path
    has_lines: bool

    @property
    def bound(self) -> dict[str, str]:
        return {"path": file_list([self.path])[0]}


class LiteLLMSource(FolderSource):
    """Data set ``litellm_spend_logs``: one partition per UTC day."""

    dataset = "litellm_spend_logs"
    suffixes = (".json", ".jsonl", ".ndjson", ".json.gz", ".jsonl.gz", ".ndjson.gz", _PARQUET)
    has_whole_statements = False

    def named_partitions(self, name: str) -> set[str]:
        """The days a path names."""
        return {"-".join(parts) for parts in _DAY_IN_PATH.findall(name)}

    def scan(self, path: Path, *, name: str, room: ScanRoom) -> Contents:
        """The days a file holds."""
        if _is_parquet(path):
            check_parquet(path, name=name)
        if _is_parquet(path) and _has_lake_schema(room.connection, path):
            source = SourceFile(name, 0, "")
            read = _Rows(source, "SELECT started_at FROM read_parquet($path)", path, has_lines=False)
            start = "started_at"
        else:
            read = _rows_of(path, room.scratch / "rows.json", name=name)
            start = rows.started_at()
        query = f"SELECT DISTINCT strftime({start}, '%Y-%m-%d') FROM ({read.relation})"
        try:
            found = room.connection.execute(query, read.bound).fetchall()
        except duckdb.Error as error:
            raise malformed(read.path, name=name, error=error, has_lines=read.has_lines) from error
        days = sorted(day for (day,) in found if day is not None)
        if found and not days:
            raise _refused(room.connection, read, name=name, error=ValueError("no row has a readable start"))
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
                if _is_parquet(file.path) and is_one_day and _has_lake_schema(connection, file.path):
                    sources.append(_copy_parquet(connection, file, parts[-1], day=partition))
                    hashes[parts[-1]] = sources[-1].sha256
                else:
                    sources.append(_convert(connection, file, parts[-1], day=partition))
            if not parts:
                parts.append(_empty(connection, folder / "part-00000.parquet"))
            refuse_repeated_requests(connection, parts, [file.name for file in files])
            count, money = count_and_money(connection, parts, {"spend": "spend"}, _CURRENCY)
        return Landed(tuple(parts), tuple(sources), count, money, (), hashes)


def refuse_repeated_requests(
    connection: duckdb.DuckDBPyConnection, parts: Sequence[Path], names: Sequence[str]
) -> None:
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


def _is_parquet(path: Path) -> bool:
    return path.suffix.lower() == _PARQUET


def _has_lake_schema(connection: duckdb.DuckDBPyConnection, path: Path) -> bool:
    return describe_parquet(connection, [path]) == tuple(rows.LAKE_SCHEMA.items())


def _rows_of(path: Path, text: Path, *, name: str) -> _Rows:
    """The rows of a delivered file, unpacked to ``text`` when it is not Parquet."""
    if _is_parquet(path):
        source = SourceFile(name, path.stat().st_size, file_sha256(path))
        return _Rows(source, "SELECT to_json(line) AS json FROM read_parquet($path) AS line", path, False)
    source = unpack(path, text, name=name)
    with text.open("rb") as handle:
        head = handle.read(HEAD_BYTES).lstrip()
    layout = _layout(head)
    largest = text.stat().st_size + 1024 if layout == "unstructured" else LARGEST_ROW_BYTES
    objects = (
        f"SELECT json FROM read_json_objects($path, format = '{layout}', maximum_object_size = {largest})"
    )
    if not _PAGE_HEAD.match(head):
        return _Rows(source, objects, text, has_lines=layout == "newline_delimited")
    pages = f"SELECT unnest(from_json(json -> '$.data', '[\"JSON\"]')) AS json FROM ({objects})"
    return _Rows(source, pages, text, has_lines=False)


def _layout(head: bytes) -> str:
    """DuckDB's name of the JSON layout: an array, one object a line, or objects over several lines."""
    if head.startswith(b"["):
        return "array"
    line, has_more, _ = head.partition(b"\n")
    try:
        json.loads(line)
    except ValueError:
        return "unstructured" if has_more and line.rstrip().endswith((b"{", b",")) else "newline_delimited"
    return "newline_delimited"


def _convert(
    connection: duckdb.DuckDBPyConnection, file: DeliveredFile, target: Path, *, day: str
) -> SourceFile:
    text = target.with_suffix(".json")
    source = _rows_of(file.path, text, name=file.name)
    typed = rows.typed_rows(f"({source.relation})", file=file.name)
    of_day = f"coalesce(strftime(started_at, '%Y-%m-%d') = {literal(day)}, true)"
    query = f"SELECT {rows.checked_columns()} FROM ({typed}) WHERE {of_day}"
    try:
        connection.execute(f"COPY ({query}) TO {literal(str(target))} ({COPY_OPTIONS})", source.bound)
    except duckdb.Error as error:
        raise _refused(connection, source, name=file.name, error=error) from error
    text.unlink(missing_ok=True)
    return source.source


def _copy_parquet(
    connection: duckdb.DuckDBPyConnection, file: DeliveredFile, target: Path, *, day: str
) -> SourceFile:
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


def _refused(
    connection: duckdb.DuckDBPyConnection, source: _Rows, *, name: str, error: Exception
) -> DeliveryError:
    typed = rows.typed_rows(f"({source.relation})", file=name)
    findings = row_findings(
        connection, typed, rows.rules(), path=source.path, name=name, has_lines=source.has_lines
    )
    if not findings:
        return malformed(source.path, name=name, error=error, has_lines=source.has_lines)
    count = len({(finding.line, finding.row) for finding in findings})
    return DeliveryError(
        f"{count} rows break the rules of the request log",
        where={"file": name},
        mismatches=findings,
        fix="export the rows again; nothing of the day was loaded",
    )
