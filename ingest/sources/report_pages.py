"""Pages of a provider's usage and cost reports, opened in DuckDB: pages hold buckets, buckets hold results.

Accepted, because saved pages look like all of these: a page ``{"data": [buckets], "has_more",
"next_page"}``, an array of pages, a bare array of buckets, a single bucket, and any of them one per line.
What a result means is not decided here. Numbers under the money and quantity keys are quoted before the
JSON is parsed, because a JSON parser reads them as doubles and the last digits would be gone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import duckdb

from ingest.duckdb_session import file_list
from ingest.errors import DeliveryError
from ingest.sql_casts import literal, utc_from_text

EXACT_KEYS = (
    "value",
    "quantity",
    "amount",
    "characters",
    "seconds",
    "images",
    "usage_bytes",
    "num_sessions",
    "num_requests",
)
_EXACT_NUMBER = rf'("(?:{"|".join(EXACT_KEYS)})"\s*:\s*)(-?[0-9][0-9.eE+-]*)'

Clock = Literal["unix", "iso"]


class NotAReport(DeliveryError):
    """Valid JSON, but no usage or cost report of this provider."""


@dataclass(frozen=True, kw_only=True)
class Envelope:
    """How a provider names the borders of a bucket, and in which clock."""

    start_key: str
    end_key: str
    clock: Clock

    def instant(self, key: str) -> str:
        """SQL of the TIMESTAMP under ``key`` of a ``bucket``."""
        text = f"(bucket ->> {literal(key)})"
        if self.clock == "iso":
            return utc_from_text(text)
        return f"make_timestamp(TRY_CAST({text} AS BIGINT) * 1000000)"


def load_pages(connection: duckdb.DuckDBPyConnection, files: Mapping[Path, str], *, envelope: Envelope) -> None:
    """Open unpacked files into two temporary tables.

    ``report_pages``: file, page (from 1), has_more, is_bucketed, keys (of the page and of its first bucket).
    ``report_lines``: file, page, row (from 1 in the file), bucket_start, bucket_end, result (JSON, NULL for a
    bucket without results).

    Args:
        connection: from ``connect``.
        files: path -> how messages call the file.
        envelope: of the provider.

    Raises:
        DeliveryError: not JSON.
    """
    connection.execute("CREATE OR REPLACE TEMP TABLE report_names (path VARCHAR, file VARCHAR)")
    for path, name in files.items():
        connection.execute("INSERT INTO report_names VALUES (?, ?)", [str(path), name])
    _read_texts(connection, list(files))
    _refuse_broken_json(connection, files)
    connection.execute(_PAGES)
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE report_lines AS WITH each AS ("
        "  SELECT file, page, unnest(buckets) AS bucket, generate_subscripts(buckets, 1) AS n"
        "  FROM report_buckets WHERE is_bucketed),"
        " opened AS (SELECT *, CAST(bucket -> 'results' AS JSON[]) AS results FROM each)"
        f" SELECT file, page, {envelope.instant(envelope.start_key)} AS bucket_start,"
        f"  {envelope.instant(envelope.end_key)} AS bucket_end,"
        "  result, row_number() OVER (PARTITION BY file ORDER BY page, n, m) AS row FROM ("
        "  SELECT * EXCLUDE (results), unnest(results) AS result, generate_subscripts(results, 1) AS m FROM ("
        "   SELECT * REPLACE (CASE WHEN len(results) = 0 THEN [NULL::JSON] ELSE results END AS results)"
        "   FROM opened))"
    )


_PAGES = """
CREATE OR REPLACE TEMP TABLE report_buckets AS
WITH documents AS (
    SELECT file, unnest(docs) AS doc, generate_subscripts(docs, 1) AS line FROM report_texts
),
pages AS (
    SELECT file, line, unnest(elements) AS element, generate_subscripts(elements, 1) AS n
    FROM (
        SELECT file, line,
            CASE WHEN json_type(doc) = 'ARRAY' AND json_type(doc -> '$[0].data') = 'ARRAY'
                THEN CAST(doc AS JSON[]) ELSE [CAST(doc AS JSON)] END AS elements
        FROM documents
    )
),
opened AS (
    SELECT file, line, n, element,
        CASE WHEN json_type(element) = 'ARRAY' THEN CAST(element AS JSON[])
            WHEN json_type(element -> 'data') = 'ARRAY' THEN CAST(element -> 'data' AS JSON[])
            WHEN json_type(element -> 'results') = 'ARRAY' THEN [element]
        END AS buckets
    FROM pages
)
SELECT
    file,
    row_number() OVER (PARTITION BY file ORDER BY line, n) AS page,
    coalesce(CAST(element ->> '$.has_more' AS BOOLEAN), false) AS has_more,
    buckets IS NOT NULL
        AND coalesce(
            list_bool_and(
                list_transform(buckets, lambda b: coalesce(json_type(b -> 'results'), '') = 'ARRAY')
            ),
            true
        ) AS is_bucketed,
    buckets,
    list_sort(list_distinct(list_concat(
        CASE WHEN json_type(element) = 'OBJECT' THEN json_keys(element) ELSE [] END,
        CASE WHEN json_type(buckets[1]) = 'OBJECT' THEN json_keys(buckets[1]) ELSE [] END
    ))) AS keys
