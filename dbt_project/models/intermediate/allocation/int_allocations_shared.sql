{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        pre_hook="{{ delete_touched('billing_period') }}",
    )
}}

{#- Stage 4: shared pools over teams by their weights; a pool without weights is unallocated, by name. -#}
with pooled as (
    select
        charges.charge_key, charges.billing_period, charges.billing_currency, charges.x_evidence, charges.billed_cost,
        charges.effective_cost, matched.rule_id, matched.pool_id, pools.cost_category as pool_category
    from {{ ref('int_charges') }} as charges
    inner join {{ ref('int_charges_matched') }} as matched on charges.charge_key = matched.charge_key
    left join {{ ref('pools') }} as pools on matched.pool_id = pools.pool_id
    where
        {{ touched('charges.billing_period') }} and {{ touched('matched.billing_period') }}
        and matched.pool_id is not null
        and coalesce(pools.driver, 'none') not in ('gpu', 'api')
),

weights as (
    select * from {{ ref('int_pool_weights') }}
    where {{ touched('billing_period') }}
),

split as (
    select pooled.*, weights.team_id, weights.driver, weights.metric, weights.weight, weights.running_weight, weights.total_weight
    from pooled
    left join weights
        on pooled.billing_period = weights.billing_period
        and pooled.billing_currency = weights.billing_currency
        and pooled.pool_id = weights.pool_id
),

final as (
    select
        charge_key,
        billing_period,
        billing_currency,
        case when weight is null then 'residual' else 'shared_pool' end as stage,
        case
            when weight is null then 'unallocated'
            when pool_category = 'commitment' then 'commitment'
            else 'shared'
        end as cost_category,
        concat_ws(
            ' > ', 'rule:' || rule_id, 'pool:' || pool_id,
            case when weight is null then 'unallocated: the pool has no weights in this period'
                else 'driver:' || concat_ws(' ', driver, metric) end
        ) as allocation_path,
        coalesce(team_id, 'unallocated') as team_id,
        cast(null as varchar) as product,
        cast(null as varchar) as model_id,
        cast(null as varchar) as deployment_id,
        cast(null as varchar) as gpu_state,
        rule_id,
        pool_id,
        coalesce(concat_ws(':', driver, metric), 'none') as driver,
        cast(coalesce(weight / total_weight, 1) as double) as share,
        x_evidence,
        case when weight is null then billed_cost
            else {{ exact_part('billed_cost', 'weight', 'running_weight', 'total_weight') }} end as billed_cost,
        case when weight is null then effective_cost
            else {{ exact_part('effective_cost', 'weight', 'running_weight', 'total_weight') }} end as effective_cost
    from split
)

select * from final
