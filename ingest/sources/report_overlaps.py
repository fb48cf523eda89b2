"""Buckets that stand in more than one page: merged once when they agree, refused when they contradict each
other.

Works on the table ``typed`` of ``report_rows``: kind_, bucket_start, bucket_end, dimensions (sorted
``key=value`` list), measures (text), page_id, file.
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from ingest.errors import DeliveryError
from ingest.sql_casts import literal

_FIX = (
    "keep one of the two exports; a month that was saved again replaces the old file under its name."
    " Two organizations need two sources"
)


def refuse_overlaps(connection: duckdb.DuckDBPyConnection, *, groupings: Sequence[str]) -> int:
    """Make the table ``merged`` (kind_, bucket_start, bucket_end, dimensions, page_id): the page whose
    lines count.

    Args:
        connection: with the table ``typed``.
        groupings: keys that ``group_by[]`` may name.

    Returns:
        How many repeated lines are left out.

    Raises:
        DeliveryError: two pages contradict each other; both files are named.
    """
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE line_groups AS"
        " SELECT kind_, bucket_start, bucket_end, dimensions, page_id, min(file) AS file,"
        "  list_sort(list(measures)) AS lines FROM typed GROUP BY ALL"
    )
    _refuse_widths(connection)
    _refuse_values(connection)
    _refuse_groupings(connection, groupings)
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE merged AS SELECT kind_, bucket_start, bucket_end, dimensions,"
        " min(page_id) AS page_id FROM line_groups GROUP BY ALL"
    )
    query = (
        "SELECT coalesce(sum(len(lines)), 0)::BIGINT FROM line_groups ANTI JOIN merged"
        " USING (kind_, bucket_start, bucket_end, dimensions, page_id)"
    )
    return connection.execute(query).fetchall()[0][0]


def _refuse_widths(connection: duckdb.DuckDBPyConnection) -> None:
    query = (
        "WITH buckets AS ("
        "  SELECT kind_, bucket_start, bucket_end, min(file) AS file FROM line_groups GROUP BY ALL),"
        " ranked AS (SELECT *, lag(bucket_end) OVER spans AS before_end,"
        "  lag(bucket_start) OVER spans AS before_start, lag(file) OVER spans AS before_file FROM buckets"
        "  WINDOW spans AS (PARTITION BY kind_ ORDER BY bucket_start, bucket_end))"
        " SELECT kind_, bucket_start, bucket_end, file, before_start, before_end, before_file FROM ranked"
        " WHERE bucket_start < before_end ORDER BY bucket_start LIMIT 1"
    )
    for kind, start, end, file, before_start, before_end, before_file in connection.execute(query).fetchall():
        raise DeliveryError(
            "two pages cover the same time with buckets of different width",
            where={"file": file, "report": kind},
            found=f"{start} to {end} here, {before_start} to {before_end} in {before_file}",
            expected="one bucket width",
            fix=_FIX,
        )


def _refuse_values(connection: duckdb.DuckDBPyConnection) -> None:
    query = (
        "SELECT kind_, bucket_start, dimensions, arg_min(file, page_id), arg_max(file, page_id),"
        " arg_min(lines, page_id), arg_max(lines, page_id) FROM line_groups"
        " GROUP BY kind_, bucket_start, bucket_end, dimensions HAVING count(DISTINCT lines) > 1"
        " ORDER BY bucket_start, kind_, dimensions LIMIT 1"
    )
    for kind, start, dimensions, file, other, lines, other_lines in connection.execute(query).fetchall():
        line = ", ".join(dimensions) or "the total"
        raise DeliveryError(
            "two pages hold the same line with different values",
            where={"file": other, "report": kind, "bucket": start},
            found=f"{_shown(other_lines)} here, {_shown(lines)} in {file}, for {line}",
            expected="the same values, or one of the two pages",
            fix=_FIX,
        )


def _refuse_groupings(connection: duckdb.DuckDBPyConnection, groupings: Sequence[str]) -> None:
    keys = ", ".join(literal(key) for key in groupings)
    grouped = f"lambda key: key IN ({keys})"
    query = (
        "WITH pages AS (SELECT kind_, bucket_start, bucket_end, page_id, min(file) AS file,"
        "  list_sort(list(array_to_string(dimensions, '|') || array_to_string(lines, '|'))) AS content,"
        f"  list_sort(list_filter(list_distinct(flatten(list(list_transform(dimensions, lambda d:"
        f"   split_part(d, '=', 1))))), {grouped})) AS grouping_"
        " FROM line_groups GROUP BY ALL)"
        " SELECT one.kind_, one.bucket_start, one.file, one.grouping_, other.file, other.grouping_"
        " FROM pages AS one JOIN pages AS other USING (kind_, bucket_start, bucket_end)"
        " WHERE one.page_id < other.page_id AND one.content <> other.content"
        " AND one.grouping_ <> other.grouping_ ORDER BY 2, 1 LIMIT 1"
    )
    for kind, start, file, grouping, other, other_grouping in connection.execute(query).fetchall():
        here, there = (", ".join(keys) or "nothing" for keys in (other_grouping, grouping))
        raise DeliveryError(
            "two pages group the same bucket differently, so adding them would count it twice",
            where={"file": other, "report": kind, "bucket": start},
            found=f"by {here} here, by {there} in {file}",
            expected="one grouping",
            fix=_FIX,
        )


def _shown(lines: Sequence[str]) -> str:
    return "; ".join(line.strip("|") or "nothing" for line in lines[:3])
