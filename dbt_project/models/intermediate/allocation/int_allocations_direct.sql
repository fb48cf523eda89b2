{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        pre_hook="{{ delete_touched('billing_period') }}",
    )
}}

{#- Stage 1 and 6: charges a rule gives to teams, by its shares, and charges that no rule can place. -#}
with charges as (
    select * from {{ ref('int_charges') }}
    where {{ touched('billing_period') }}
),

matched as (
    select * from {{ ref('int_charges_matched') }}
    where {{ touched('billing_period') }} and target_type is distinct from 'pool'
),

rule_shares as (
    select
        rule_id,
        target,
        product,
        share,
        sum(share) over (partition by rule_id order by target rows between unbounded preceding and current row)
            as running_share,
        sum(share) over (partition by rule_id) as total_share
    from {{ ref('rules') }}
    where target_type = 'team'
),

shared_out as (
    select
        charges.*,
        matched.rule_id,
        coalesce(matched.named_team_id, nullif(rule_shares.target, '{value}')) as team_id,
        rule_shares.product,
        matched.residual_reason,
        rule_shares.share,
        rule_shares.running_share,
        rule_shares.total_share
    from charges
    inner join matched on charges.charge_key = matched.charge_key
    left join rule_shares on matched.rule_id = rule_shares.rule_id
),

final as (
    select
        charge_key,
        billing_period,
        case when residual_reason is null then 'direct' else 'residual' end as stage,
        case
            when residual_reason is not null then 'unallocated'
            when commitment_discount_status = 'Unused' then 'commitment'
            else 'direct'
        end as cost_category,
        case
            when residual_reason is null then 'rule:' || rule_id
            else concat_ws(' > ', 'rule:' || rule_id, 'unallocated: ' || residual_reason)
        end as allocation_path,
        case when residual_reason is null then team_id else 'unallocated' end as team_id,
        case when residual_reason is null then product end as product,
        x_model as model_id,
        cast(null as varchar) as deployment_id,
        cast(null as varchar) as gpu_state,
        rule_id,
        cast(null as varchar) as pool_id,
        'rule' as driver,
        cast(coalesce(share / total_share, 1) as double) as share,
        x_evidence,
        case when share is null then billed_cost
            else {{ exact_part('billed_cost', 'share', 'running_share', 'total_share') }} end as billed_cost,
        case when share is null then effective_cost
            else {{ exact_part('effective_cost', 'share', 'running_share', 'total_share') }} end as effective_cost
    from shared_out
)

select * from final
