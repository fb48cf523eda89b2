"""Cost per million tokens and per request: ratios of sums, with the sums beside them.

A rate is computed from exact amounts and never averaged. It divides the cost of what counted tokens by
those tokens: deployments without any token in the month stand apart. Where a part of the tokens has no
price, the rate covers the priced part only and says how much that is. No tokens, no requests or no price
give an unknown with its reason.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, localcontext

from reporting.controlled_rounding import round_leaves, round_table
from reporting.queries import UnitRow
from reporting.rounding import currency_places, exact_sum

UNIT_BASES = ("effective", "fully_loaded", "billed", "list")
_MILLION = 1_000_000


@dataclass(frozen=True)
class Rate:
    """Cost over a quantity. `value` is None when unknown, and `note` says why (or what part is covered)."""

    value: Decimal | None
    note: str = ""


@dataclass(frozen=True)
class UnitTotals:
    """Sums over unit cost rows of one basis, amounts exact.

    `cost` is all cost, None when nothing is priced. A rate divides the cost of what was counted by the count:
    `tokens_cost` is the cost of rows with priced tokens, `requests_cost` of rows with priced requests.
    """

    cost: Decimal | None
    tokens: int
    output_tokens: int
    requests: int
    tokens_cost: Decimal | None
    requests_cost: Decimal | None
    priced_tokens: int
    priced_output_tokens: int
    priced_requests: int

    @property
    def per_million(self) -> Rate:
        """Cost per 1M tokens, input and output together."""
        return _rate(
            self.tokens_cost, self.priced_tokens, all_of=self.tokens, per=_MILLION, places=4, unit="tokens"
        )

    @property
    def per_million_output(self) -> Rate:
        """Cost per 1M output tokens (the whole cost over output only)."""
        return _rate(
            self.tokens_cost,
            self.priced_output_tokens,
            all_of=self.output_tokens,
            per=_MILLION,
            places=4,
            unit="output tokens",
        )

    @property
    def per_request(self) -> Rate:
        """Cost per request, of the models whose source counts requests."""
        rate = _rate(
            self.requests_cost, self.priced_requests, all_of=self.requests, per=1, places=6, unit="requests"
        )
        is_partial = rate.value is not None and self.requests_cost != self.tokens_cost
        return Rate(rate.value, rate.note or "where requests are counted") if is_partial else rate


@dataclass(frozen=True)
class UnitLine:
    """One team's model or deployment in one basis; `cost` is as printed, `row` holds the exact one."""

    row: UnitRow
    cost: Decimal | None
    totals: UnitTotals


@dataclass(frozen=True)
class UnitCosts:
    """Unit costs of one currency: this month's lines, and sums of this and the previous month on demand."""

    currency: str
    lines: tuple[UnitLine, ...]
    previous: tuple[UnitRow, ...] | None

    @property
    def model_ids(self) -> tuple[str, ...]:
        """Models that served tokens this month, most tokens first."""
        tokens: dict[str, int] = defaultdict(int)
        for line in self.lines:
            tokens[line.row.model_id] += line.row.tokens if line.row.cost_basis == UNIT_BASES[0] else 0
        return tuple(
            sorted((model for model in tokens if tokens[model]), key=lambda model: (-tokens[model], model))
        )

    @property
    def without_tokens(self) -> tuple[UnitLine, ...]:
        """Effective cost of models and deployments that counted no tokens: in the ledger, in no rate per
        token.
        """
        return tuple(
            line
            for line in self.lines
            if line.row.cost_basis == UNIT_BASES[0] and not line.row.tokens and line.cost
        )

    def totals(self, basis: str, *, team_id: str | None = None, model_id: str | None = None) -> UnitTotals:
        """Exact sums of this month."""
        return sum_units(_selected((line.row for line in self.lines), basis, team_id, model_id))

    def previous_totals(
        self, basis: str, *, team_id: str | None = None, model_id: str | None = None
    ) -> UnitTotals | None:
        """Exact sums of the previous month; None when it is not published."""
        if self.previous is None:
            return None
        return sum_units(_selected(self.previous, basis, team_id, model_id))

    def cost(self, basis: str, *, team_id: str | None = None, model_id: str | None = None) -> Decimal | None:
        """Printed cost of what served tokens, the numerator of the rate; None when none of it has a price."""
        chosen = [
            line.cost
            for line in self.lines
            if line.cost is not None
            and line.row.priced_tokens
            and list(_selected([line.row], basis, team_id, model_id))
        ]
        return exact_sum(chosen) if chosen else None


def build_unit_costs(
    currency: str, rows: Iterable[UnitRow], *, period: str, previous_period: str
) -> UnitCosts:
    """Unit costs of a currency: cost rounded so that teams and models of a basis both add up."""
    own = [row for row in rows if row.currency == currency]
    printed: dict[tuple[str, ...], Decimal] = {}
    now = [row for row in own if row.billing_period == period]
    for basis in sorted({row.cost_basis for row in now}):
        leaves = {
            (row.team_id, row.model_id, row.deployment_id): row.cost
            for row in now
            if row.cost_basis == basis and row.cost is not None
        }
        cells: dict[tuple[str, str], list[Decimal]] = defaultdict(list)
        for key, amount in leaves.items():
            cells[key[0], key[1]].append(amount)
        table = round_table(
            {key: exact_sum(parts) for key, parts in cells.items()}, places=currency_places(currency)
        )
        printed |= {(basis, *key): amount for key, amount in round_leaves(leaves, table).items()}
    lines = (
        UnitLine(
            row, printed.get((row.cost_basis, row.team_id, row.model_id, row.deployment_id)), sum_units([row])
        )
        for row in now
    )
    has_previous = any(row.billing_period == previous_period for row in rows)
    previous = tuple(row for row in own if row.billing_period == previous_period)
    return UnitCosts(currency=currency, lines=tuple(lines), previous=previous if has_previous else None)


def sum_units(rows: Iterable[UnitRow]) -> UnitTotals:
    """Sum rows of one basis."""
    chosen = list(rows)
    return UnitTotals(
        cost=_sum_known(chosen),
        tokens=sum(row.tokens for row in chosen),
        output_tokens=sum(row.output_tokens for row in chosen),
        requests=sum(row.requests for row in chosen),
        tokens_cost=_sum_known(row for row in chosen if row.priced_tokens > 0),
        requests_cost=_sum_known(row for row in chosen if row.priced_requests > 0),
        priced_tokens=sum(row.priced_tokens for row in chosen),
        priced_output_tokens=sum(row.priced_output_tokens for row in chosen),
        priced_requests=sum(row.priced_requests for row in chosen),
    )


def _sum_known(rows: Iterable[UnitRow]) -> Decimal | None:
    """Sum of the known costs; None when none is known."""
    costs = [row.cost for row in rows if row.cost is not None]
    return exact_sum(costs) if costs else None


def _selected(
    rows: Iterable[UnitRow], basis: str, team_id: str | None, model_id: str | None
) -> Iterable[UnitRow]:
    return (
        row
        for row in rows
        if row.cost_basis == basis and team_id in (None, row.team_id) and model_id in (None, row.model_id)
    )


def _rate(cost: Decimal | None, quantity: int, *, all_of: int, per: int, places: int, unit: str) -> Rate:
    if cost is None:
        return Rate(None, "no price is known" if all_of else f"no {unit} counted")
    if quantity <= 0:
        return Rate(None, f"no {unit} counted")
    with localcontext(prec=60):
        value = (cost * per / quantity).quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)
    missing = all_of - quantity
    return Rate(value, f"covers the priced {quantity:,} of {all_of:,} {unit}" if missing > 0 else "")
