{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        on_schema_change='fail',
        pre_hook="{{ delete_touched('billing_period') }}",
    )
}}

with allocations as (
    select * from {{ ref('fct_cost_allocations') }}
    where {{ touched('billing_period') }}
),

totals as (
    select
        billing_period,
        team_id,
        cost_category,
        billing_currency,
        x_evidence,
        sum(billed_cost) as billed_cost,
        sum(effective_cost) as effective_cost
    from allocations
    group by all
),

final as (
    select
        billing_period, team_id, cost_category, 'billed' as cost_basis, billing_currency, billed_cost as amount, x_evidence
    from totals
    union all
    select
        billing_period, team_id, cost_category, 'effective' as cost_basis, billing_currency, effective_cost as amount,
        x_evidence
    from totals
)

select * from final
