{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        pre_hook="{{ delete_touched('billing_period') }}",
    )
}}

{#-
    Where the money of each shared pool ends: per rule, pool, billing period, currency and pool segment one row for every team and
    path, as the range `low` to `high` of the whole. Pools that feed other pools are solved as a linear system (function
    solve_pools); the others take their weights as they are. What no team takes is a row of `unallocated` that says why.
-#}
with {{ pool_edges() }},

entries as (
    select distinct
        matched.billing_period, matched.billing_currency, matched.pool_segment, matched.pool_id, matched.rule_id,
        pools.cost_category as pool_category
    from {{ ref('int_charges_matched') }} as matched
    left join (select pool_id, max(cost_category) as cost_category from {{ ref('pools') }} group by pool_id) as pools
        on matched.pool_id = pools.pool_id
    where
        {{ touched('matched.billing_period') }} and matched.pool_id is not null
        and coalesce(matched.pool_driver, 'none') not in ('gpu', 'api')
),

{{ pool_reaches() }},

summed as (
    select
        entries.*,
        coalesce(reaches.exit_pool_id, entries.pool_id) as exit_pool_id,
        coalesce(reaches.pool_path, entries.pool_id) as pool_path,
        reaches.team_id,
        case when reaches.weight is null then 'the pool has no weights in this period' else residual_reason end
            as residual_reason,
        coalesce(reaches.weight, 1) as weight,
        coalesce(sum(reaches.weight) over running, 1) as running_weight,
        coalesce(sum(reaches.weight) over whole, 1) as total_weight
    from entries
    left join reaches using (billing_period, billing_currency, pool_segment, pool_id)
    window
        whole as (
            partition by entries.billing_period, entries.billing_currency, entries.pool_segment, entries.pool_id, entries.rule_id
        ),
        running as (whole order by pool_path, team_id, residual_reason rows between unbounded preceding and current row)
),

named as (
    select
        summed.*,
        cast(summed.weight / summed.total_weight as double) as share,
        pool_edges.driver,
        pool_edges.metric,
        pool_edges.quantity,
        teams.team_name,
        teams.cost_center
    from summed
    left join pool_edges
        on summed.billing_period = pool_edges.billing_period
        and summed.billing_currency = pool_edges.billing_currency
        and summed.pool_segment = pool_edges.pool_segment
        and summed.exit_pool_id = pool_edges.pool_id
        and summed.team_id = pool_edges.target
        and pool_edges.target_type = 'team'
    left join {{ ref('teams') }} as teams on summed.team_id = teams.team_id
),

final as (
    select
        billing_period,
        billing_currency,
        pool_segment,
        pool_id,
        rule_id,
        pool_path,
        case when team_id is null then 'residual' else 'shared_pool' end as stage,
        case when team_id is null then 'unallocated' when pool_category = 'commitment' then 'commitment' else 'shared' end
            as cost_category,
        concat_ws(
            ' > ', 'rule:' || rule_id, 'pool:' || replace(replace(pool_path, ' > ', ' > pool:'), 'pool:(', '('),
            case when team_id is null then 'unallocated: ' || residual_reason else 'driver:' || concat_ws(' ', driver, metric) end
        ) as allocation_path,
        coalesce(team_id, 'unallocated') as team_id,
        coalesce(nullif(concat_ws(':', driver, metric), ''), 'none') as driver,
        weight,
        running_weight,
        total_weight,
        share,
        cast((running_weight - weight) as double) / cast(total_weight as double) as low,
        cast(running_weight as double) / cast(total_weight as double) as high,
        'pool:' || pool_id as allocated_method_id,
        {{ split_details(
            'share',
            "case driver when 'even' then 'Members' when 'fixed' then 'Share' when 'proportional' then billing_currency
            else case metric when 'gpu_hours' then 'GPU-Hours' else upper(metric[1]) || metric[2:] end end",
            "case when driver = 'even' then 1 else quantity end"
        ) }} as allocated_method_details,
        team_id as allocated_resource_id,
        team_name as allocated_resource_name,
        {{ allocated_tags('team_id', 'cost_center') }} as allocated_tags
    from named
)

select * from final
