{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        on_schema_change='fail',
        pre_hook="{{ delete_touched('billing_period') }}",
    )
}}

with gpu_hours as (
    select * from {{ ref('fct_gpu_hours') }}
    where {{ touched('billing_period') }}
),

final as (
    select
        charge_date,
        billing_period,
        case
            when state = 'unallocated' then '{{ var("platform_team") }}'
            else coalesce(team_id, 'unallocated')
        end as team_id,
        gpu_model,
        state,
        billing_currency,
        cast(sum(gpu_hours) as decimal(18, 9)) as gpu_hours,
        sum(effective_cost) as effective_cost,
        sum(billed_cost) as billed_cost
    from gpu_hours
    group by all
)

select * from final
