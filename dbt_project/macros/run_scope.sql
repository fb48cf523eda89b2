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


{#
    Days that a run looks at: those of the touched months, and what the query `more_days` gives; all of them on a full build.
    One list of days, so that DuckDB skips the parts of a table that hold none of them; `or` would read the whole table.
#}
{% macro in_days_of_run(column, more_days) -%}
    {%- set months = run_scope()['touched_months'] -%}
    {%- if flags.FULL_REFRESH or not months -%} true
    {%- else -%}
    {{ column }} in (
        {%- for month in months %}
        select cast(unnest(generate_series(date '{{ month }}-01', last_day(date '{{ month }}-01'), interval 1 day)) as date)
        union all
        {%- endfor %}
        {{ more_days }}
    )
    {%- endif -%}
{%- endmacro %}
