{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        on_schema_change='fail',
        pre_hook="{{ delete_touched('x_original_billing_period') }}",
    )
}}

{#- Ledger rows of closed months as restated, less what was issued of them: what the open month has to book. -#}
{%- set dimensions = adjusted_dimensions() %}
{%- set keys = ['allocation_key', 'charge_key', 'cost_category', 'stage', 'x_original_allocation_key', 'x_original_charge_key',
    'x_original_cost_category'] %}
-- not materialized: summed by key first, described only where something differs
with restated as not materialized (
    select
        1 as precedence,
        allocation_key as x_original_allocation_key,
        charge_key as x_original_charge_key,
        billing_period as x_original_billing_period,
        cost_category as x_original_cost_category,
        {{ dimensions | join(', ') }},
        billed_cost,
        effective_cost
    from {{ ref('int_cost_allocations') }}
    where {{ is_compared('billing_period') }}
),

issued as not materialized (
    select
        case when x_original_billing_period is null then 2 else 3 end as precedence,
        coalesce(x_original_allocation_key, allocation_key) as x_original_allocation_key,
        coalesce(x_original_charge_key, charge_key) as x_original_charge_key,
        coalesce(x_original_billing_period, billing_period) as x_original_billing_period,
        coalesce(x_original_cost_category, cost_category) as x_original_cost_category,
        {{ dimensions | join(', ') }},
        -billed_cost as billed_cost,
        -effective_cost as effective_cost
    from {{ issued_mart('allocations', frozen_columns(dimensions, ['billed_cost', 'effective_cost'], keys)) }} as frozen
    -- a dispute is a decision of its own, not a difference of figures
    where stage != 'dispute'
),

sides as not materialized (
    select * from restated
    union all
    select * from issued
),

differences as (
    select
        x_original_allocation_key, x_original_billing_period,
        sum(billed_cost) as billed_cost, sum(effective_cost) as effective_cost
    from sides
    group by x_original_allocation_key, x_original_billing_period
    having sum(billed_cost) != 0 or sum(effective_cost) != 0
),

-- the row as the engine sees it now, else as it was issued
described as (
    select sides.* exclude (billed_cost, effective_cost)
    from sides
    inner join differences
        on sides.x_original_allocation_key = differences.x_original_allocation_key
        and sides.x_original_billing_period = differences.x_original_billing_period
    qualify row_number() over (
        partition by sides.x_original_allocation_key, sides.x_original_billing_period order by sides.precedence
    ) = 1
),

final as (
    select
        {{ booking_period() }} as billing_period,
        described.x_original_billing_period,
        described.x_original_charge_key,
        described.x_original_allocation_key,
        described.x_original_cost_category,
        {%- for name in dimensions %}
        described.{{ name }},
        {%- endfor %}
        differences.billed_cost,
        differences.effective_cost
    from described
    inner join differences
        on described.x_original_allocation_key = differences.x_original_allocation_key
        and described.x_original_billing_period = differences.x_original_billing_period
)

select * from final
