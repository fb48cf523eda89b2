"""Writes AWS Data Exports deliveries the way AWS does, for the tests of the AWS source and the lake."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from ingest.settings import Settings
from ingest.source_config import SourceConfig

FOCUS_ROW: Mapping[str, str] = {
    "BilledCost": "1.25",
    "EffectiveCost": "1.25",
    "ListCost": "2.5",
    "ContractedCost": "1.25",
    "BillingCurrency": "USD",
    "BillingAccountId": "111122223333",
    "BillingPeriodStart": "2026-05-01T00:00:00Z",
    "BillingPeriodEnd": "2026-06-01T00:00:00Z",
    "ChargePeriodStart": "2026-05-02T00:00:00Z",
    "ChargePeriodEnd": "2026-05-03T00:00:00Z",
    "ChargeCategory": "Usage",
    "ChargeDescription": "a charge",
    "ListUnitPrice": "",
    "Tags": '{"user:team": "search"}',
}


def focus_row(period: str = "2026-05", **changes: str) -> dict[str, str]:
    """A valid FOCUS row of a billing period, with changes."""
    times = {"BillingPeriodStart": f"{period}-01T00:00:00Z", "BillingPeriodEnd": f"{period}-28T00:00:00Z"}
    times |= {"ChargePeriodStart": f"{period}-02T00:00:00Z", "ChargePeriodEnd": f"{period}-03T00:00:00Z"}
    return {**FOCUS_ROW, **times, **changes}


def csv_text(rows: Sequence[Mapping[str, str]], columns: Sequence[str] = tuple(FOCUS_ROW)) -> bytes:
    """A CSV with header, UTF-8."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def csv_gz(rows: Sequence[Mapping[str, str]]) -> bytes:
    """The same, gzip."""
    return gzip.compress(csv_text(rows), mtime=0)


def parquet(select: str, folder: Path) -> bytes:
    """A Parquet file holding the rows of a SELECT."""
    path = folder / "written.parquet"
    duckdb.sql(f"COPY ({select}) TO '{path}' (FORMAT parquet)")
    content = path.read_bytes()
    path.unlink()
    return content


def focus_parquet(
    folder: Path, *, cost: str = "1.25::DOUBLE", rows: int = 2, period: str = "2026-05"
) -> bytes:
    """A FOCUS Parquet file as AWS writes it: costs DOUBLE, times TIMESTAMP."""
    start, end = f"TIMESTAMP '{period}-01'", f"TIMESTAMP '{period}-28'"
    return parquet(
        f"SELECT {cost} AS BilledCost, {cost} AS EffectiveCost, {cost} AS ListCost, {cost} AS ContractedCost,"
        f" 'USD' AS BillingCurrency, '111122223333' AS BillingAccountId, {start} AS BillingPeriodStart,"
        f" {end} AS BillingPeriodEnd, {start} AS ChargePeriodStart, {end} AS ChargePeriodEnd,"
        f" 'Usage' AS ChargeCategory, MAP {{'user:team': 'search'}} AS Tags FROM range({rows})",
        folder,
    )


@dataclass(frozen=True)
class AwsExport:
    """An export in a copy of a bucket below ``root``."""

    root: Path
    bucket: str = "bucket"
    prefix: str = "exports"
    name: str = "demo"

    @property
    def home(self) -> Path:
        """Folder of the export."""
        return self.root / self.bucket / self.prefix / self.name

    def manifest_path(self, period: str) -> Path:
        """The partition-level manifest."""
        return self.home / "metadata" / f"BILLING_PERIOD={period}" / f"{self.name}-Manifest.json"

    def uri(self, period: str, file: str) -> str:
        """How a manifest names a data file."""
        return f"s3://{self.bucket}/{self.prefix}/{self.name}/data/BILLING_PERIOD={period}/{file}"

    def data_path(self, period: str, file: str) -> Path:
        """Where a data file lies."""
        return self.home / "data" / f"BILLING_PERIOD={period}" / file

    def put(self, period: str, files: Mapping[str, bytes]) -> None:
        """Write data files."""
        for name, content in files.items():
            path = self.data_path(period, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink(missing_ok=True)
            path.write_bytes(content)

    def manifest(self, period: str, document: object) -> None:
        """Write the partition-level manifest; text is written as it is."""
        path = self.manifest_path(period)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(document if isinstance(document, str) else json.dumps(document))

    def deliver(
        self, period: str, files: Mapping[str, bytes], *, execution: str = "20260702T120000Z-1"
    ) -> None:
        """Write data files and the manifest that names them."""
        self.put(period, files)
        listed = [{"s3Uri": self.uri(period, name), "size": len(content)} for name, content in files.items()]
        self.manifest(
            period,
            {
                "executionId": execution,
                "billingPeriod": period,
                "columns": [{"name": "BilledCost", "type": "string"}],
                "dataFiles": listed,
            },
        )


def settings_for(home: Path, location: Path | str, **options: object) -> Settings:
    """Settings with one AWS source named aws."""
    config = SourceConfig(name="aws", type="aws_data_exports", location=str(location), options=options)
    return Settings(home=home, sources=(config,))
