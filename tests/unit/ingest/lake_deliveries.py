"""Small deliveries that land real Parquet, for the tests of the lake."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from ingest.duckdb_session import connect
from ingest.lake import Delivery, Landed
from ingest.landing import count_and_money
from ingest.manifest import SourceFile

DELIVERED_AT = datetime(2026, 7, 2, 12, tzinfo=UTC)


def delivery_of(
    amounts: list[str], *, fingerprint: str, partition: str = "2026-05", source: str = "aws", version: int = 1
) -> Delivery:
    """A delivery of one file with these USD amounts; its content hash follows from them."""

    def land(folder: Path) -> Landed:
        target = folder / "part-00000.parquet"
        rows = ", ".join(f"('USD', CAST('{amount}' AS DECIMAL(38,18)))" for amount in amounts)
        values = (
            f"(VALUES {rows}) t(currency, cost)"
            if amounts
            else "(SELECT 'USD', 0::DECIMAL(38,18) LIMIT 0) t(currency, cost)"
        )
        with connect() as connection:
            connection.execute(f"COPY (SELECT currency, cost FROM {values}) TO '{target}' (FORMAT parquet)")
            count, money = count_and_money(connection, [target], {"billed_cost": "cost"}, "currency")
        (folder / "scratch.txt").write_text("left behind by the adapter")
        delivered = SourceFile("s3://bucket/file", len(amounts), repr(amounts).encode().hex())
        return Landed(files=(target,), source_files=(delivered,), rows=count, money=money)

    return Delivery(
        source=source,
        dataset="aws_focus",
        partition=partition,
        fingerprint=fingerprint,
        delivered_at=DELIVERED_AT,
        files=("s3://bucket/file",),
        land=land,
        format_version=version,
    )
