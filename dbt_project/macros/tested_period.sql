{# Limits a data test to the periods of this run; older periods were tested when they were built. #}
{% macro tested_period(column) -%}
    {%- set values = touched_list('month') -%}
    {{ column ~ ' in ' ~ values if values else 'true' }}
{%- endmacro %}
