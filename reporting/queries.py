"""Every query the statement asks of the marts, as typed rows of exact amounts.

Grains and signs are those of the marts; nothing is rounded, renamed or decided here. Missing ids come back
as '' so that they can be sorted and shown; a missing amount stays None, because unknown is not zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from reporting.marts import Marts

UNALLOCATED = "unallocated"
TREND_MONTHS = 12


@dataclass(frozen=True)
class Team:
    """A team as the dimension names it."""

    team_id: str
    team_name: str
    cost_center: str
    department: str


@dataclass(frozen=True)
class ChargebackRow:
    """Amount per period, currency, basis, team, category and evidence."""

    billing_period: str
    currency: str
    cost_basis: str
    team_id: str
    cost_category: str
    evidence: str
    amount: Decimal


@dataclass(frozen=True)
class LedgerLine:
    """One statement line: allocations that share team, category, service, model, rule, pool and evidence.

    `original_period` is the closed month that an adjustment or dispute belongs to, else ''.
    """

    currency: str
    team_id: str
    cost_category: str
    service_provider_name: str
    service_name: str
    product: str
    model_id: str
    deployment_id: str
    gpu_state: str
    stage: str
    rule_id: str
    pool_id: str
    driver: str
    evidence: str
    original_period: str
    effective_cost: Decimal
    billed_cost: Decimal


@dataclass(frozen=True)
class InvoiceRow:
    """One invoice of the reconciliation; `invoiced_amount` is None when no invoice was delivered."""

    currency: str
    issuer: str
    invoice_id: str
    source: str
    lake_billed_cost: Decimal | None
    charges_billed_cost: Decimal | None
    allocated_billed_cost: Decimal | None
    invoiced_amount: Decimal | None
    computed_list_cost: Decimal | None
    cause: str
    is_reconciled: bool | None


@dataclass(frozen=True)
class UnitRow:
    """Cost, tokens and requests of a team's model or deployment in one basis; `priced_*` count rows with a
    known cost.
    """

    billing_period: str
    currency: str
    cost_basis: str
    team_id: str
    model_id: str
    deployment_id: str
    evidence: str
    cost: Decimal | None
    tokens: int
    output_tokens: int
    requests: int
    priced_tokens: int
    priced_output_tokens: int
    priced_requests: int


@dataclass(frozen=True)
class WasteRow:
    """Paid GPU hours and their cost per owner, GPU model and waterfall state; currency '' when no bill
    prices them.
    """

    currency: str
    team_id: str
    gpu_model: str
    state: str
    gpu_hours: Decimal
    effective_cost: Decimal
    billed_cost: Decimal


def billing_periods(marts: Marts) -> tuple[str, ...]:
    """All months with chargeback rows, oldest first."""
    sql = "select distinct billing_period from fct_chargeback order by 1"
    return tuple(marts.records(str, sql))


def teams(marts: Marts) -> dict[str, Team]:
    """Teams by id."""
    sql = """
        select team_id, coalesce(team_name, team_id), coalesce(cost_center, ''), coalesce(department, '')
        from dim_teams
        where team_id is not null
        order by 1
    """
    return {team.team_id: team for team in marts.records(Team, sql)}


def chargeback(marts: Marts, *, until: str) -> list[ChargebackRow]:
    """Chargeback of the last months up to and including `until` (at most TREND_MONTHS of them)."""
    sql = f"""
        with months as (
            select distinct billing_period from fct_chargeback where billing_period <= ?
            order by 1 desc limit {TREND_MONTHS}
        )
        select
            billing_period, billing_currency, cost_basis, coalesce(team_id, '{UNALLOCATED}'),
            cost_category, coalesce(x_evidence, ''), sum(amount)
        from fct_chargeback
        semi join months using (billing_period)
        where amount is not null
        group by all
        order by all
    """
    return marts.records(ChargebackRow, sql, [until])


def ledger_lines(marts: Marts, period: str) -> list[LedgerLine]:
    """The month's allocations at statement grain."""
    holds_original = "x_original_billing_period" in marts.columns("fct_cost_allocations")
    original = "coalesce(x_original_billing_period, '')" if holds_original else "''"
    sql = f"""
        select
            billing_currency, coalesce(team_id, '{UNALLOCATED}'), cost_category,
            coalesce(service_provider_name, ''), coalesce(service_name, ''), coalesce(product, ''),
            coalesce(model_id, ''), coalesce(deployment_id, ''), coalesce(gpu_state, ''), coalesce(stage, ''),
            coalesce(rule_id, ''), coalesce(pool_id, ''), coalesce(driver, ''), coalesce(x_evidence, ''),
            {original}, coalesce(sum(effective_cost), 0), coalesce(sum(billed_cost), 0)
        from fct_cost_allocations
        where billing_period = ?
        group by all
        order by all
    """
    return marts.records(LedgerLine, sql, [period])


def invoices(marts: Marts, period: str) -> list[InvoiceRow]:
    """The month's invoices, one row per issuer, invoice, currency and source."""
    sql = """
        select
            billing_currency, coalesce(invoice_issuer_name, ''), coalesce(invoice_id, ''),
            coalesce(x_source, ''), sum(lake_billed_cost), sum(charges_billed_cost),
            sum(allocated_billed_cost), sum(invoiced_amount),
            sum(computed_list_cost), coalesce(string_agg(distinct cause, '; ' order by cause), ''),
            bool_and(is_reconciled)
        from fct_reconciliation
        where billing_period = ?
        group by 1, 2, 3, 4
        order by 1, 2, 3, 4
    """
    return marts.records(InvoiceRow, sql, [period])


def unit_costs(marts: Marts, *, until: str) -> list[UnitRow]:
    """Unit costs of the last months up to and including `until`, days summed."""
    sql = f"""
        with months as (
            select distinct billing_period from fct_chargeback where billing_period <= ?
            order by 1 desc limit {TREND_MONTHS}
        )
        select
            billing_period, billing_currency, cost_basis, coalesce(team_id, '{UNALLOCATED}'),
            coalesce(model_id, ''), coalesce(deployment_id, ''),
            coalesce(string_agg(distinct x_evidence, '+' order by x_evidence), ''), sum(cost),
            coalesce(sum(total_tokens), 0), coalesce(sum(output_tokens), 0), coalesce(sum(requests), 0),
            coalesce(sum(total_tokens) filter (cost is not null), 0),
            coalesce(sum(output_tokens) filter (cost is not null), 0),
            coalesce(sum(requests) filter (cost is not null), 0)
        from fct_unit_costs
        semi join months using (billing_period)
        group by 1, 2, 3, 4, 5, 6
        order by 1, 2, 3, 4, 5, 6
    """
    return marts.records(UnitRow, sql, [until])


def gpu_waste(marts: Marts, period: str) -> list[WasteRow]:
    """The month's paid GPU hours by owner, GPU model and state."""
    sql = f"""
        select
            coalesce(billing_currency, ''), coalesce(team_id, '{UNALLOCATED}'), coalesce(gpu_model, ''),
            state,
            coalesce(sum(gpu_hours), 0), coalesce(sum(effective_cost), 0), coalesce(sum(billed_cost), 0)
        from fct_gpu_waste
        where billing_period = ?
        group by all
        order by all
    """
    return marts.records(WasteRow, sql, [period])
