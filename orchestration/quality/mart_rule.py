"""What a rule on the marts is: a query over the attached `warehouse` with its places and one number that
must be 0.

`due` is a temporary table of the billing periods that changed: sums are taken over all periods, row-by-row
rules over the due ones. `trim_amount(x)` prints an exact number without trailing zeros.
"""

from __future__ import annotations

from dataclasses import dataclass

from orchestration.quality.results import Rule


@dataclass(frozen=True, kw_only=True)
class MartRule(Rule):
    """A truth about the marts.

    Attributes:
        mart: the mart it speaks about, where its check hangs.
        places: columns of the query that say where.
        query: SQL with the columns of `places`, then `value` and `said`.
    """

    mart: str
    places: tuple[str, ...]
    query: str
