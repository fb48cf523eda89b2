"""The billing period: one calendar month in UTC, half-open, written ``YYYY-MM``."""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime

_PATTERN = re.compile(r"(\d{4})-(0[1-9]|1[0-2])")


@dataclass(frozen=True, order=True)
class BillingPeriod:
    """One invoice month, ordered by time."""

    year: int
    month: int

    def __post_init__(self) -> None:
        if not (1 <= self.year <= 9999 and 1 <= self.month <= 12):
            raise ValueError(f"not a billing period: year {self.year}, month {self.month}")

    @classmethod
    def parse(cls, text: str) -> BillingPeriod:
        """Read ``YYYY-MM``.

        Raises:
            ValueError: for any other text.
        """
        match = _PATTERN.fullmatch(text)
        if match is None:
            raise ValueError(f"not a billing period: {text!r}, expected YYYY-MM")
        return cls(int(match[1]), int(match[2]))

    @classmethod
    def of(cls, instant: datetime | date) -> BillingPeriod:
        """The period an instant lies in; an aware datetime is taken to UTC first, a naive one is UTC."""
        if isinstance(instant, datetime) and instant.tzinfo is not None:
            instant = instant.astimezone(UTC)
        return cls(instant.year, instant.month)

    @property
    def start(self) -> datetime:
        """First instant of the month, UTC."""
        return datetime(self.year, self.month, 1, tzinfo=UTC)

    @property
    def end(self) -> datetime:
        """First instant after the month, UTC."""
        return self.next().start

    @property
    def days(self) -> tuple[date, ...]:
        """All days of the month, in order."""
        count = calendar.monthrange(self.year, self.month)[1]
        return tuple(date(self.year, self.month, day) for day in range(1, count + 1))

    def next(self) -> BillingPeriod:
        """The following month."""
        return BillingPeriod(self.year + self.month // 12, self.month % 12 + 1)

    def previous(self) -> BillingPeriod:
        """The month before."""
        return BillingPeriod(self.year - (self.month == 1), (self.month - 2) % 12 + 1)

    def __contains__(self, instant: datetime | date) -> bool:
        return BillingPeriod.of(instant) == self

    def __str__(self) -> str:
        return f"{self.year:04d}-{self.month:02d}"
