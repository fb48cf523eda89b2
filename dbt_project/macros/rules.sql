{#
    Whether `value` meets the matcher of an allocation rule. `any` takes every value that is there; `passthrough` too, and
    the value itself names the target. Case is ignored unless the rule says match_case = sensitive: tags arrive in the case their
    authors typed.
#}
{% macro rule_matches(value, rule) -%}
    (
        {{ value }} is not null
        and case
            when {{ rule }}.match_type in ('any', 'passthrough') then true
            when {{ rule }}.match_case = 'sensitive'
                then {{ text_matches(value, rule ~ '.match_value', rule ~ '.match_type') }}
            else {{ text_matches('lower(' ~ value ~ ')', 'lower(' ~ rule ~ '.match_value)', rule ~ '.match_type') }}
        end
    )
{%- endmacro %}


{# Text against a pattern. In a wildcard `*` stands for any text and `?` for one character; all else is meant literally. #}
{% macro text_matches(value, pattern, match_type) -%}
    case {{ match_type }}
        when 'exact' then {{ value }} = {{ pattern }}
        when 'prefix' then starts_with({{ value }}, {{ pattern }})
        when 'wildcard' then {{ value }} like replace(replace(replace(replace(replace(
            {{ pattern }}, '\', '\\'), '%', '\%'), '_', '\_'), '*', '%'), '?', '_') escape '\'
    end
{%- endmacro %}


{# Whether the key of a tag is the rule's; fields without keys always are. #}
{% macro rule_key_matches(key, rule) -%}
    (
        {{ key }} is null
        or {{ key }} = {{ rule }}.match_key
        or ({{ rule }}.match_case is distinct from 'sensitive' and lower({{ key }}) = lower({{ rule }}.match_key))
    )
{%- endmacro %}


{# Whether a row of a seed with valid_from and valid_to (empty: always, open) holds on a day. #}
{% macro is_valid_on(row, day) -%}
    (
        coalesce({{ row }}.valid_from, date '0001-01-01') <= {{ day }}
        and ({{ row }}.valid_to is null or {{ day }} < {{ row }}.valid_to)
    )
{%- endmacro %}


{#
    The teams a target stands for, as a query: (target_type, target, team_id, part). A cost centre stands for its teams in equal
    parts, a product for the teams that pay for it.
#}
{% macro target_teams() -%}
    select 'team' as target_type, team_id as target, team_id, cast(1 as decimal(18, 12)) as part
    from {{ ref('teams') }}
    union all
    select
        'cost_center', cost_center, team_id,
        cast(1.0 / count(*) over (partition by lower(cost_center)) as decimal(18, 12))
    from {{ ref('teams') }}
    where cost_center is not null
    union all
    select 'product', product, team_id, share
    from {{ ref('product_teams') }}
{%- endmacro %}


{#
    CTEs of int_allocations_direct: what a rule gives to whom, one row (rule_parts) per rule version, value that names a target,
    and team, with its range of the charge and everything a ledger row says besides its money. Reads the CTEs `matched` and
    `teams`.
#}
{% macro rule_parts() -%}
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
)
{%- endmacro %}


{#
    CTEs of int_charges_matched: attribute_rules (pairs of a value and a rule that takes it, ranked) and candidates (the
    pairs of each charge that hold on its day). `fields` maps a match_field to a column. Reads the CTEs `charges`, `rules`,
    `rule_heads` and `instance_types`.
#}
{% macro rule_candidates(fields) -%}
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
)
{%- endmacro %}
