"""What the month's figures do not know, and why: unallocated money, unpriced tokens, unobserved GPU time.

Queries and their records. Each of these is an explicit row of the marts; none is ever shown as zero or left
out.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from reporting.marts import Marts
from reporting.queries import UNALLOCATED

UNOBSERVED = "unobserved"


@dataclass(frozen=True)
class UnallocatedRow:
    """Money without an owner: what it was for and the way through the cascade that ended without a team."""

    currency: str
    cost_category: str
    service_provider_name: str
    service_name: str
    stage: str
    rule_id: str
    pool_id: str
    allocation_path: str
    effective_cost: Decimal
    billed_cost: Decimal


@dataclass(frozen=True)
class UnpricedRow:
    """Tokens of a model that no price is known for; their list cost is unknown."""

    source: str
    provider: str
    model_raw: str
    model_id: str
    team_id: str
    tokens: int
    requests: int


@dataclass(frozen=True)
class UnobservedRow:
    """Paid GPU hours of one day and GPU model without telemetry."""

    currency: str
    charge_date: date
    gpu_model: str
    gpu_hours: Decimal
    effective_cost: Decimal | None


@dataclass(frozen=True)
class UsageRow:
    """Tokens and calls as one source counted them; only primary rows count as consumption.

    Requests, failures and retries are None where the source does not count them.
    """

    source: str
    is_primary: bool
    tokens: int
    requests: int | None
    failed_requests: int | None
    retried_requests: int | None
    unpriced_tokens: int
    tier_assumed_tokens: int


def unallocated(marts: Marts, period: str) -> list[UnallocatedRow]:
    """Allocations that ended without a team, by service and by the reason the cascade gives; unobserved GPU
    time apart.
    """
    sql = f"""
        select
            billing_currency, cost_category, coalesce(service_provider_name, ''), coalesce(service_name, ''),
            coalesce(stage, ''), coalesce(rule_id, ''), coalesce(pool_id, ''), coalesce(allocation_path, ''),
            coalesce(sum(effective_cost), 0), coalesce(sum(billed_cost), 0)
        from fct_cost_allocations
        where
            billing_period = ? and coalesce(team_id, '{UNALLOCATED}') = '{UNALLOCATED}'
            and cost_category <> '{UNOBSERVED}'
        group by all
        order by all
    """
    return marts.records(UnallocatedRow, sql, [period])


def unpriced(marts: Marts, period: str) -> list[UnpricedRow]:
    """Primary token usage without a price."""
    sql = f"""
        select
            source, coalesce(service_provider_name, ''), coalesce(model_raw, ''), coalesce(model_id, ''),
            coalesce(team_id, '{UNALLOCATED}'), coalesce(sum(total_tokens), 0), coalesce(sum(requests), 0)
        from fct_token_usage
        where billing_period = ? and is_unpriced and is_primary
        group by all
        order by 6 desc, 1, 2, 3, 4, 5
    """
    return marts.records(UnpricedRow, sql, [period])


def unobserved(marts: Marts, period: str) -> list[UnobservedRow]:
    """Paid GPU hours without telemetry, by day and GPU model."""
    sql = f"""
        select
            coalesce(billing_currency, ''), charge_date, coalesce(gpu_model, ''),
            coalesce(sum(gpu_hours), 0), sum(effective_cost)
        from fct_gpu_waste
        where billing_period = ? and state = '{UNOBSERVED}'
        group by all
        having sum(gpu_hours) <> 0
        order by all
    """
    return marts.records(UnobservedRow, sql, [period])


def usage_sources(marts: Marts, period: str) -> list[UsageRow]:
    """What each usage source counted; gateway logs of traffic a provider also reports are not primary."""
    sql = """
        select
            source, coalesce(is_primary, true),
            coalesce(sum(total_tokens), 0), sum(requests), sum(failed_requests), sum(retried_requests),
            coalesce(sum(total_tokens) filter (is_unpriced), 0),
            coalesce(sum(total_tokens) filter (is_tier_assumed), 0)
        from fct_token_usage
        where billing_period = ?
        group by 1, 2
        order by 2 desc, 1
    """
    return marts.records(UsageRow, sql, [period])
