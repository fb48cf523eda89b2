"""What teams used in units a tariff can price, and what no tariff prices, read from the published marts.

Precedence: tokens of a model with a token tariff are paid by token, on self-hosted GPUs too; other GPU hours a
team held are paid by the hour; other API cost by the provider's factor; everything else passes at actual cost.
A tariff covers only cost in its own currency. Hours nobody held and hours without telemetry are charged to no
team. Quantities and amounts are exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from reporting.marts import Marts
from reporting.queries import UNALLOCATED

TOKENS, GPU_HOUR, FACTOR = "million_tokens", "gpu_hour", "api_pass_through"
_VALID = "{day} >= tariff.valid_from and (tariff.valid_to is null or {day} < tariff.valid_to)"
_NOT_HELD = "('unobserved', 'unallocated')"


@dataclass(frozen=True)
class PricedUse:
    """Use of one team that a tariff prices: charge = quantity x unit price (for tokens: millions of them)."""

    currency: str
    team_id: str
    service: str
    item: str
    tariff_id: str
    unit: str
    quantity: Decimal
    unit_price: Decimal


@dataclass(frozen=True)
class PassedCost:
    """Actual effective cost of one team that no tariff prices."""

    currency: str
    team_id: str
    what: str
    amount: Decimal


def priced_uses(marts: Marts, period: str) -> list[PricedUse]:
    """Tokens, GPU hours and API cost of the month that a tariff prices."""
    sql = f"""
        {_token_tariffs()}
        select
            units.billing_currency, units.team_id, tariff.service, tariff.item, tariff.tariff_id,
            coalesce(tariff.unit, ''), cast(cast(sum(units.total_tokens) as decimal(38, 0)) * 0.000001 as decimal(38, 18)),
            tariff.unit_price
        from fct_unit_costs as units
        inner join dim_tariffs as tariff
            on tariff.service = '{TOKENS}' and tariff.item = units.model_id
            and tariff.currency = units.billing_currency and {_VALID.format(day="units.charge_date")}
        where
            units.billing_period = $period and units.cost_basis = 'effective'
            and units.team_id <> '{UNALLOCATED}' and units.total_tokens > 0
        group by all
        union all
        select
            hours.billing_currency, hours.team_id, tariff.service, tariff.item, tariff.tariff_id,
            coalesce(tariff.unit, ''), cast(sum(hours.gpu_hours) as decimal(38, 18)), tariff.unit_price
        from ({_held_hours()}) as hours
        inner join dim_tariffs as tariff
            on tariff.service = '{GPU_HOUR}' and tariff.item = hours.gpu_model
            and tariff.currency = hours.billing_currency and {_VALID.format(day="hours.charge_date")}
        group by all
        union all
        select
            api.billing_currency, api.team_id, tariff.service, tariff.item, tariff.tariff_id,
            coalesce(tariff.unit, ''), sum(api.effective_cost), tariff.unit_price
        from ({_api_cost()}) as api
        inner join dim_tariffs as tariff
            on tariff.service = '{FACTOR}' and tariff.item = api.service_provider_name
            and {_VALID.format(day="api.charge_date")}
        group by all
        order by all
    """
    return marts.records(PricedUse, sql, {"period": period})


def passed_costs(marts: Marts, period: str) -> list[PassedCost]:
    """Actual cost of the month that passes through, by what it was for."""
    sql = f"""
        {_token_tariffs()}
        select hours.billing_currency, hours.team_id, 'GPU hours of ' || hours.gpu_model, sum(hours.effective_cost)
        from ({_held_hours()}) as hours
        where not exists (
            from dim_tariffs as tariff
            where
                tariff.service = '{GPU_HOUR}' and tariff.item = hours.gpu_model
                and tariff.currency = hours.billing_currency and {_VALID.format(day="hours.charge_date")}
        )
        group by all
        union all
        select api.billing_currency, api.team_id, 'API calls to ' || api.service_provider_name,
            sum(api.effective_cost)
        from ({_api_cost()}) as api
        where not exists (
            from dim_tariffs as tariff
            where
                tariff.service = '{FACTOR}' and tariff.item = api.service_provider_name
                and {_VALID.format(day="api.charge_date")}
        )
        group by all
        union all
        select billing_currency, coalesce(team_id, '{UNALLOCATED}'), cost_category, sum(effective_cost)
        from fct_cost_allocations
        where
            billing_period = $period
            and (coalesce(stage, '') not in ('gpu_pool', 'api_pool') or coalesce(team_id, '{UNALLOCATED}')
            = '{UNALLOCATED}')
        group by all
        order by all
    """
    rows = marts.records(PassedCost, sql, {"period": period})
    return [row for row in rows if row.amount]


def _token_tariffs() -> str:
    return f"with token_tariffs as (select * from dim_tariffs where service = '{TOKENS}')"


def _not_paid_by_token(rows: str) -> str:
    return f"""
        not exists (
            from token_tariffs as tariff
            where
                tariff.item = {rows}.model_id and tariff.currency = {rows}.billing_currency
                and {_VALID.format(day=f"{rows}.charge_date")}
        )
    """


def _held_hours() -> str:
    """GPU hours a team held, without those paid by token."""
    return f"""
        select used.billing_currency, used.team_id, used.gpu_model, used.charge_date,
            sum(used.gpu_hours) as gpu_hours, sum(used.effective_cost) as effective_cost
        from fct_gpu_hours as used
        where
            used.billing_period = $period and used.billing_currency is not null
            and coalesce(used.team_id, '{UNALLOCATED}') <> '{UNALLOCATED}'
            and used.state not in {_NOT_HELD} and {_not_paid_by_token("used")}
        group by all
    """


def _api_cost() -> str:
    """API cost of teams, without models paid by token."""
    return f"""
        select called.billing_currency, called.team_id, called.service_provider_name, called.charge_date,
            called.effective_cost
        from fct_cost_allocations as called
        where
            called.billing_period = $period and called.stage = 'api_pool'
            and coalesce(called.team_id, '{UNALLOCATED}') <> '{UNALLOCATED}' and {_not_paid_by_token("called")}
    """
