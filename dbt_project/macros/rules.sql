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
