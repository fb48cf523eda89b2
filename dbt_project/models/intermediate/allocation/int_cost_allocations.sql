{#- The ledger as restated: every stage's rows with the dimensions of their charge, as the engine computes all months now. -#}
with allocations as (
    {%- for stage in ['direct', 'idle', 'api', 'shared', 'commitment'] %}
    select {{ allocation_columns() | join(', ') }}
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
        teams.cost_center,
        allocations.pool_path,
        allocations.allocated_method_id,
        allocations.allocated_method_details,
        allocations.allocated_resource_id,
        allocations.allocated_resource_name,
        allocations.allocated_tags,
        charges.x_evidence,
        allocations.billed_cost,
        allocations.effective_cost
    from allocations
    inner join {{ ref('int_charges') }} as charges
        on allocations.charge_key = charges.charge_key and allocations.billing_period = charges.billing_period
    left join {{ ref('teams') }} as teams on allocations.team_id = teams.team_id
)

select * from final
