{#
    Whether `value` meets the matcher of an allocation rule. `any` takes every value that is there; `passthrough` too, and
    the value itself names the team. Comparison ignores case: tags arrive in the case their authors typed.
#}
{% macro rule_matches(value, rule) -%}
    (
        {{ value }} is not null
        and case {{ rule }}.match_type
            when 'exact' then lower({{ value }}) = lower({{ rule }}.match_value)
            when 'prefix' then starts_with(lower({{ value }}), lower({{ rule }}.match_value))
            when 'wildcard' then lower({{ value }}) like replace(
                replace(replace(lower({{ rule }}.match_value), '_', '\_'), '*', '%'), '?', '_') escape '\'
            when 'any' then true
            when 'passthrough' then true
        end
    )
{%- endmacro %}
