"""What live pulls of any provider's reports need: the key from the environment, and the months to pull."""

from __future__ import annotations

import os
from datetime import UTC, datetime, time, timedelta

from ingest.billing_period import BillingPeriod
from ingest.errors import ConfigError


def admin_key(variable: str, *, source: str, provider: str) -> str:
    """The admin key in the environment variable.

    Raises:
        ConfigError: it is not set.
    """
    key = os.environ.get(variable, "").strip()
    if not key:
        raise ConfigError(
            "the admin key is not set",
            where={"source": source, "environment": variable},
            found="nothing",
            expected=f"an admin key of {provider}",
            fix=f"export {variable}=…, or give a folder of saved pages as location",
        )
    return key


def recent_months(now: datetime, *, months_back: int) -> list[BillingPeriod]:
    """The month of ``now`` and the ``months_back`` before it, oldest first: they are still restated."""
    months = [BillingPeriod.of(now)]
    for _ in range(months_back):
        months.append(months[-1].previous())
    return months[::-1]


def span(period: BillingPeriod, now: datetime) -> tuple[datetime, datetime]:
    """[first, end) of a month, ending at the next midnight when it is not over; whole days only."""
    tonight = datetime.combine(now.astimezone(UTC).date(), time.min, UTC) + timedelta(days=1)
    return period.start, min(period.end, tonight)
