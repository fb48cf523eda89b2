{# A 64-bit number that stands for a set of labels inside one query; null labels count as a value of their own. #}
{% macro series_key(columns) -%}
    hash(
        {%- for column in columns -%}
            coalesce({{ column }}, chr(30)){{ ', ' if not loop.last }}
        {%- endfor -%}
    )
{%- endmacro %}