FROM opened;
CREATE OR REPLACE TEMP VIEW report_pages AS SELECT * EXCLUDE (buckets) FROM report_buckets
"""


def _read_texts(connection: duckdb.DuckDBPyConnection, paths: Sequence[Path]) -> None:
    if not paths:
        connection.execute("CREATE OR REPLACE TEMP TABLE report_texts (file VARCHAR, docs VARCHAR[])")
        return
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE report_texts AS WITH exact AS ("
        f" SELECT n.file, regexp_replace(t.content, {literal(_EXACT_NUMBER)}, '\\1\"\\2\"', 'g') AS content"
        " FROM read_text($paths) AS t JOIN report_names AS n ON t.filename = n.path)"
        " SELECT file, CASE WHEN json_valid(content) THEN [content]"
        " ELSE list_filter(string_split(content, chr(10)), lambda line: trim(line, ' ' || chr(13)) <> '')"
        " END AS docs FROM exact",
        {"paths": file_list(paths)},
    )


def _refuse_broken_json(connection: duckdb.DuckDBPyConnection, files: Mapping[Path, str]) -> None:
    query = (
        "SELECT path FROM report_texts JOIN report_names USING (file)"
        " WHERE NOT list_bool_and(list_transform(docs, lambda d: json_valid(d))) OR len(docs) = 0"
        " ORDER BY file"
    )
    for (broken,) in connection.execute(query).fetchall():
        path = Path(broken)
        found, line, column = _json_fault(path)
        where: dict[str, object] = {"file": files[path], "line": line, "column": column}
        raise DeliveryError(
            "the file is not valid JSON",
            where=where,
            found=found,
            expected="complete pages as the API answered them",
            fix="save the page again; the month keeps its last good load",
        )


def _json_fault(path: Path) -> tuple[str, int, int]:
    """(message, line, column) of the first fault of a JSON file, or of a file with one document per line."""
    text = path.read_bytes().decode("utf-8", errors="replace")
    first, *others = text.splitlines() or [""]
    try:
        json.loads(first)
        documents = list(enumerate([first, *others], 1))
    except (json.JSONDecodeError, RecursionError):
        documents = [(1, text)]
    for number, document in documents:
        try:
            json.loads(document or "null")
        except RecursionError:
            return "nested too deeply", number, 1
        except json.JSONDecodeError as error:
            return error.msg, number + error.lineno - 1, error.colno
    return "no JSON document, or text that is not UTF-8", 1, 1


def refuse_timeless(connection: duckdb.DuckDBPyConnection, envelope: Envelope) -> None:
    """Check that every bucket has a readable start.

    Raises:
        DeliveryError: naming the first one.
    """
    query = "SELECT file, page, row FROM report_lines WHERE bucket_start IS NULL ORDER BY file, row LIMIT 1"
    for file, page, row in connection.execute(query).fetchall():
        raise DeliveryError(
            "a bucket has no readable start",
            where={"file": file, "page": page, "row": row, "column": envelope.start_key},
            found="nothing, or another format",
            expected="Unix seconds" if envelope.clock == "unix" else "a UTC time such as 2026-05-01T00:00:00Z",
            fix="save the page of this provider's usage or cost report again",
        )
