{#- The ledger as restated: every stage's rows with the dimensions of their charge. All months, as the engine computes them now. -#}
with allocations as (
    {%- for stage in ['direct', 'idle', 'api', 'shared'] %}
    select
        charge_key, billing_period, stage, cost_category, allocation_path, team_id, product, model_id, deployment_id, gpu_state,
        rule_id, pool_id, driver, share, x_evidence, billed_cost, effective_cost
    from {{ ref('int_allocations_' ~ stage) }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

final as (
    select
        md5(concat_ws(
            chr(31), allocations.charge_key, allocations.allocation_path, allocations.team_id,
            allocations.cost_category, coalesce(allocations.product, chr(30)), coalesce(allocations.model_id, chr(30)),
            coalesce(allocations.deployment_id, chr(30)), coalesce(allocations.gpu_state, chr(30))
        )) as allocation_key,
        allocations.charge_key,
        charges.billing_period,
        charges.charge_date,
        charges.billing_currency,
        charges.service_provider_name,
        charges.service_name,
        charges.charge_category,
        allocations.cost_category,
        allocations.stage,
        allocations.allocation_path,
        allocations.team_id,
        allocations.product,
        allocations.model_id,
        allocations.deployment_id,
        allocations.gpu_state,
        allocations.rule_id,
        allocations.pool_id,
        allocations.driver,
        allocations.share,
        allocations.x_evidence,
        allocations.billed_cost,
        allocations.effective_cost
    from allocations
    inner join {{ ref('int_charges') }} as charges
        on allocations.charge_key = charges.charge_key and allocations.billing_period = charges.billing_period
)

select * from final
