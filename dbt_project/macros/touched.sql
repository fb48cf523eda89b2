{#
    Partitions whose current load differs from the one the warehouse was built from. Orchestration names them
    (run_scope) as touched_months ('YYYY-MM') and touched_days ('YYYY-MM-DD'); an incremental model rebuilds these and only these.
#}
{% macro touched_list(grain) -%}
    {%- set values = run_scope()['touched_months' if grain == 'month' else 'touched_days'] -%}
    {%- if values -%}
        ({%- for value in values -%}'{{ value }}'{{ ', ' if not loop.last }}{%- endfor -%})
    {%- endif -%}
{%- endmacro %}


{# Whether this run rebuilds only the touched partitions. A dbt unit test has no relation of its own and builds everything. #}
{% macro is_partial_build() -%}
    {{ return(this is not none and is_incremental()) }}
{%- endmacro %}


{#
    Filter of an incremental model, only there: everywhere else it is always true. True on a full build, otherwise membership in
    the touched partitions.
#}
{% macro touched(column, grain='month') -%}
    {%- set values = touched_list(grain) -%}
    {%- if not is_partial_build() -%} true
    {%- elif values -%} {{ column }} in {{ values }}
    {%- else -%} false
    {%- endif -%}
{%- endmacro %}


{#
    touched() for an ephemeral model that an incremental one reads: it cannot see whether its reader builds partially, so it
    goes by the run. Never for a view, which would keep the months of the last run.
#}
{% macro touched_by_run(column, grain='month') -%}
    {%- set values = touched_list(grain) -%}
    {{ column ~ ' in ' ~ values if values and not flags.FULL_REFRESH else 'true' }}
{%- endmacro %}


{# Pre-hook of an incremental model: takes the touched partitions out, in the transaction that puts them back. #}
{% macro delete_touched(column, grain='month') -%}
    {%- set values = touched_list(grain) -%}
    {%- if is_partial_build() and values -%}
        delete from {{ this }} where {{ column }} in {{ values }}
    {%- else -%}
        select 1 as nothing_to_delete
    {%- endif -%}
{%- endmacro %}


{# Like touched(…, 'day'), with the day before each touched day: counters run over midnight. #}
{% macro touched_or_day_before(column) -%}
    {%- set values = touched_days_and_days_before() -%}
    {%- if not is_partial_build() -%} true
    {%- elif values -%} {{ column }} in {{ values }}
    {%- else -%} false
    {%- endif -%}
{%- endmacro %}


{# touched_or_day_before() for an ephemeral model that an incremental one reads, as touched_by_run() is for touched(). #}
{% macro touched_or_day_before_by_run(column) -%}
    {%- set values = touched_days_and_days_before() -%}
    {{ column ~ ' in ' ~ values if values and not flags.FULL_REFRESH else 'true' }}
{%- endmacro %}


{% macro touched_days_and_days_before() -%}
    {%- set values = [] -%}
    {%- for day in run_scope()['touched_days'] -%}
        {%- set date = modules.datetime.date.fromisoformat(day) -%}
        {%- do values.append("'" ~ day ~ "'") -%}
        {%- do values.append("'" ~ (date - modules.datetime.timedelta(days=1)).isoformat() ~ "'") -%}
    {%- endfor -%}
    {{ return('(' ~ values | unique | join(', ') ~ ')' if values else '') }}
{%- endmacro %}
