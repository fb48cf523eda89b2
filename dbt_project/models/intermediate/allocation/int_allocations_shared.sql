{#-
    Stage 4: the charges of shared pools over the teams at the ends of their paths. The money is split here, exactly. A view: a
    million charges of nested pools are many millions of rows, and the ledger is the one place that has to write them.
-#}
with charges as (
    select
        charge_key, billing_period, billed_cost, effective_cost, {{ amount_double('billed_cost') }} as billed_double,
        {{ amount_double('effective_cost') }} as effective_double
    from {{ ref('int_charges') }}
),

matched as (
    select charge_key, billing_period, billing_currency, pool_segment, pool_id, rule_id from {{ ref('int_charges_matched') }}
    where pool_id is not null and coalesce(pool_driver, 'none') not in ('gpu', 'api')
),

weights as (
    select * from {{ ref('int_pool_weights') }}
),

final as (
    select
        charges.charge_key,
        charges.billing_period,
        weights.stage,
        weights.cost_category,
        weights.allocation_path,
        weights.team_id,
        cast(null as varchar) as product,
        cast(null as varchar) as model_id,
        cast(null as varchar) as deployment_id,
        cast(null as varchar) as gpu_state,
        weights.rule_id,
        weights.pool_id,
        weights.driver,
        weights.share,
        weights.pool_path,
        weights.allocated_method_id,
        weights.allocated_method_details,
        weights.allocated_resource_id,
        weights.allocated_resource_name,
        weights.allocated_tags,
        {{ exact_part_between('charges.billed_cost', 'charges.billed_double', 'weights.low', 'weights.high') }} as billed_cost,
        {{ exact_part_between('charges.effective_cost', 'charges.effective_double', 'weights.low', 'weights.high') }}
            as effective_cost
    from charges
    inner join matched on charges.charge_key = matched.charge_key and charges.billing_period = matched.billing_period
    inner join weights
        on matched.billing_period = weights.billing_period
        and matched.billing_currency = weights.billing_currency
        and matched.pool_segment = weights.pool_segment
        and matched.pool_id = weights.pool_id
        and matched.rule_id = weights.rule_id
)

select * from final
