"""Google Cloud's FOCUS export as BigQuery returns it: one result envelope a file (billing.md 3.2).

``schema.fields`` names the columns, ``rows[].f[].v`` holds their values in that order: scalars as text
(NUMERIC with up to 18 fractional digits, TIMESTAMP as microseconds since 1970), RECORD and REPEATED as
nested envelopes. DuckDB turns the envelope into rows; amounts go from text to DECIMAL(38,18). Records
become JSON text with snake_case keys (``x_Labels`` = ``[{"key": …, "value": …}]``), ``x_ExportTime`` ISO
text. The partition is the month of BillingPeriodStart. A documented column that is missing refuses the
file; a new one is kept as text and noted. A file is the whole of an account's month, or a numbered chunk of
it (see ``folder_source``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import duckdb

from ingest.bill_landing import land_empty_bill
from ingest.duckdb_session import file_list, session
from ingest.errors import DeliveryError, Mismatch
from ingest.focus_table import FOCUS_TABLE
from ingest.lake import Landed
from ingest.landing import COPY_OPTIONS, count_and_money, unpack
from ingest.manifest import SourceFile
from ingest.sources.bigquery_envelope import ROW_NUMBER, Field, read_fields, text_rows
from ingest.sources.delivered_files import DeliveredFile
from ingest.sources.file_memory import Contents
from ingest.sources.folder_source import FolderSource
from ingest.sources.scan_room import ScanRoom
from ingest.sql_casts import literal, quoted
from ingest.table_spec import Rule, violation_rows

MAX_FINDINGS = 1000

#: The columns of the export as documented (July 2026): 37 of FOCUS and 18 of Google's own.
# fmt: off
EXPORT_COLUMNS = (
    "AvailabilityZone", "BilledCost", "BillingAccountId", "BillingAccountType", "BillingCurrency",
    "BillingPeriodEnd", "BillingPeriodStart", "ChargeCategory", "ChargeClass", "ChargeDescription",
    "ChargePeriodEnd", "ChargePeriodStart", "ConsumedQuantity", "ConsumedUnit", "ContractedCost",
    "ContractedUnitPrice", "EffectiveCost", "ListCost", "ListUnitPrice", "PricingCategory",
    "PricingCurrency", "PricingCurrencyContractedUnitPrice", "PricingCurrencyEffectiveCost",
    "PricingCurrencyListUnitPrice", "PricingQuantity", "PricingUnit", "ProviderName", "PublisherName",
    "RegionId", "RegionName", "ResourceId", "ResourceName", "ServiceName", "SkuId", "SkuPriceId",
    "SubAccountId", "SubAccountName", "x_ConsumptionModelDescription", "x_ConsumptionModelId",
    "x_CostAtEffectivePriceDefault", "x_CostAtListConsumptionModel", "x_CostType", "x_Credits",
    "x_CurrencyConversionRate", "x_ExportTime", "x_Labels", "x_Location",
    "x_PriceEffectivePriceDefault", "x_PriceListPriceConsumptionModel", "x_Project", "x_ProjectLabels",
    "x_ServiceId", "x_SubscriptionInstanceId", "x_SystemLabels", "x_Tags",
)
# fmt: on


class GcpFocusSource(FolderSource):
    """Data set ``gcp_focus``: one partition per billing month."""

    dataset = "gcp_focus"
    suffixes = (".json", ".json.gz")

    def scan(self, path: Path, *, name: str, room: ScanRoom) -> Contents:
        """Billing months of a file with the accounts each holds."""
        text = room.scratch / "envelope.json"
        unpack(path, text, name=name)
        fields = read_fields(room.connection, text, name=name)
        check_columns(fields, name=name)
        query = (
            f"SELECT strftime({_expression(FOCUS_TABLE.period_start)}, '%Y-%m') AS month,"
            " list_sort(list(DISTINCT coalesce(BillingAccountId, '')))"
            f" FROM ({text_rows(fields, text)}) GROUP BY 1 ORDER BY 1"
        )
        found = room.connection.execute(query, {"path": file_list([text])[0]}).fetchall()
        if found and all(month is None for month, _ in found):
            rules = _rules(fields, partition=None)
            raise _refused(room.connection, fields, text, name=name, rules=rules)
        return {month: tuple(accounts) for month, accounts in found if month is not None}

    def land(self, partition: str, files: tuple[DeliveredFile, ...], folder: Path) -> Landed:
        """Type and check the month's rows of all files; one Parquet file for each."""
        if not files:
            return land_empty_bill(folder, spec=FOCUS_TABLE)
        parts: list[Path] = []
        sources: list[SourceFile] = []
        notes: list[str] = []
        with session(**asdict(self.limits), scratch=folder / "spill") as connection:
            for number, file in enumerate(files):
                parts.append(folder / f"part-{number:05d}.parquet")
                source, new_columns = _land_envelope(connection, file, parts[-1], partition=partition)
                sources.append(source)
                notes += [f"{file.name}: new column {column} is kept as text" for column in new_columns]
            money = {name: quoted(column) for name, column in FOCUS_TABLE.money.items()}
            count, totals = count_and_money(connection, parts, money, quoted(FOCUS_TABLE.currency))
        return Landed(tuple(parts), tuple(sources), count, totals, tuple(notes))


