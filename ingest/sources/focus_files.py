"""Plain FOCUS files (versions 1.0 to 1.4) of any origin in a folder: CSV, also gzip, or Parquet.

The partition is the month of BillingPeriodStart in UTC. A file with several months feeds several
partitions; several files of one month, usually one per billing account, are one partition. What real files
do is accepted: ``NULL`` as text, stray columns (kept as text and noted), byte order marks, E notation, line
breaks in quoted cells, time zones, times without seconds or zone (UTC), `Usage-based`, no ProviderName
(1.4). What would change a sum is not: a wrong row refuses its month with every wrong cell named by file,
line and column; the file's other months go on.

How a later file replaces an earlier one: by lying under the same name. Two files that hold the same invoice
issuer, account and month, such as an old and a restated export side by side, are refused, unless their
names say that they are numbered chunks of one export (``part-0``, ``-00001``, see ``folder_source``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ingest.bill_landing import land_bill_parquet, land_empty_bill
from ingest.csv_table import read_header
from ingest.duckdb_session import connect, file_list
from ingest.errors import DeliveryError
from ingest.focus_csv import convert_focus_csv
from ingest.focus_table import FOCUS_TABLE
from ingest.lake import Landed
from ingest.landing import COPY_OPTIONS, check_parquet, csv_relation, describe_parquet, land_parquet, unpack
from ingest.sources.delivered_files import DeliveredFile
from ingest.sources.file_memory import Contents
from ingest.sources.folder_source import FolderSource
from ingest.sources.scan_room import ScanRoom
from ingest.sql_casts import literal

_PARQUET = ".parquet"

#: Columns of FOCUS 1.0 to 1.4; others should start with ``x_``.
# fmt: off
FOCUS_COLUMNS = frozenset(
    {
        "AllocatedMethodDetails", "AllocatedMethodId", "AllocatedResourceId", "AllocatedResourceName",
        "AllocatedTags", "AvailabilityZone", "BilledCost", "BillingAccountId", "BillingAccountName",
        "BillingAccountType", "BillingCurrency", "BillingPeriodEnd", "BillingPeriodStart",
        "CapacityReservationId", "CapacityReservationStatus", "ChargeCategory", "ChargeClass",
        "ChargeDescription", "ChargeFrequency", "ChargePeriodEnd", "ChargePeriodStart",
        "CommitmentDiscountCategory", "CommitmentDiscountId", "CommitmentDiscountName",
        "CommitmentDiscountQuantity", "CommitmentDiscountStatus", "CommitmentDiscountType",
        "CommitmentDiscountUnit", "CommitmentProgramEligibilityDetails", "ConsumedQuantity", "ConsumedUnit",
        "ContractApplied", "ContractedCost", "ContractedUnitPrice", "EffectiveCost", "HostProviderName",
        "InvoiceDetailId", "InvoiceId", "InvoiceIssuerName", "ListCost", "ListUnitPrice", "PricingCategory",
        "PricingCurrency", "PricingCurrencyContractedUnitPrice", "PricingCurrencyEffectiveCost",
        "PricingCurrencyListUnitPrice", "PricingQuantity", "PricingUnit", "ProviderName", "PublisherName",
        "RegionId", "RegionName", "ResourceId", "ResourceName", "ResourceType", "ServiceCategory",
        "ServiceName", "ServiceProviderName", "ServiceSubcategory", "SkuId", "SkuMeter", "SkuPriceDetails",
        "SkuPriceId", "SubAccountId", "SubAccountName", "SubAccountType", "Tags",
    }
)
# fmt: on


class FocusFilesSource(FolderSource):
    """Data set ``focus``: one partition per billing month."""

    dataset = "focus"
    suffixes = (".csv", ".csv.gz", _PARQUET)

    def scan(self, path: Path, *, name: str, room: ScanRoom) -> Contents:
        """Billing months of a file with what it claims in each: invoice issuer and account."""
        if _is_parquet(path):
            check_parquet(path, name=name)
            columns = tuple(column for column, _ in describe_parquet(room.connection, [path]))
            start, relation, copy = FOCUS_TABLE.period_start, "read_parquet($path)", path
        else:
            copy = room.scratch / "unpacked.csv"
            unpack(path, copy, name=name)
            columns = read_header(copy, name=name, spec=FOCUS_TABLE)
            start, relation = FOCUS_TABLE.text_expression(FOCUS_TABLE.period_start), csv_relation(columns)
        query = (
            f"SELECT strftime({start}, '%Y-%m') AS month, list_sort(list(DISTINCT {_claim(columns)}))"
            f" FROM {relation} GROUP BY 1 ORDER BY 1"
        )
        found = room.connection.execute(query, {"path": file_list([copy])[0]}).fetchall()
        months = {month: tuple(claims) for month, claims in found if month is not None}
        if found and not months:
            self._land_file(path, room.scratch, name=name)
        return months

    def land(self, partition: str, files: tuple[DeliveredFile, ...], folder: Path) -> Landed:
        """Type and check the month's rows of all files."""
        if not files:
            return land_empty_bill(folder, spec=FOCUS_TABLE)
        parquet = [file for file in files if _is_parquet(file.path)]
        if parquet and len(parquet) < len(files):
            text = next(file for file in files if file not in parquet)
            raise DeliveryError(
                "a month is delivered in two formats",
                where={"partition": partition, "file": text.name},
                found=f"CSV beside {parquet[0].name}",
                expected="CSV files or Parquet files",
                fix="configure one source for each format, or deliver both in the same one",
            )
        landed = (
            self._land_parquet(files, partition, folder)
            if parquet
            else self._land_csv(files, partition, folder)
        )
        return replace(landed, notes=(*landed.notes, *self._stray_columns(landed)))

    def _land_file(self, path: Path, scratch: Path, *, name: str) -> Landed:
        """A whole file, whatever its months: tells what is wrong with rows that have none."""
        if _is_parquet(path):
            target = scratch / "part.parquet"
            source = land_parquet(path, target, name=name)
            return land_bill_parquet([target], [source], spec=FOCUS_TABLE, partition=None, limits=self.limits)
        return convert_focus_csv([path], scratch, partition=None, names={path: name}, limits=self.limits)

    def _land_csv(self, files: tuple[DeliveredFile, ...], partition: str, folder: Path) -> Landed:
        return convert_focus_csv(
            [file.path for file in files],
            folder,
            partition=partition,
            names={file.path: file.name for file in files},
            only_partition=any(len(file.facts.contents) > 1 for file in files),
            limits=self.limits,
        )

    def _land_parquet(self, files: tuple[DeliveredFile, ...], partition: str, folder: Path) -> Landed:
        targets = [folder / f"part-{number:05d}.parquet" for number in range(len(files))]
        sources = [
            land_parquet(file.path, target, name=file.name)
            for file, target in zip(files, targets, strict=True)
        ]
        filtered = [
            target for file, target in zip(files, targets, strict=True) if len(file.facts.contents) > 1
        ]
        for target in filtered:
            _keep_month(target, partition)
        landed = land_bill_parquet(
            targets, sources, spec=FOCUS_TABLE, partition=partition, limits=self.limits
        )
        return replace(
            landed, hashes={path: sha for path, sha in landed.hashes.items() if path not in filtered}
        )

    def _stray_columns(self, landed: Landed) -> list[str]:
        with connect() as connection:
            columns = [name for name, _ in describe_parquet(connection, landed.files)]
        stray = [name for name in columns if name not in FOCUS_COLUMNS and not name.startswith("x_")]
        return [f"column {name} is not of FOCUS; it is kept as it came" for name in stray]


def _is_parquet(path: Path) -> bool:
    return path.suffix.lower() == _PARQUET


def _claim(columns: Sequence[str]) -> str:
    """SQL of what a row claims: an account number is unique only with the issuer of its invoices."""
    parts = [name for name in ("InvoiceIssuerName", "BillingAccountId") if name in columns]
    return f"concat_ws(' ', {', '.join(parts)})"


def _keep_month(path: Path, partition: str) -> None:
    """Leave only the month's rows, and those whose month cannot be read, in a copied Parquet file."""
    delivered = path.rename(path.with_suffix(".delivered"))
    month = f"strftime({FOCUS_TABLE.period_start}, '%Y-%m')"
    query = f"SELECT * FROM read_parquet($path) WHERE coalesce({month} = {literal(partition)}, true)"
    with connect() as connection:
        copy = f"COPY ({query}) TO {literal(str(path))} ({COPY_OPTIONS})"
        connection.execute(copy, {"path": file_list([delivered])[0]})
    delivered.unlink()
