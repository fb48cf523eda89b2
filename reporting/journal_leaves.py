"""The amounts behind the journal: per team, category, account, lifecycle and issuer, exact and in printed cents."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal

from reporting.controlled_rounding import round_leaves
from reporting.journal_lines import PostingRow
from reporting.ledger import EFFECTIVE, CurrencyLedger
from reporting.rounding import exact_sum

Leaf = tuple[str, ...]
ISSUER = 4


def exact_leaves(rows: Iterable[PostingRow], basis: str) -> dict[Leaf, Decimal]:
    """Exact amounts per (team, category, account, lifecycle, issuer)."""
    leaves: dict[Leaf, list[Decimal]] = defaultdict(list)
    for row in rows:
        key = (row.team_id, row.cost_category, row.account_code, row.lifecycle, row.issuer)
        leaves[key].append(row.effective_cost if basis == EFFECTIVE else row.billed_cost)
    return {key: exact_sum(parts) for key, parts in leaves.items()}


def printed_leaves(exact: dict[Leaf, Decimal], ledger: CurrencyLedger, basis: str) -> dict[Leaf, Decimal]:
    """The same in cents, within the cells of the team table; a cell it does not have is zero."""
    table = ledger.tables[basis]
    return round_leaves({key: amount for key, amount in exact.items() if key[:2] in table.cells}, table)


def by_issuer(leaves: dict[Leaf, Decimal], team: str | None) -> dict[str, Decimal]:
    """Sums per issuer of one team or of all."""
    sums: dict[str, list[Decimal]] = defaultdict(list)
    for leaf, amount in leaves.items():
        if team in (None, leaf[0]):
            sums[leaf[ISSUER]].append(amount)
    return {issuer: exact_sum(parts) for issuer, parts in sorted(sums.items())}
