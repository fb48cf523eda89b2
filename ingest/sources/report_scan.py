"""What a loaded report file is: which data sets and months it holds, or why it is none."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import duckdb

from ingest.errors import DeliveryError
from ingest.sources.delivered_files import BrokenFile
from ingest.sources.report_pages import Envelope, NotAReport, refuse_timeless
from ingest.sources.report_rows import ReportSpec
from ingest.sql_casts import literal


def months_by_dataset(
    connection: duckdb.DuckDBPyConnection,
    specs: Sequence[ReportSpec],
    *,
    envelope: Envelope,
    foreign_key: str,
    hinted: Sequence[str],
    provider: str,
) -> dict[str, list[str]]:
    """Data set -> months (YYYY-MM) of the one file that ``load_pages`` opened.

    A page is one report, so its empty buckets belong to the data set of its results; a page without any
    result belongs to the data sets its file name hints at.

    Args:
        connection: with ``report_pages`` and ``report_lines``.
        specs: the provider's data sets.
        envelope: of the provider.
        foreign_key: key of a bucket that shows another provider's report; such a file holds nothing.
        hinted: data sets that the file name speaks of.
        provider: for messages.

    Raises:
        DeliveryError: no report (NotAReport), or a bucket without a time.
    """
    if _is_foreign(connection, foreign_key):
        return {}
    _refuse_other_json(connection, provider)
    refuse_timeless(connection, envelope)
    mine = [f"coalesce({spec.is_mine}, false)" for spec in specs]
    _refuse_unknown_results(connection, " OR ".join(mine), provider)
    owners = ", ".join(f"bool_or({test})" for test in mine)
    each = "list_sort(list(DISTINCT strftime(bucket_start, '%Y-%m')))"
    query = f"SELECT {each}, {owners} FROM report_lines GROUP BY file, page ORDER BY 1"
    found: dict[str, set[str]] = {}
    for months, *owned in connection.execute(query).fetchall():
        datasets = [spec.dataset for spec, is_owner in zip(specs, owned, strict=True) if is_owner] or hinted
        for dataset in datasets:
            found.setdefault(dataset, set()).update(months)
    return {dataset: sorted(months) for dataset, months in sorted(found.items())}


def _is_foreign(connection: duckdb.DuckDBPyConnection, key: str) -> bool:
    has_key = f"is_bucketed AND list_contains(keys, {literal(key)})"
    query = f"SELECT coalesce(bool_or({has_key}), false) FROM report_pages"
    return connection.execute(query).fetchall()[0][0]


def _refuse_other_json(connection: duckdb.DuckDBPyConnection, provider: str) -> None:
    query = "SELECT file, page, keys FROM report_pages WHERE NOT is_bucketed ORDER BY page LIMIT 1"
    for file, page, keys in connection.execute(query).fetchall():
        shown = ", ".join(keys[:12]) or "no keys"
        is_analytics = {"group", "starting_at"} <= set(keys)
        raise NotAReport(
            f"the file is no usage or cost report of {provider}",
            where={"file": file, "page": page},
            found=f"an analytics report (top groups only, no remainder): {shown}" if is_analytics else f"JSON with {shown}",
            expected="pages or buckets with `results`, as the organization usage and cost endpoints answer",
            fix="pull the admin usage and cost reports, and keep other files out of the folder",
        )


def _refuse_unknown_results(connection: duckdb.DuckDBPyConnection, known: str, provider: str) -> None:
    query = (
        "SELECT file, page, row, coalesce(result ->> 'object', array_to_string(json_keys(result)[:8], ', '))"
        f" FROM report_lines WHERE result IS NOT NULL AND NOT ({known}) ORDER BY row LIMIT 1"
    )
    for file, page, row, found in connection.execute(query).fetchall():
        raise NotAReport(
            f"the file holds results that are neither usage nor costs of {provider}",
            where={"file": file, "page": page, "row": row},
            found=found,
            expected="results of the organization usage and cost endpoints",
            fix="pull the admin usage and cost reports, and keep other files out of the folder",
        )


def refuse_all(files: tuple[BrokenFile, ...], folder: Path) -> NoReturn:
    """Refuse files that cannot be told, all in one entry.

    Raises:
        DeliveryError: always.
    """
    first = files[0].error
    if len(files) == 1:
        raise first
    raise DeliveryError(
        f"{len(files)} files cannot be taken as reports",
        found="\n    ".join(f"{file.name}: {file.error.found}" for file in files),
        expected=first.expected,
        fix=first.fix,
    )
