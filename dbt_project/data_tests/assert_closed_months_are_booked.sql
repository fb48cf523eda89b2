-- Issued + booked + what the open month books = restated, per closed month, team and currency in both bases, exactly.
{%- set texts = ['team_id', 'billing_currency', 'stage'] %}
with restated as (
    select billing_period as original_period, team_id, billing_currency, billed_cost, effective_cost
    from {{ ref('int_cost_allocations') }}
    where {{ is_compared('billing_period') }}
),

issued as (
    select
        coalesce(x_original_billing_period, billing_period) as original_period, team_id, billing_currency,
        -billed_cost as billed_cost, -effective_cost as effective_cost
    from {{ issued_mart('allocations', frozen_columns(texts, ['billed_cost', 'effective_cost'], [])) }} as frozen
    where stage != 'dispute'
),

booked_now as (
    select
        x_original_billing_period as original_period, team_id, billing_currency,
        -billed_cost as billed_cost, -effective_cost as effective_cost
    from {{ ref('fct_cost_allocations') }}
    where
        billing_period = {{ booking_period() }} and stage = 'adjustment' and {{ is_compared('x_original_billing_period') }}
)

select original_period, team_id, billing_currency, sum(billed_cost) as billed_gap, sum(effective_cost) as effective_gap
from (
    select * from restated
    union all
    select * from issued
    union all
    select * from booked_now
) as sides
group by original_period, team_id, billing_currency
having sum(billed_cost) != 0 or sum(effective_cost) != 0
