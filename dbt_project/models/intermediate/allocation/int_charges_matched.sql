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

boundaries as (
    select valid_from as day from pools
    union
    select valid_to from pools
    union
    select valid_from from {{ ref('pool_shares') }}
    union
    select valid_to from {{ ref('pool_shares') }}
),

charge_days as (
    select distinct charge_date from charges
),

pool_segments as (
    select charge_days.charge_date, coalesce(max(boundaries.day), date '0001-01-01') as pool_segment
    from charge_days
    left join boundaries on charge_days.charge_date >= boundaries.day
    group by charge_days.charge_date
),

-- one version of a pool a day
pool_days as (
    select charge_days.charge_date, pools.pool_id, pools.driver
    from charge_days
    inner join pools on {{ is_valid_on('pools', 'charge_days.charge_date') }}
    qualify row_number() over (
        partition by charge_days.charge_date, pools.pool_id order by pools.valid_from desc nulls last, pools.driver
    ) = 1
),

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

-- distinct values of each field are matched, not charges
attributes as (
    {%- for field, column in fields.items() %}
    select distinct '{{ field }}' as match_field, cast(null as varchar) as match_key, {{ column }} as value from charges
    where {{ column }} is not null and '{{ field }}' in (select match_field from rules)
    union all
    {%- endfor %}
    select distinct 'gpu_node', null, x_instance_type from charges
    where
        x_instance_type in (select instance_type from instance_types)
        and resource_id is not null and charge_category = 'Usage'
    union all
    select distinct 'tag', entry.key, entry.value
    from (
        select unnest(map_entries(cast(cast(tags as json) as map(varchar, varchar)))) as entry
        from (select distinct tags from charges where tags is not null) as tag_sets
    ) as exploded
),

-- the pairs of a value and a rule that takes it; the number of a pair is its rank: the least of a charge's pairs wins
attribute_rules as materialized (
    select
        attributes.match_field,
        attributes.match_key,
        attributes.value,
        rule_heads.* exclude (match_field, match_key),
        row_number() over (
            order by rule_heads.priority, rule_heads.rule_id, rule_heads.valid_from, rule_heads.match_field, attributes.match_key,
                attributes.value
        ) as pair_rank
    from attributes
    inner join rule_heads
        on (
            attributes.match_field = rule_heads.match_field
            or (attributes.match_field = 'tag' and rule_heads.match_field = 'label')
        )
        and {{ rule_key_matches('attributes.match_key', 'rule_heads') }}
        and {{ rule_matches('attributes.value', 'rule_heads') }}
),

-- charges share few tag sets: explode the sets once
tag_rules as (
    select
        tag_sets.tags,
        attribute_rules.pair_rank,
        attribute_rules.valid_from,
        attribute_rules.valid_to
    from (
        select tags, unnest(map_entries(cast(cast(tags as json) as map(varchar, varchar)))) as entry
        from (select distinct tags from charges where tags is not null) as distinct_tags
    ) as tag_sets
    inner join attribute_rules
        on attribute_rules.match_field = 'tag'
        and tag_sets.entry.key = attribute_rules.match_key
        and tag_sets.entry.value = attribute_rules.value
),

{%- set validity %}
    charges.charge_date >= pairs.valid_from and (pairs.valid_to is null or charges.charge_date < pairs.valid_to)
{%- endset %}

candidates as (
    {%- for field, column in fields.items() %}
    select charges.charge_key, pairs.pair_rank
    from charges
    inner join attribute_rules as pairs on pairs.match_field = '{{ field }}' and charges.{{ column }} = pairs.value
    where {{ validity }}
    union all
    {%- endfor %}
    select charges.charge_key, pairs.pair_rank
    from charges
    inner join attribute_rules as pairs on pairs.match_field = 'gpu_node' and charges.x_instance_type = pairs.value
    where
        {{ validity }}
        and charges.resource_id is not null and charges.charge_category = 'Usage'
        and charges.commitment_discount_status is distinct from 'Unused'
    union all
    select charges.charge_key, pairs.pair_rank
    from charges
    inner join tag_rules as pairs on charges.tags = pairs.tags
    where {{ validity }}
),

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
