{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        on_schema_change='fail',
        pre_hook="{{ delete_touched('billing_period') }}",
    )
}}

with adjustments as (
    select * from {{ ref('fct_cost_allocations') }}
    where {{ touched('billing_period') }} and x_original_billing_period is not null
),

corrections as (
    select charge_key, billed_cost != 0 or effective_cost != 0 as is_restated
    from {{ ref('fct_charges') }}
    where {{ touched('billing_period') }} and x_original_billing_period is not null
),

final as (
    select
        adjustments.billing_period,
        adjustments.x_original_billing_period,
        adjustments.team_id,
        coalesce(adjustments.x_original_cost_category, 'dispute') as x_original_cost_category,
        adjustments.billing_currency,
        case
            when adjustments.stage = 'dispute' then 'dispute'
            when corrections.is_restated then 'charges restated'
            else 'allocation changed'
        end as cause,
        cast(count(distinct adjustments.charge_key) as bigint) as charge_count,
        sum(adjustments.billed_cost) as billed_cost,
        sum(adjustments.effective_cost) as effective_cost
    from adjustments
    left join corrections on adjustments.charge_key = corrections.charge_key
    group by all
)

select * from final
