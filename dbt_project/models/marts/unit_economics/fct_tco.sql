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

pools as (
    select pool_id, max(cost_category) as pool_category from {{ ref('pools') }}
    group by pool_id
),

gpu_hours as (
    select * from {{ ref('fct_gpu_hours') }}
    where {{ touched('billing_period') }} and deployment_id is not null
),

components as (
    select * from {{ ref('tco_components') }}
),

labour as (
    select valid_from, valid_to, cast(value as decimal(14, 9)) as usd_per_gpu_hour
    from {{ ref('assumptions') }}
    where assumption_id = 'labour_usd_per_gpu_hour'
),

invoiced as (
    select
        allocations.charge_date,
        allocations.billing_period,
        case
            -- corrections of closed months are no cost of what runs now
            when allocations.x_original_billing_period is not null then 'team'
            when allocations.deployment_id is not null then 'deployment'
            when allocations.stage = 'api_pool' then 'api'
            else 'team'
        end as workload_type,
        coalesce(
            case when allocations.x_original_billing_period is null then allocations.deployment_id end,
            case when allocations.stage = 'api_pool' then allocations.model_id end,
            allocations.team_id
        ) as workload_id,
        allocations.team_id,
        case
            when allocations.stage in ('adjustment', 'dispute') then allocations.stage
            when allocations.gpu_state is not null then 'gpu_' || allocations.gpu_state
            when allocations.stage = 'api_pool' and allocations.driver = 'tokens' then 'api_tokens'
            when allocations.stage = 'api_pool' then 'api_tools'
            when allocations.cost_category in ('unallocated', 'commitment') then allocations.cost_category
            when allocations.charge_category = 'Tax' then 'tax'
            when allocations.charge_category = 'Credit' then 'credit'
            when pools.pool_category in ('storage', 'network', 'support') then pools.pool_category
            when allocations.pool_id = 'observability' then 'observability'
            when allocations.cost_category = 'shared' then 'platform'
            else 'direct'
        end as tco_component,
        allocations.x_evidence as evidence,
        allocations.billing_currency,
        allocations.effective_cost as amount
    from allocations
    left join pools on allocations.pool_id = pools.pool_id
),

-- people: hours of held GPUs x labour per GPU-hour; an assumption, never part of an invoiced column
labour_cost as (
    select
        gpu_hours.charge_date,
        gpu_hours.billing_period,
        'deployment' as workload_type,
        gpu_hours.deployment_id as workload_id,
        coalesce(gpu_hours.team_id, 'unallocated') as team_id,
        'labour' as tco_component,
        'assumed' as evidence,
        'USD' as billing_currency,
        cast(sum(cast(gpu_hours.gpu_hours as decimal(24, 9)) * labour.usd_per_gpu_hour) as {{ money_type() }}) as amount
    from gpu_hours
    inner join labour
        on gpu_hours.charge_date >= labour.valid_from
        and (labour.valid_to is null or gpu_hours.charge_date < labour.valid_to)
    group by all
),

amounts as (
    select * from invoiced
    union all
    select * from labour_cost
),

final as (
    select
        amounts.charge_date,
        amounts.billing_period,
        amounts.workload_type,
        amounts.workload_id,
        amounts.team_id,
        amounts.tco_component,
        coalesce(components.component_group, 'other') as component_group,
        amounts.evidence,
        amounts.billing_currency,
        sum(amounts.amount) as amount
    from amounts
    left join components on amounts.tco_component = components.tco_component
    group by all
)

select * from final
