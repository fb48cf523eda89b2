{# Months whose change against the month before must be rebuilt: the touched ones and the one after each. #}
{% macro changed_months() -%}
    {%- set months = [] -%}
    {%- for month in run_scope()['touched_months'] -%}
        {%- set year, number = month.split('-')[0] | int, month.split('-')[1] | int -%}
        {%- do months.append("'" ~ month ~ "'") -%}
        {%- do months.append("'%04d-%02d'" % (year + number // 12, number % 12 + 1)) -%}
    {%- endfor -%}
    {{ return(months | unique | list) }}
{%- endmacro %}


{# Filter and pre-hook like touched() and delete_touched(), for a model that compares a month with the one before. #}
{% macro touched_or_next(column) -%}
    {%- if not is_partial_build() -%} true
    {%- elif changed_months() -%} {{ column }} in ({{ changed_months() | join(', ') }})
    {%- else -%} false
    {%- endif -%}
{%- endmacro %}


{% macro delete_touched_or_next(column) -%}
    {%- if is_partial_build() and changed_months() -%}
        delete from {{ this }} where {{ column }} in ({{ changed_months() | join(', ') }})
    {%- else -%}
        select 1 as nothing_to_delete
    {%- endif -%}
{%- endmacro %}


{# The month before 'YYYY-MM'. #}
{% macro month_before(column) -%}
    strftime(strptime({{ column }} || '-01', '%Y-%m-%d') - interval 1 month, '%Y-%m')
{%- endmacro %}


{# Sum of `value` over the lines of a side (before, now) of a comparison; `condition` narrows it. #}
{% macro side_sum(value, is_now, condition='true') -%}
    sum({{ value }}) filter ({{ 'is_now' if is_now else 'not is_now' }} and {{ condition }})
{%- endmacro %}


{# A factor of a part: its driver and its value in both months; a missing one takes the other's, so that it explains nothing. #}
{% macro factor(driver, before, now) -%}
    {'driver': {{ driver }}, 'before': coalesce({{ before }}, {{ now }}, 1.0), 'now': coalesce({{ now }}, {{ before }}, 1.0)}
{%- endmacro %}


{# A ratio that is null where it means nothing. #}
{% macro ratio(numerator, denominator) -%}
    (cast({{ numerator }} as double) / nullif(cast({{ denominator }} as double), 0))
{%- endmacro %}


{# Whether a cost and its list price are amounts of one kind: same sign, and less than a factor of 1,000 apart. #}
{% macro is_sound_ratio(cost, list_cost) -%}
    coalesce({{ ratio(list_cost, cost) }} between 0.001 and 1000, false)
{%- endmacro %}
