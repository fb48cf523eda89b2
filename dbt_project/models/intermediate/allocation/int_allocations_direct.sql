{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        pre_hook="{{ delete_touched('billing_period') }}",
    )
}}

{#-
    Stages 1 and 6: charges a rule gives to teams, cost centres or products, by its shares, and charges that no rule can place.
    Everything a row says besides its money is made once for each part of a rule.
-#}
with charges as (
    select
        charge_key, billing_period, commitment_discount_status, x_model, billed_cost, effective_cost,
        {{ amount_double('billed_cost') }} as billed_double, {{ amount_double('effective_cost') }} as effective_double
    from {{ ref('int_charges') }}
    where {{ touched('billing_period') }}
),

matched as (
    select charge_key, rule_id, rule_valid_from, named_value from {{ ref('int_charges_matched') }}
    where {{ touched('billing_period') }} and target_type is distinct from 'pool'
),

teams as (
    select * from {{ ref('teams') }}
),

{{ rule_parts() }},

placed as (
    select
        charges.*,
        matched.rule_id,
        rule_parts.* exclude (rule_id, valid_from, named_value)
    from charges
    inner join matched on charges.charge_key = matched.charge_key
    left join rule_parts
        on matched.rule_id = rule_parts.rule_id
        and matched.rule_valid_from = rule_parts.valid_from
        and coalesce(matched.named_value, '') = rule_parts.named_value
),

final as (
    select
        charge_key,
        billing_period,
        case when is_residual is false then 'direct' else 'residual' end as stage,
        case
            when is_residual is distinct from false then 'unallocated'
            when commitment_discount_status = 'Unused' then 'commitment'
            else 'direct'
        end as cost_category,
        coalesce(
            allocation_path,
            concat_ws(' > ', 'rule:' || rule_id, 'unallocated: ' || case when rule_id is null
                then 'no rule matched' else 'the rule shares nothing' end)
        ) as allocation_path,
        coalesce(team_id, 'unallocated') as team_id,
        product,
        x_model as model_id,
        cast(null as varchar) as deployment_id,
        cast(null as varchar) as gpu_state,
        rule_id,
        cast(null as varchar) as pool_id,
        'rule' as driver,
        coalesce(share, 1) as share,
        cast(null as varchar) as pool_path,
        allocated_method_id,
        case when allocated_method_id is not null then details end as allocated_method_details,
        case when allocated_method_id is not null and not is_residual then team_id end as allocated_resource_id,
        case when allocated_method_id is not null then team_name end as allocated_resource_name,
        case when allocated_method_id is not null then tags end as allocated_tags,
        case when low is null then billed_cost
            else {{ exact_part_between('billed_cost', 'billed_double', 'low', 'high') }} end as billed_cost,
        case when low is null then effective_cost
            else {{ exact_part_between('effective_cost', 'effective_double', 'low', 'high') }} end as effective_cost
    from placed
)

select * from final
