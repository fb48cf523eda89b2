{# The last part of an ARN or of a Google Cloud resource name: the id that node maps and telemetry use. #}
{% macro short_resource_id(expression) -%}
    regexp_extract({{ expression }}, '([^/]+)$', 1)
{%- endmacro %}
