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
        cast(billed_cost as double) as billed_double, cast(effective_cost as double) as effective_double
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

target_teams as (
    {{ target_teams() }}
),

rules as (
    select * from {{ ref('rules') }}
    where target_type != 'pool'
),

named as (
    select distinct rule_id, rule_valid_from, named_value from matched
    where named_value is not null
),

targets as (
    select rule_id, valid_from, target_type, target, product, share, cast(null as varchar) as named_value from rules
    where target != '{value}'
    union all
    select rules.rule_id, rules.valid_from, rules.target_type, named.named_value, rules.product, rules.share, named.named_value
    from rules
    inner join named on rules.rule_id = named.rule_id and rules.valid_from = named.rule_valid_from
    where rules.target = '{value}'
),

weighed as (
    select
        targets.*,
        target_teams.team_id,
        cast(coalesce(targets.share, 1) * coalesce(target_teams.part, 1) as decimal(38, 18)) as weight
    from targets
    left join target_teams
        on targets.target_type = target_teams.target_type and lower(targets.target) = lower(target_teams.target)
),

summed as (
    select
        *,
        sum(weight) over (
            partition by rule_id, valid_from, named_value order by target, target_type, team_id, product
            rows between unbounded preceding and current row
        ) as running_weight,
        sum(weight) over (partition by rule_id, valid_from, named_value) as total_weight
    from weighed
    where weight > 0
),

rule_parts as (
    select
        summed.rule_id,
        summed.valid_from,
        coalesce(summed.named_value, '') as named_value,
        summed.team_id is null as is_residual,
        concat_ws(
            ' > ', 'rule:' || summed.rule_id,
            case when summed.target_type != 'team' then summed.target_type || ':' || summed.target end,
            case when summed.team_id is null
                then 'unallocated: unknown ' || replace(summed.target_type, '_', ' ') || ' ' || summed.target end
        ) as allocation_path,
        coalesce(summed.team_id, 'unallocated') as team_id,
        case when summed.team_id is not null
            then coalesce(summed.product, case when summed.target_type = 'product' then summed.target end) end as product,
        cast(summed.weight / summed.total_weight as double) as share,
        -- a charge that goes whole to one team is not split: FOCUS wants its Allocated columns empty
        case when summed.weight != summed.total_weight then 'rule:' || summed.rule_id end as allocated_method_id,
        {{ split_details('summed.weight / summed.total_weight', "'Share'", 'summed.weight') }} as details,
        teams.team_name,
        {{ allocated_tags('summed.team_id', 'teams.cost_center', 'summed.product') }} as tags,
        cast((summed.running_weight - summed.weight) as double) / cast(summed.total_weight as double) as low,
        cast(summed.running_weight as double) / cast(summed.total_weight as double) as high
    from summed
    left join teams on summed.team_id = teams.team_id
),

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
