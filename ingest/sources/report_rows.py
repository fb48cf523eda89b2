"""Typed rows out of report lines: exact numbers, one lake schema per data set, overlapping pages merged
once.

Lines of one page are all real, even when two look alike. A bucket that stands in two pages is merged by its
dimensions: the same lines with the same values are one line, other dimensions are added. The same
dimensions with different values, two groupings of one bucket, or buckets of different width over the same
time cannot both be true and are refused, naming both files. Vendors page by bucket (llm_usage_and_prices.md
2.1), so no page continues the values of another.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb

from ingest.errors import DeliveryError, Mismatch
from ingest.landing import COPY_OPTIONS
from ingest.sources.report_overlaps import refuse_overlaps
from ingest.sql_casts import MONEY_TYPE, decimal_from_text, literal, quoted

MAX_LISTED = 1000
_WHOLE = r"-?[0-9]{1,18}(\.0+)?"
_LONG = r".*\.[0-9]{18}[0-9]*[1-9]"


@dataclass(frozen=True, kw_only=True)
class ReportSpec:
    """One data set of a provider.

    Attributes:
        dataset: its name in the lake.
        is_mine: SQL condition over ``result`` (JSON) that tells its lines from the provider's other data set.
        fields: shape of a result for ``from_json``, every leaf VARCHAR; the SQL below calls it ``r``.
        kind: SQL of the report kind (lines of different kinds never overlap).
        texts: lake column -> SQL of text or BOOLEAN.
        counts: lake column -> SQL of the text of a whole number.
        decimals: lake column -> SQL of the text of an exact number.
        required: columns that every line must fill.
        dimensions_without: keys of a result that are no dimensions (its measures).
        groupings: keys that ``group_by[]`` may name; they tell how a page was grouped.
        money_column: lake column whose sum is the manifest's billed_cost; None for usage.
        money_shift: power of ten that turns it into currency units (-2 for cents).
    """

    dataset: str
    is_mine: str
    fields: str
    kind: str
    texts: Mapping[str, str]
    counts: Mapping[str, str]
    decimals: Mapping[str, str]
    required: tuple[str, ...]
    dimensions_without: tuple[str, ...]
    groupings: tuple[str, ...]
    money_column: str | None = None
    money_shift: int = 0

    @property
    def measures(self) -> tuple[str, ...]:
        """The numeric lake columns."""
        return (*self.counts, *self.decimals)

    @property
    def schema(self) -> dict[str, str]:
        """Lake column -> DuckDB type, in order."""
        kinds = {name: "BOOLEAN" if name == "batch" else "VARCHAR" for name in self.texts}
        kinds |= dict.fromkeys(self.counts, "BIGINT") | dict.fromkeys(self.decimals, MONEY_TYPE)
        return {
            **dict.fromkeys(("bucket_start", "bucket_end"), "TIMESTAMP"),
            **kinds,
            "source_file": "VARCHAR",
        }


def write_rows(
    connection: duckdb.DuckDBPyConnection,
    spec: ReportSpec,
    target: Path,
    *,
    month: str,
    organization: str | None,
) -> tuple[str, ...]:
    """Write the month's lines of the loaded pages (``load_pages``) as Parquet; returns notes.

    Args:
        connection: with ``report_pages`` and ``report_lines``.
        spec: the data set.
        target: Parquet file to write.
        month: YYYY-MM of the buckets' start.
        organization: for lines that do not name theirs.

    Raises:
        DeliveryError: wrong numbers, a missing currency, or overlaps that contradict each other.
    """
    _type_rows(connection, spec, month=month, organization=organization)
    _refuse_wrong_values(connection, spec)
    repeated = refuse_overlaps(connection, groupings=spec.groupings)
    names = ", ".join(quoted(name) for name in spec.schema)
    query = (
        f"SELECT {names} FROM (SELECT * REPLACE (file AS source_file) FROM typed"
        " JOIN merged USING (kind_, bucket_start, bucket_end, dimensions, page_id))"
        " ORDER BY bucket_start, kind_, dimensions, measures, source_file, row_"
    )
    connection.execute(f"COPY ({query}) TO {literal(str(target))} ({COPY_OPTIONS})")
    notes = [f"{repeated} lines of overlapping pages were taken once"] if repeated else []
    return (*notes, *_rounding_note(connection, spec), *_unfinished(connection, spec))


def _type_rows(connection: duckdb.DuckDBPyConnection, spec: ReportSpec, *, month: str, organization: str | None) -> None:
    """Table ``typed``: lake columns, the texts they came from, and what tells lines and pages apart."""
    given = {**spec.texts, "organization_id": f"coalesce({spec.texts['organization_id']}, $organization)"}
    columns = [f"{expression} AS {quoted(name)}" for name, expression in given.items()]
    raw = {**spec.counts, **spec.decimals}
    columns += [f"{expression} AS {quoted(name + '_text')}" for name, expression in raw.items()]
    typed = [f"{whole_from_text(quoted(name + '_text'))} AS {quoted(name)}" for name in spec.counts]
    typed += [f"{decimal_from_text(_plain_zero(quoted(name + '_text')))} AS {quoted(name)}" for name in spec.decimals]
    without = ", ".join(literal(key) for key in (*spec.dimensions_without, "object"))
    dimensions = (
        "list_sort(list_transform(list_filter(map_entries(CAST(result AS MAP(VARCHAR, JSON))),"
        f" lambda e: e.key NOT IN ({without}) AND e.value IS NOT NULL AND e.value <> 'null'::JSON),"
        " lambda e: e.key || '=' || CAST(e.value AS VARCHAR)))"
    )
    measures = ", ".join(f"coalesce(CAST({quoted(name)} AS VARCHAR), '')" for name in spec.measures)
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE typed AS WITH mine AS ("
        f" SELECT file, page, row AS row_, bucket_start, bucket_end, result,"
        f"  from_json(result, {literal(spec.fields)}) AS r FROM report_lines"
        f" WHERE result IS NOT NULL AND ({spec.is_mine}) AND strftime(bucket_start, '%Y-%m') = $month),"
        f" opened AS (SELECT *, {', '.join(columns)}, {spec.kind} AS kind_, {dimensions} AS dimensions"
        "  FROM mine)"
        f" SELECT * EXCLUDE (r, result), {', '.join(typed)}, concat_ws('|', {measures}) AS measures,"
        "  dense_rank() OVER (ORDER BY file, page) AS page_id, NULL::VARCHAR AS source_file FROM opened",
        {"month": month, "organization": organization},
    )


def whole_from_text(text: str) -> str:
    """SQL for BIGINT from the text of a whole number, NULL for anything else."""
    return f"CASE WHEN regexp_full_match({text}, '{_WHOLE}') THEN CAST(split_part({text}, '.', 1) AS BIGINT) END"


def _plain_zero(text: str) -> str:
    """SQL that turns the zeros of wide decimals ('0E-6176') into '0'."""
    return f"CASE WHEN regexp_full_match({text}, '-?0(\\.0*)?[eE][+-]?[0-9]+') THEN '0' ELSE {text} END"


def _refuse_wrong_values(connection: duckdb.DuckDBPyConnection, spec: ReportSpec) -> None:
    tests: dict[str, tuple[str, str, str]] = {}
    for name in spec.measures:
        text = quoted(name + "_text")
        expected = "a whole number" if name in spec.counts else "a number"
        tests[f"{text} <> '' AND {quoted(name)} IS NULL"] = (name, text, expected)
    for name in spec.required:
        text = quoted(name + "_text") if name in spec.measures else f"CAST({quoted(name)} AS VARCHAR)"
        tests[f"coalesce({text}, '') = ''"] = (name, "NULL", "a value")
    findings = ", ".join(
        f"CASE WHEN {test} THEN {{'name': {literal(name)}, 'found': coalesce({text}, 'nothing'),"
        f" 'expected': {literal(expected)}}} END"
        for test, (name, text, expected) in tests.items()
    )
    query = (
        "SELECT file, row_, f.name, f.found, f.expected FROM (SELECT file, row_,"
        f" unnest(list_filter([{findings}], lambda f: f IS NOT NULL)) AS f FROM typed)"
        f" ORDER BY file, row_ LIMIT {MAX_LISTED}"
    )
    wrong = tuple(
        Mismatch(file=file, row=row, column=name, found=found, expected=expected, fix="save the page again")
        for file, row, name, found, expected in connection.execute(query).fetchall()
    )
    if wrong:
        fix = "save the pages again; the month keeps its last good load"
        raise DeliveryError("report lines cannot be read", mismatches=wrong, fix=fix)


def _rounding_note(connection: duckdb.DuckDBPyConnection, spec: ReportSpec) -> list[str]:
    if not spec.decimals:
        return []
    long = " OR ".join(f"regexp_full_match({quoted(name + '_text')}, '{_LONG}')" for name in spec.decimals)
    count = connection.execute(f"SELECT count(*) FROM typed WHERE {long}").fetchall()[0][0]
    return [f"{count} lines have more than 18 decimals and were rounded at the 18th"] if count else []


def _unfinished(connection: duckdb.DuckDBPyConnection, spec: ReportSpec) -> list[str]:
    """Pages that say more follows, where no other page reaches as far and says that it is the last."""
    query = (
        "WITH pages AS (SELECT file, page, max(bucket_start) AS last FROM report_lines GROUP BY ALL),"
        " ends AS (SELECT p.*, s.has_more FROM pages AS p JOIN report_pages AS s USING (file, page))"
        " SELECT DISTINCT file FROM ends AS p JOIN typed USING (file, page) WHERE p.has_more AND NOT EXISTS ("
        "  SELECT 1 FROM ends AS q WHERE q.last > p.last OR (q.last = p.last AND NOT q.has_more)) ORDER BY file"
    )
    rows = connection.execute(query).fetchall()
    return [f"{file} says has_more, but no later page of {spec.dataset} is here" for (file,) in rows]