def check_columns(fields: Sequence[Field], *, name: str) -> list[str]:
    """The columns that are new in a delivery.

    Raises:
        DeliveryError: documented columns are missing.
    """
    delivered = [field.name for field in fields]
    missing = [column for column in EXPORT_COLUMNS if column not in delivered]
    if missing:
        raise DeliveryError(
            "columns of Google Cloud's FOCUS export are missing",
            where={"file": name},
            mismatches=tuple(
                Mismatch(file=name, column=column, found="no such column", expected="the column", fix="")
                for column in missing
            ),
            fix="query all columns of gcp_billing_export_focus_<account>",
        )
    return [column for column in delivered if column not in EXPORT_COLUMNS]


def _land_envelope(
    connection: duckdb.DuckDBPyConnection, file: DeliveredFile, target: Path, *, partition: str
) -> tuple[SourceFile, list[str]]:
    """One envelope to one Parquet file; what was read, and its new columns."""
    text = target.with_suffix(".json")
    source = unpack(file.path, text, name=file.name)
    fields = read_fields(connection, text, name=file.name)
    new_columns = check_columns(fields, name=file.name)
    has_other_months = len(file.facts.contents) > 1
    rules = _rules(fields, partition=None if has_other_months else partition)
    columns = ", ".join(f"{_expression(field.name)} AS {quoted(field.name)}" for field in fields)
    start = _expression(FOCUS_TABLE.period_start)
    mine = (
        f"coalesce(strftime({start}, '%Y-%m') = {literal(partition)}, true)" if has_other_months else "true"
    )
    broken = " OR ".join(f"coalesce({rule.bad.format_map(_expressions(fields))}, false)" for rule in rules)
    query = (
        f"SELECT {columns} FROM ({text_rows(fields, text)}) WHERE {mine}"
        f" AND CASE WHEN {broken} THEN error('a row breaks a rule') ELSE true END ORDER BY {ROW_NUMBER}"
    )
    try:
        copy = f"COPY ({query}) TO {literal(str(target))} ({COPY_OPTIONS})"
        connection.execute(copy, {"path": file_list([text])[0]})
    except duckdb.Error as error:
        raise _refused(connection, fields, text, name=file.name, rules=rules) from error
    text.unlink()
    return source, new_columns


def _expression(column: str) -> str:
    return FOCUS_TABLE.text_expression(column)


def _expressions(fields: Sequence[Field]) -> dict[str, str]:
    return {field.name: _expression(field.name) for field in fields}


def _rules(fields: Sequence[Field], *, partition: str | None) -> list[Rule]:
    return FOCUS_TABLE.all_rules(_expressions(fields), partition=partition, from_text=True)


def _refused(
    connection: duckdb.DuckDBPyConnection,
    fields: Sequence[Field],
    text: Path,
    *,
    name: str,
    rules: Sequence[Rule],
) -> DeliveryError:
    """The error naming every wrong cell of an envelope by its row (rows[0] is row 1)."""
    query = violation_rows(
        rules, _expressions(fields), text_rows(fields, text), row=ROW_NUMBER, limit=MAX_FINDINGS
    )
    rows = connection.execute(query, {"path": file_list([text])[0]}).fetchall()
    findings = tuple(
        Mismatch(
            file=name,
            row=row,
            column=rules[number].column,
            found=value,
            expected=rules[number].expected,
            fix=rules[number].fix,
        )
        for row, number, value in rows
    )
    return DeliveryError(
        f"{len({finding.row for finding in findings})} rows break the rules of {FOCUS_TABLE.title}",
        where={"file": name},
        mismatches=findings,
        fix="correct the rows and deliver the file again; nothing of the month was loaded",
    )
