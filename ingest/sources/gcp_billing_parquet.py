"""Google Cloud's detailed billing export as Parquet: landed byte for byte, schema and rows checked.

BigQuery writes FLOAT64 as DOUBLE; such money is read with ``money_from_double``, the rule staging uses, so
that the manifest's total and the ledger's agree.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import duckdb

from ingest.duckdb_session import file_list
from ingest.errors import DeliveryError, Mismatch
from ingest.landing import COPY_OPTIONS, describe_parquet, land_parquet
from ingest.manifest import SourceFile
from ingest.sources.delivered_files import DeliveredFile
from ingest.sources.gcp_billing_rows import REQUIRED_COLUMNS, month_text
from ingest.sources.json_lines import RowRule, row_findings
from ingest.sql_casts import MONEY_TYPE, literal, money_from_double


def months_of_parquet(connection: duckdb.DuckDBPyConnection, path: Path) -> list[str]:
    """The distinct ``invoice.month`` of a file.

    Raises:
        duckdb.Error: not Parquet, truncated, or without the column.
    """
    query = "SELECT DISTINCT coalesce(invoice.month, '') FROM read_parquet(?) ORDER BY 1"
    return [row[0] for row in connection.execute(query, [file_list([path])]).fetchall()]


def land_billing_parquet(
    connection: duckdb.DuckDBPyConnection, file: DeliveredFile, target: Path, *, partition: str
) -> tuple[SourceFile, bool]:
    """Land the month's rows of one file; what was read, and whether the landed file is its byte copy.

    Raises:
        DeliveryError: truncated, columns missing, or rows that break a rule.
    """
    source = land_parquet(file.path, target, name=file.name)
    schema = dict(describe_parquet(connection, [target]))
    _check_schema(schema, name=file.name)
    month = month_text(partition)
    has_other_months = len(file.facts.contents) > 1
    if has_other_months:
        delivered = target.rename(target.with_suffix(".delivered"))
        query = f"SELECT * FROM read_parquet($path) WHERE invoice.month = {literal(month)}"
        copy = f"COPY ({query}) TO {literal(str(target))} ({COPY_OPTIONS})"
        connection.execute(copy, {"path": file_list([delivered])[0]})
        delivered.unlink()
    _check_rows(connection, target, name=file.name, month=month)
    return source, not has_other_months


def money_of(schema: Mapping[str, str]) -> str:
    """SQL of a row's cost + credits as DECIMAL(38,18), for a landed schema (column -> DuckDB type)."""
    cost = _money("cost", schema["cost"])
    if "credits" not in schema:
        return cost
    amount = _money("c.amount", "DOUBLE" if "amount DOUBLE" in schema["credits"] else MONEY_TYPE)
    return f"{cost} + coalesce(list_sum(list_transform(credits, lambda c: {amount})), 0)"


def _money(expression: str, kind: str) -> str:
    return (
        money_from_double(expression)
        if kind in ("DOUBLE", "FLOAT")
        else f"CAST({expression} AS {MONEY_TYPE})"
    )


def _check_schema(schema: Mapping[str, str], *, name: str) -> None:
    kinds = {"invoice": "STRUCT(", "cost": ("DOUBLE", "DECIMAL"), "credits": "STRUCT("}
    faults = [(column, "no such column", "the column") for column in REQUIRED_COLUMNS if column not in schema]
    faults += [
        (column, f"type {schema[column]}", f"type {kind}")
        for column, kind in kinds.items()
        if column in schema and not schema[column].startswith(kind)
    ]
    if faults:
        raise DeliveryError(
            "the columns are not those of the detailed billing export",
            where={"file": name},
            mismatches=tuple(
                Mismatch(file=name, column=column, found=found, expected=expected, fix="")
                for column, found, expected in faults
            ),
            fix="export the table gcp_billing_export_resource_v1_<account> with all its columns",
        )


def _check_rows(connection: duckdb.DuckDBPyConnection, path: Path, *, name: str, month: str) -> None:
    rules = _rules(month)
    broken = " OR ".join(f"({rule.bad})" for rule in rules)
    relation = "SELECT * FROM read_parquet($path)"
    bound = {"path": file_list([path])[0]}
    count = connection.execute(f"SELECT count(*) FROM ({relation}) WHERE {broken}", bound).fetchall()[0][0]
    if count:
        raise DeliveryError(
            f"{count} rows break the rules of the detailed export",
            where={"file": name},
            mismatches=row_findings(connection, relation, rules, path=path, name=name, has_lines=False),
            fix="export the rows again; nothing of the invoice month was loaded",
        )


def _rules(month: str) -> list[RowRule]:
    of_month = f"invoice.month IS DISTINCT FROM {literal(month)}"
    code = "NOT regexp_full_match(coalesce(currency, ''), '[A-Z]{3}')"
    bad_credits = f"len(list_filter(credits, lambda c: {_no_number('c.amount')}))"
    return [
        _rule("billing_account_id", "coalesce(billing_account_id, '') = ''", "an account id"),
        _rule("invoice.month", of_month, month),
        _rule("currency", code, "a three-letter currency code"),
        _rule("cost", _no_number("cost"), "a number"),
        _rule("usage_start_time", "usage_start_time IS NULL", "a time"),
        _rule("usage_end_time", "usage_end_time IS NULL", "a time"),
        RowRule("credits[].amount", "credits", f"coalesce({bad_credits}, 0) > 0", "a number in every credit"),
    ]


def _rule(column: str, bad: str, expected: str) -> RowRule:
    return RowRule(column, column, bad, expected)


def _no_number(value: str) -> str:
    return f"({value} IS NULL OR NOT isfinite(CAST({value} AS DOUBLE)))"
