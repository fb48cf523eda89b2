"""The figures a run ends with, read from the published marts: totals per basis, teams, models, idle GPUs,
unknowns.

Amounts are exact; the command line rounds them for reading, the statement rounds them so that they add up.
Idle is what telemetry saw doing nothing (unallocated, standby, loading, warm idle); unobserved time is not
idle.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from reporting.gpu_time import IDLE_STATES

GROUPS = ("direct", "gpu", "api", "shared", "idle")
LISTED = "(" + ", ".join(f"'{name}'" for name in GROUPS) + ")"


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
    """Effective cost of a team by category group (`other`: commitments, unallocated, unobserved), and
    billed.
    """

    team_id: str
    currency: str
    groups: dict[str, Decimal]
    effective: Decimal
    billed: Decimal


@dataclass(frozen=True)
class ModelCost:
    """A model's tokens with their effective cost, and the two rates per million; None when it has no "
    "price."""

    model_id: str
    currency: str
    tokens: int
    cost: Decimal
    per_million: Decimal | None
    list_per_million: Decimal | None


@dataclass(frozen=True)
class GpuUse:
    """GPU hours and effective cost of a period: all, idle, unobserved."""

    hours: Decimal
    idle_hours: Decimal
    unobserved_hours: Decimal
    idle_cost: Decimal
    unobserved_cost: Decimal

    @property
    def idle_share(self) -> Decimal | None:
        """Idle part of the observed hours; None without any."""
        observed = self.hours - self.unobserved_hours
        return self.idle_hours / observed if observed else None


@dataclass(frozen=True)
class Unknowns:
    """What is not known in a period: tokens without a price, by whom, and cost without a team per "
    "currency."""

    unpriced_tokens: int
    unpriced_models: tuple[str, ...]
    unallocated: dict[str, Decimal]


@dataclass(frozen=True)
class Summary:
    """Figures of one billing period, and the totals of all."""

    billing_period: str
    totals: tuple[PeriodTotal, ...]
    teams: tuple[TeamCost, ...]
    models: tuple[ModelCost, ...]
    gpu: GpuUse
    unknowns: Unknowns


def read_summary(marts_file: Path, *, billing_period: str | None = None) -> Summary | None:
    """Read the summary of a billing period (default: the newest); None when nothing is published for any."""
    con = duckdb.connect(str(marts_file), read_only=True, config={"autoinstall_known_extensions": "false"})
    try:
        totals = _totals(con)
        if not totals:
            return None
        period = billing_period or totals[-1].billing_period
        return Summary(
            billing_period=period,
            totals=totals,
            teams=_teams(con, period),
            models=_models(con, period),
            gpu=_gpu(con, period),
            unknowns=_unknowns(con, period),
        )
    finally:
        con.close()


def _rows(con: duckdb.DuckDBPyConnection, query: str, values: Sequence[Any] = ()) -> list[tuple]:
    return con.execute(query, list(values)).fetchall()


def _totals(con: duckdb.DuckDBPyConnection) -> tuple[PeriodTotal, ...]:
    query = """
        SELECT c.billing_period, c.billing_currency, c.billed, c.effective, l.list_cost
        FROM (
            SELECT billing_period, billing_currency, sum(billed_cost) AS billed,
            sum(effective_cost) AS effective
            FROM fct_charges GROUP BY ALL
        ) AS c
        LEFT JOIN (
            SELECT billing_period, sum(list_cost) AS list_cost FROM fct_token_usage
            WHERE is_primary GROUP BY ALL
        ) AS l ON l.billing_period = c.billing_period AND c.billing_currency = 'USD'
        ORDER BY ALL
    """
    return tuple(PeriodTotal(*row) for row in _rows(con, query))


def _teams(con: duckdb.DuckDBPyConnection, period: str) -> tuple[TeamCost, ...]:
    query = f"""
        SELECT team_id, billing_currency,
            CASE WHEN cost_category IN {LISTED} THEN cost_category ELSE 'other' END AS category,
            coalesce(sum(amount) FILTER (WHERE cost_basis = 'effective'), 0),
            coalesce(sum(amount) FILTER (WHERE cost_basis = 'billed'), 0)
        FROM fct_chargeback WHERE billing_period = ? GROUP BY ALL ORDER BY ALL
    """
    found: dict[tuple[str, str], TeamCost] = {}
    for team, currency, category, effective, billed in _rows(con, query, [period]):
        before = found.get((team, currency)) or TeamCost(team, currency, {}, Decimal(0), Decimal(0))
        groups = {**before.groups, category: effective}
        found[team, currency] = TeamCost(team, currency, groups, before.effective + effective, before.billed + billed)
    return tuple(sorted(found.values(), key=lambda team: (team.currency, -team.effective, team.team_id)))


def _models(con: duckdb.DuckDBPyConnection, period: str) -> tuple[ModelCost, ...]:
    query = """
        SELECT model_id, billing_currency,
            CAST(sum(total_tokens) FILTER (WHERE cost_basis = 'effective') AS BIGINT) AS tokens,
            sum(cost) FILTER (WHERE cost_basis = 'effective' AND total_tokens > 0) AS effective,
            sum(cost) FILTER (WHERE cost_basis = 'list' AND total_tokens > 0) AS list,
            CAST(sum(total_tokens) FILTER (WHERE cost_basis = 'list' AND cost IS NOT NULL) AS BIGINT) AS
            list_tokens
        FROM fct_unit_costs
        WHERE billing_period = ? AND model_id IS NOT NULL AND total_tokens > 0
        GROUP BY ALL HAVING tokens > 0 ORDER BY effective DESC NULLS LAST, model_id
    """
    return tuple(
        ModelCost(model, currency, tokens, cost or Decimal(0), _rate(cost, tokens), _rate(listed, list_tokens))
        for model, currency, tokens, cost, listed, list_tokens in _rows(con, query, [period])
    )


def _rate(cost: Decimal | None, tokens: int | None) -> Decimal | None:
    return cost * 1_000_000 / tokens if cost is not None and tokens else None


def _gpu(con: duckdb.DuckDBPyConnection, period: str) -> GpuUse:
    query = """
        SELECT coalesce(sum(gpu_hours), 0), coalesce(sum(gpu_hours) FILTER (WHERE state = ANY(?)), 0),
            coalesce(sum(gpu_hours) FILTER (WHERE state = 'unobserved'), 0),
            coalesce(sum(effective_cost) FILTER (WHERE state = ANY(?)), 0),
            coalesce(sum(effective_cost) FILTER (WHERE state = 'unobserved'), 0)
        FROM fct_gpu_hours WHERE billing_period = ? AND billing_currency IS NOT NULL
    """
    return GpuUse(*_rows(con, query, [list(IDLE_STATES), list(IDLE_STATES), period])[0])


def _unknowns(con: duckdb.DuckDBPyConnection, period: str) -> Unknowns:
    unpriced = _rows(
        con,
        """
        SELECT coalesce(model_raw, 'without a model'), CAST(sum(total_tokens) AS BIGINT)
        FROM fct_token_usage WHERE billing_period = ? AND is_primary AND is_unpriced GROUP BY ALL ORDER BY ALL
        """,
        [period],
    )
    unallocated = _rows(
        con,
        """
        SELECT billing_currency, sum(effective_cost) FROM fct_cost_allocations
        WHERE billing_period = ? AND team_id = 'unallocated' GROUP BY ALL ORDER BY ALL
        """,
        [period],
    )
    return Unknowns(
        unpriced_tokens=sum(tokens or 0 for _, tokens in unpriced),
        unpriced_models=tuple(model for model, _ in unpriced),
        unallocated=dict(unallocated),
    )
