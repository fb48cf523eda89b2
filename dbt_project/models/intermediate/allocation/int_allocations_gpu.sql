{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        pre_hook="{{ delete_touched('billing_period') }}",
    )
}}

{#- Stage 2: the parts of a GPU node-day's cost as allocations. What nobody observed and what stood idle are named as such. -#}
with split as (
    select * from {{ ref('int_gpu_charges_split') }}
    where {{ touched('billing_period') }}
),

final as (
    select
        charge_key,
        billing_period,
        case when state is null then 'residual' else 'gpu_pool' end as stage,
        case
            when state is null then 'unallocated'
            when state = 'unobserved' then 'unobserved'
            when state in ('unallocated', 'failed', 'warm_idle', 'loading', 'standby') then 'idle'
            when holder_team_id = 'unallocated' then 'unallocated'
            else 'gpu'
        end as cost_category,
        concat_ws(
            ' > ', 'rule:' || rule_id, 'pool:' || pool_id,
            coalesce('node:' || resource_id, 'no node'),
            case
                when state is null then 'unallocated: no GPU hours of this node and day'
                when state in ('unallocated', 'unobserved') then 'state:' || state
                else coalesce('deployment:' || deployment_id, 'namespace:' || namespace, 'unknown holder') || ' > state:' || state
            end
        ) as allocation_path,
        case
            when state is null or state = 'unobserved' then 'unallocated'
            when state = 'unallocated' then '{{ var("platform_team") }}'
            when state in ('failed', 'warm_idle', 'loading', 'standby') and '{{ var("idle_policy") }}' = 'platform'
                then '{{ var("platform_team") }}'
            else holder_team_id
        end as team_id,
        product,
        model_id,
        deployment_id,
        state as gpu_state,
        rule_id,
        pool_id,
        '{{ "aws_split" if var("gpu_weights") == "aws_split" else "gpu_seconds" }}' as driver,
        coalesce(share, 1) as share,
        pool_id as pool_path,
        'pool:' || pool_id as allocated_method_id,
        {{ split_details('coalesce(share, 1)', "'GPU-Hours'", 'seconds / 3600', gpu_state='state') }} as allocated_method_details,
        allocated_resource_id,
        deployment_id as allocated_resource_name,
        allocated_tags,
        part_billed_cost as billed_cost,
        part_effective_cost as effective_cost
    from split
)

select * from final
