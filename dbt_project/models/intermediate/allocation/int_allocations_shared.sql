{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        pre_hook="{{ delete_touched('billing_period') }}",
    )
}}

{#- Stage 4: the charges of shared pools over the teams at the ends of their paths. The money is split here, exactly. -#}
with charges as (
    select charge_key, x_evidence, billed_cost, effective_cost from {{ ref('int_charges') }}
    where {{ touched('billing_period') }}
),

matched as (
    select charge_key, billing_period, billing_currency, pool_segment, pool_id, rule_id from {{ ref('int_charges_matched') }}
    where {{ touched('billing_period') }} and pool_id is not null and coalesce(pool_driver, 'none') not in ('gpu', 'api')
),

weights as (
    select * from {{ ref('int_pool_weights') }}
    where {{ touched('billing_period') }}
),

final as (
    select
        charges.charge_key,
        matched.billing_period,
        case when weights.is_residual then 'residual' else 'shared_pool' end as stage,
        weights.cost_category,
        weights.allocation_path,
        weights.team_id,
        cast(null as varchar) as product,
        cast(null as varchar) as model_id,
        cast(null as varchar) as deployment_id,
        cast(null as varchar) as gpu_state,
        matched.rule_id,
        matched.pool_id,
        weights.driver,
        weights.share,
        weights.pool_path,
        weights.allocated_method_id,
        weights.allocated_method_details,
        weights.allocated_resource_id,
        weights.allocated_resource_name,
        weights.allocated_tags,
        charges.x_evidence,
        {{ exact_part_between('charges.billed_cost', 'weights.low', 'weights.high') }} as billed_cost,
        {{ exact_part_between('charges.effective_cost', 'weights.low', 'weights.high') }} as effective_cost
    from charges
    inner join matched on charges.charge_key = matched.charge_key
    inner join weights
        on matched.billing_period = weights.billing_period
        and matched.billing_currency = weights.billing_currency
        and matched.pool_segment = weights.pool_segment
        and matched.pool_id = weights.pool_id
        and matched.rule_id = weights.rule_id
)

select * from final
