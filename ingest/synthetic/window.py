"""Which months and days a sample covers. Half-open, UTC."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from ingest.billing_period import BillingPeriod

EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, kw_only=True)
class Month:
    """The covered part of a billing period, ``end`` exclusive. A month not covered to its end is open."""

    period: BillingPeriod
    first: date
    end: date

    @property
    def is_closed(self) -> bool:
        """True when the month is covered to its end: its invoices are final."""
        return self.end == month_start(self.period.next())

    @property
    def days(self) -> tuple[date, ...]:
        """The covered days."""
        return tuple(self.first + timedelta(days=n) for n in range((self.end - self.first).days))

    @property
    def label(self) -> str:
        """``YYYY-MM``."""
        return str(self.period)


def month_start(period: BillingPeriod) -> date:
    """First day of a billing period."""
    return date(period.year, period.month, 1)


def day_number(day: date) -> int:
    """Days since 1970-01-01."""
    return (day - EPOCH).days


def covered_months(*, months: int, end_month: str, extra_days: int = 0) -> tuple[Month, ...]:
    """``months`` whole months ending with ``end_month``, then the first ``extra_days`` days of what follows.

    Raises:
        ValueError: months below 1 or a malformed month.
    """
    if months < 1 or extra_days < 0:
        raise ValueError(f"months must be at least 1 and extra_days at least 0, found {months} and {extra_days}")
    last = BillingPeriod.parse(end_month)
    periods = [last]
    while len(periods) < months:
        periods.insert(0, periods[0].previous())
    covered = [Month(period=p, first=month_start(p), end=month_start(p.next())) for p in periods]
    while extra_days:
        period = covered[-1].period.next()
        first, stop = month_start(period), month_start(period.next())
        end = min(stop, first + timedelta(days=extra_days))
        covered.append(Month(period=period, first=first, end=end))
        extra_days -= (end - first).days
    return tuple(covered)
