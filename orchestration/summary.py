"""The figures a run ends with, read from the published marts: totals per basis, teams, models, idle GPUs,
unknowns.

Every amount is rounded by the statement's own tables, so the terminal and the statement show the same cents.
Idle is what telemetry saw doing nothing, as a share of the paid GPU cost; unobserved time is not idle.
Currencies are never added together.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from reporting import queries
from reporting.controlled_rounding import RoundedTable, round_table
from reporting.gpu_time import GpuTime, build_gpu_time
from reporting.ledger import BASES, BILLED, EFFECTIVE, cells_of
from reporting.marts import Marts, open_marts
from reporting.queries import ChargebackRow, UnitRow
from reporting.rounding import currency_places, exact_sum, round_amount
from reporting.unit_economics import build_unit_costs

GROUPS = ("direct", "gpu", "api", "shared", "idle")
OTHER = "other"


@dataclass(frozen=True)
class PeriodTotal:
    """One billing period and currency; `list_cost` is tokens at list price (USD), a third thing beside the
    bases.
    """

    billing_period: str
    currency: str
    billed: Decimal
    effective: Decimal
    list_cost: Decimal | None


@dataclass(frozen=True)
class TeamCost:
    """Effective cost of a team by category group (`other`: commitments, unallocated, unobserved,
    corrections), and billed.
    """

    team_id: str
    currency: str
    groups: dict[str, Decimal]
    effective: Decimal
    billed: Decimal


@dataclass(frozen=True)
class ModelCost:
    """A model's tokens with the effective cost of what served them, and the two rates per million; None
    when it has no price.
    """

    model_id: str
    currency: str
    tokens: int
    cost: Decimal | None
    per_million: Decimal | None
    list_per_million: Decimal | None


@dataclass(frozen=True)
class Unknowns:
    """What is not known in a period: tokens without a price, by whom, and cost without a team per currency."""

    unpriced_tokens: int
    unpriced_models: tuple[str, ...]
    unallocated: dict[str, Decimal]


@dataclass(frozen=True)
class Summary:
    """Figures of one billing period, and the totals of all. `gpu` has one entry per currency."""

    billing_period: str
    totals: tuple[PeriodTotal, ...]
    teams: tuple[TeamCost, ...]
    models: tuple[ModelCost, ...]
    gpu: tuple[GpuTime, ...]
    unknowns: Unknowns


def read_summary(marts_file: Path, *, billing_period: str | None = None) -> Summary | None:
    """Read the summary of a billing period (default: the newest); None when nothing is published for any."""
    with open_marts(marts_file) as marts:
        published = queries.billing_periods(marts)
        if not published:
            return None
        period = billing_period or published[-1]
        chargeback = queries.chargeback(marts, until=published[-1])
        tables = _tables(chargeback, period)
        return Summary(
            billing_period=period,
            totals=_totals(marts, chargeback),
            teams=tuple(_teams(tables)),
            models=tuple(_models(queries.unit_costs(marts, until=period), period)),
            gpu=_gpu(marts, period),
            unknowns=_unknowns(marts, period, tables),
        )


Tables = dict[tuple[str, str], RoundedTable]


def _tables(chargeback: Iterable[ChargebackRow], period: str) -> Tables:
    """The statement's team tables of a period by (currency, basis)."""
    rows = [row for row in chargeback if row.billing_period == period]
    tables: Tables = {}
    for currency in sorted({row.currency for row in rows}):
        own = [row for row in rows if row.currency == currency]
        for basis in BASES:
            cells = cells_of(own, period=period, basis=basis)
            tables[currency, basis] = round_table(cells, places=currency_places(currency))
    return tables


def _totals(marts: Marts, chargeback: list[ChargebackRow]) -> tuple[PeriodTotal, ...]:
    query = """
        SELECT billing_period, sum(list_cost) FROM fct_token_usage WHERE is_primary GROUP BY ALL
    """
    listed = dict(marts.records(lambda period, cost: (period, cost), query))
    totals = []
    for period, currency in sorted({(row.billing_period, row.currency) for row in chargeback}):
        own = [row for row in chargeback if (row.billing_period, row.currency) == (period, currency)]
        places = currency_places(currency)
        billed, effective = (
            round_amount(exact_sum(row.amount for row in own if row.cost_basis == basis), places=places)
            for basis in (BILLED, EFFECTIVE)
        )
        cost = listed.get(period) if currency == "USD" else None
        rounded = None if cost is None else round_amount(cost, places=places)
        totals.append(PeriodTotal(period, currency, billed, effective, rounded))
    return tuple(totals)


def _teams(tables: Tables) -> Iterable[TeamCost]:
    for currency in sorted({currency for currency, _ in tables}):
        effective, billed = tables[currency, EFFECTIVE], tables[currency, BILLED]
        zero = Decimal(0).quantize(effective.total)
        teams = sorted(effective.rows.keys() | billed.rows.keys())
        for team in sorted(teams, key=lambda name: (-effective.rows.get(name, zero), name)):
            groups: dict[str, Decimal] = {}
            for (owner, category), amount in effective.cells.items():
                if owner == team:
                    name = category if category in GROUPS else OTHER
                    groups[name] = groups.get(name, zero) + amount
            yield TeamCost(team, currency, groups, effective.rows.get(team, zero), billed.rows.get(team, zero))


def _models(units: list[UnitRow], period: str) -> Iterable[ModelCost]:
    for currency in sorted({row.currency for row in units if row.currency and row.billing_period == period}):
        costs = build_unit_costs(currency, units, period=period, previous_period="")
        for model in costs.model_ids:
            sums, listed = (costs.totals(basis, model_id=model) for basis in (EFFECTIVE, "list"))
            yield ModelCost(
                model or "not reported",
                currency,
                sums.tokens,
                costs.cost(EFFECTIVE, model_id=model),
                sums.per_million.value,
                listed.per_million.value,
            )


def _gpu(marts: Marts, period: str) -> tuple[GpuTime, ...]:
    waste = queries.gpu_waste(marts, period)
    return tuple(build_gpu_time(currency, waste) for currency in sorted({row.currency for row in waste if row.currency}))


def _unknowns(marts: Marts, period: str, tables: Tables) -> Unknowns:
    query = """
        SELECT coalesce(model_raw, 'without a model'), CAST(sum(total_tokens) AS BIGINT)
        FROM fct_token_usage WHERE billing_period = ? AND is_primary AND is_unpriced GROUP BY ALL ORDER BY ALL
    """
    unpriced = marts.records(lambda model, tokens: (str(model), int(tokens or 0)), query, [period])
    ownerless = {
        currency: table.rows[queries.UNALLOCATED]
        for (currency, basis), table in tables.items()
        if basis == EFFECTIVE and queries.UNALLOCATED in table.rows
    }
    return Unknowns(
        unpriced_tokens=sum(tokens for _, tokens in unpriced),
        unpriced_models=tuple(model for model, _ in unpriced),
        unallocated=ownerless,
    )
