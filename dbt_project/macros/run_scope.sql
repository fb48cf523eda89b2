{#
    What this run rebuilds: {'touched_months': ['YYYY-MM'], 'touched_days': ['YYYY-MM-DD'], 'code_version': text}. Orchestration writes
    it to the JSON file that TCO_RUN_SCOPE names; without one the project's variables hold. A file and not --vars, because dbt parses
    the whole project anew whenever a variable changes.
#}
{% macro run_scope() -%}
    {%- set path = env_var('TCO_RUN_SCOPE', '') -%}
    {%- set defaults = {
        'touched_months': var('touched_months'), 'touched_days': var('touched_days'), 'code_version': var('code_version')
    } -%}
    {%- if not (execute and path) -%}
        {{ return(defaults) }}
    {%- endif -%}
    {%- set rows = run_query("select content from read_text('" ~ path | replace("'", "''") ~ "')").rows -%}
    {{ return(fromjson(rows[0][0]) if rows | length > 0 else defaults) }}
{%- endmacro %}
