"""Which statements a change reaches: a page shows earlier months too."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Sequence

from reporting.queries import TREND_MONTHS


def affected_periods(changed: Collection[str], published: Sequence[str]) -> tuple[str, ...]:
    """Published months whose statements change with the `changed` ones.

    Args:
        changed: months whose marts changed; they may have vanished from the marts.
        published: all published months, oldest first.
    """
    return tuple(
        month
        for number, month in enumerate(published, 1)
        if any(
            before <= month and number - bisect_right(published, before) < TREND_MONTHS for before in changed
        )
    )
