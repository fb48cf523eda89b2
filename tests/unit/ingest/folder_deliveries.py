"""Folders of delivered files and their ingest, for the tests of the folder sources."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from ingest.duckdb_session import connect
from ingest.lake import Lake
from ingest.run import IngestReport, ingest
from ingest.settings import Settings
from ingest.source_config import SourceConfig


@dataclass(frozen=True)
class Inbox:
    """A delivery folder, the home it is loaded into, and the source type that loads it."""

    folder: Path
    home: Path
    type: str

    @classmethod
    def below(cls, root: Path, type: str) -> Inbox:
        """A new empty inbox."""
        inbox = cls(root / "deliveries", root / "home", type)
        inbox.folder.mkdir()
        return inbox

    @property
    def settings(self) -> Settings:
        """Settings with this one source, called ``bills``."""
        source = SourceConfig(name="bills", type=self.type, location=str(self.folder))
        return Settings(home=self.home, sources=(source,))

    def put(self, name: str, content: bytes | str) -> Path:
        """Deliver a file, also below sub-folders, or replace it."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def load(self) -> IngestReport:
        """One ingest."""
        return ingest(self.settings)

    def loaded(self) -> list[str]:
        """One ingest; the partitions it committed."""
        return [result.manifest.partition for result in self.load().committed]

    def money(self, currency: str = "USD", column: str = "billed_cost") -> dict[str, Decimal]:
        """Partition -> the current manifest's total."""
        manifests = Lake(self.settings.lake_dir).manifests()
        return {item.partition: item.money.get(currency, {}).get(column, Decimal(0)) for item in manifests}

    def rows(self, partition: str, columns: str = "*", *, grouping: str = "") -> list[tuple[Any, ...]]:
        """The current records of a partition (of telemetry: its samples), or aggregates of them."""
        lake = Lake(self.settings.lake_dir)
        files = [
            str(lake.root / file.path)
            for manifest in lake.manifests()
            if manifest.partition == partition
            for file in manifest.files
        ]
        with connect() as connection:
            group_by = f" GROUP BY {grouping}" if grouping else ""
            relation = "read_parquet(?, hive_partitioning = false)"
            if "ts" in [name for name, *_ in connection.execute(f"DESCRIBE FROM {relation}", [files]).fetchall()]:
                lists = 'unnest(ts) AS ts, unnest("value") AS "value"'
                relation = f'(SELECT * EXCLUDE (ts, "value"), {lists} FROM {relation})'
            return connection.execute(f"SELECT {columns} FROM {relation}{group_by}", [files]).fetchall()


def json_lines(*rows: Mapping[str, Any] | str) -> str:
    """Rows as newline JSON; a text is taken as it is."""
    return "".join(f"{row if isinstance(row, str) else json.dumps(row)}\n" for row in rows)


def billing_row(month: str = "202605", *, cost: Any = 1.5, **changes: Any) -> dict[str, Any]:
    """A row of Google Cloud's detailed billing export as BigQuery writes it."""
    row = {
        "billing_account_id": "0A0A0A-0B0B0B-0C0C0C",
        "invoice": {"month": month},
        "cost_type": "regular",
        "service": {"id": "6F81-5844-456A", "description": "Compute Engine"},
        "sku": {"id": "D2D2-0001", "description": "N2 Instance Core"},
        "usage_start_time": f"{month[:4]}-{month[4:]}-02 00:00:00 UTC",
        "usage_end_time": f"{month[:4]}-{month[4:]}-02 01:00:00 UTC",
        "project": {"id": "prod", "number": "1", "name": "prod", "labels": [], "ancestry_numbers": "/9/"},
        "labels": [{"key": "team", "value": "search"}],
        "credits": [],
        "cost": cost,
        "currency": "USD",
        "usage": {"amount": 3600, "unit": "seconds", "amount_in_pricing_units": 1, "pricing_unit": "hour"},
        "export_time": f"{month[:4]}-{month[4:]}-03 00:00:00 UTC",
    }
    return {**row, **changes}


def envelope(fields: Sequence[Mapping[str, Any]], *rows: Mapping[str, Any]) -> str:
    """A BigQuery result; a row maps column -> value as BigQuery encodes it, missing columns are null."""
    cells = [{"f": [{"v": row.get(field["name"])} for field in fields]} for row in rows]
    return json.dumps({"schema": {"fields": list(fields)}, "rows": cells})


def microseconds(text: str) -> str:
    """An ISO time as BigQuery's TIMESTAMP text."""
    return str(int(datetime.fromisoformat(text).timestamp() * 1_000_000))


def csv_text(*rows: Mapping[str, str]) -> str:
    """Rows as CSV with quotes where needed; the first row's keys are the header."""
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def focus_row(month: str = "2026-05", **changes: str) -> dict[str, str]:
    """A valid FOCUS row of a billing month."""
    row = {
        "BilledCost": "1.25",
        "EffectiveCost": "1.25",
        "ListCost": "2.5",
        "ContractedCost": "1.25",
        "BillingCurrency": "USD",
        "BillingAccountId": "333333333333",
        "BillingPeriodStart": f"{month}-01T00:00:00Z",
        "BillingPeriodEnd": f"{month}-28T00:00:00Z",
        "ChargePeriodStart": f"{month}-02T00:00:00Z",
        "ChargePeriodEnd": f"{month}-03T00:00:00Z",
        "ChargeCategory": "Usage",
        "InvoiceIssuerName": "Contoso",
        "ServiceName": "Virtual Machines",
        "Tags": '{"team": "search"}',
    }
    return {**row, **changes}
