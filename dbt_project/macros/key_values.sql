{#
    Tags as one JSON object of texts with sorted keys, AWS's `user:` / `user_` prefix taken off; null when there are none.
    A valueless tag is `true` (FOCUS 1.2, Tags). When taking the prefix off would make two keys equal, the object stays
    as delivered, so that no tag is lost. Meant for distinct tag texts, not for every line: it costs microseconds a call.
#}
{% macro normalised_tags(json) -%}
    {%- set entries -%}
        list_transform(
            map_entries(cast(cast({{ json }} as json) as map(varchar, varchar))),
            lambda e: {'k': regexp_replace(e.key, '^(user:|user_)', ''), 'v': coalesce(e.value, 'true')}
        )
    {%- endset -%}
    case
        when {{ json }} is null or {{ json }} in ('{}', 'null', '') then null
        when len(list_distinct(list_transform({{ entries }}, lambda e: e.k))) < len({{ entries }}) then {{ json }}
        else cast(to_json(map_from_entries(list_sort({{ entries }}))) as varchar)
    end
{%- endmacro %}


{# A BigQuery label array [{key, value}] (JSON text) as one JSON object; null when empty. Keys are unique by contract. #}
{% macro labels_to_tags(json) -%}
    case when {{ json }} is null or {{ json }} in ('[]', 'null', '') then null else
        cast(to_json(map_from_entries(list_sort(list_transform(
            from_json({{ json }}, '["json"]'),
            lambda l: {'k': json_extract_string(l, '$.key'), 'v': coalesce(json_extract_string(l, '$.value'), 'true')}
        )))) as varchar)
    end
{%- endmacro %}
