"""The calendar of the project: billing is cut by month, telemetry and usage by day, both in UTC."""

from __future__ import annotations

import dagster as dg

FIRST_MONTH = "2025-01-01"
MONTHLY = dg.MonthlyPartitionsDefinition(start_date=FIRST_MONTH, timezone="UTC")
DAILY = dg.DailyPartitionsDefinition(start_date=FIRST_MONTH, timezone="UTC")


def month_of(partition_key: str) -> str:
    """The billing period ('YYYY-MM') of a monthly partition key ('YYYY-MM-01')."""
    return partition_key[:7]
