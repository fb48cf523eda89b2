{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        pre_hook="{{ delete_touched('billing_period') }}",
    )
}}

{#-
    Each charge with the one allocation rule that takes it: the rule of lowest priority number valid on the charge date (ties:
    rule_id). A charge no rule takes keeps its row, without a rule. `named_value` is the value a passthrough rule takes its
    target from. For a pool: its driver that day, and `pool_segment`, the first day of the time in which the members of all
    pools are what they are that day.
-#}
with charges as (
    select * from {{ ref('int_charges') }}
    where {{ touched('billing_period') }}
),

rules as (
    select * from {{ ref('rules') }}
    where match_field != 'namespace'
),

-- one row per rule: shares of a rule are rows of the seed
rule_heads as (
    select distinct
        rule_id, priority, valid_from, valid_to, match_field, match_key, match_type, match_value, match_case, target_type,
        case when target_type = 'pool' or target = '{value}' then target end as target
    from rules
),

pools as (
    select * from {{ ref('pools') }}
),

{{ pool_days() }},

instance_types as (
    select distinct instance_type from {{ ref('instance_types') }}
),

{%- set fields = {
    'provider': 'service_provider_name',
    'service': 'service_name',
    'account': 'billing_account_id',
    'sub_account': 'sub_account_id',
    'project': 'x_project_id',
    'resource': 'resource_id',
    'api_key': 'x_api_key_id',
    'charge_category': 'charge_category',
    'commitment_status': 'commitment_discount_status',
    'sku': 'sku_meter',
    'model': 'x_model',
} %}

{{ rule_candidates(fields) }},

winners as (
    select charge_key, min(pair_rank) as pair_rank
    from candidates
    group by charge_key
),

final as (
    select
        charges.charge_key,
        charges.billing_period,
        charges.billing_currency,
        rule.rule_id,
        rule.valid_from as rule_valid_from,
        rule.target_type,
        case when rule.target_type = 'pool' then rule.target end as pool_id,
        pool_days.driver as pool_driver,
        pool_segments.pool_segment,
        case when rule.target = '{value}' then rule.value end as named_value
    from charges
    left join pool_segments on charges.charge_date = pool_segments.charge_date
    left join winners on charges.charge_key = winners.charge_key
    left join attribute_rules as rule on winners.pair_rank = rule.pair_rank
    left join pool_days
        on case when rule.target_type = 'pool' then rule.target end = pool_days.pool_id
        and charges.charge_date = pool_days.charge_date
)

select * from final
