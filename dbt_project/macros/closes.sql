{#
    What closes and disputes ask of the models, from the JSON file that TCO_CLOSES names (written by orchestration/close/index):
    booking_period (the first open month after the last closed one, or none), closed (period, event and the frozen Parquet of
    charges and ledger, relative to the index), disputes (accepted ones that no closed month carries yet) and loads (what
    load_state remembers). Without a file nothing is closed.
#}
{% macro closes_index() -%}
    {%- set path = env_var('TCO_CLOSES', '') -%}
    {%- if not (execute and path) -%}
        {{ return({'booking_period': none, 'closed': [], 'disputes': [], 'loads': []}) }}
    {%- endif -%}
    {%- set rows = run_query("select content from read_text('" ~ path | replace("'", "''") ~ "')").rows -%}
    {{ return(fromjson(rows[0][0])) }}
{%- endmacro %}


{# Billing periods that are closed and whose corrections this run rebuilds or, in a data test, tests. #}
{% macro closes_to_compare() -%}
    {%- set periods = [] -%}
    {%- set touched = run_scope().touched_months -%}
    {%- set is_limited = is_partial_build() or (model.resource_type == 'test' and touched) -%}
    {%- for month in closes_index().closed -%}
        {%- if not is_limited or month.period in touched -%}
            {%- do periods.append(month.period) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(periods) }}
{%- endmacro %}


{# Filter: the closed months that this run compares; false when there is none, so that nothing is read. #}
{% macro is_compared(column) -%}
    {%- set periods = closes_to_compare() -%}
    {%- if periods -%} {{ column }} in ('{{ periods | join("', '") }}')
    {%- else -%} false
    {%- endif -%}
{%- endmacro %}


{# The month that corrections are booked in, as a text literal. #}
{% macro booking_period() -%}
    {%- set period = closes_index().booking_period -%}
    cast({{ "'" ~ period ~ "'" if period else 'null' }} as varchar)
{%- endmacro %}


{#
    What was issued about the compared months, as a subquery with (at least) the named columns: the rows of a month's close, and
    the corrections of it that later closed months carry. `mart` is charges or allocations; a column that a close lacks is NULL.
#}
{% macro issued_mart(mart, columns) -%}
    {%- set path = env_var('TCO_CLOSES', '') -%}
    {%- set compared = closes_to_compare() -%}
    {%- set files = [] -%}
    {%- for month in closes_index().closed if compared and month.period >= compared | min and month[mart] -%}
        {%- do files.append("'" ~ (path.rsplit('/', 1)[0] ~ '/' ~ month[mart]) | replace("'", "''") ~ "'") -%}
    {%- endfor -%}
    (
        select
            {%- for name, type in columns.items() %}
            cast(null as {{ type }}) as {{ name }}{{ ',' if not loop.last }}
            {%- endfor %}
        where false
        {%- if files %}
        union all by name
        select * from read_parquet([{{ files | join(', ') }}], union_by_name = true, hive_partitioning = false)
        where {{ is_compared('coalesce(x_original_billing_period, billing_period)') }}
        {%- endif %}
    )
{%- endmacro %}


{# Key of the charge that corrects a charge of a closed month in the month it is booked in. #}
{% macro correction_key(original_key, booked_in) -%}
    md5(concat_ws(chr(31), 'correction', {{ original_key }}, {{ booked_in }}))
{%- endmacro %}


{# Columns of a charge that its correction takes over. #}
{% macro corrected_dimensions() -%}
    {{ return(['charge_date', 'tags'] + charge_dimensions() | reject('equalto', 'charge_class') | list) }}
{%- endmacro %}


{# Amounts of a charge, whose differences are its correction. #}
{% macro charge_amounts() -%}
    {{ return(['consumed_quantity', 'billed_cost', 'effective_cost', 'list_cost', 'contracted_cost']) }}
{%- endmacro %}


{# Columns of a ledger row that its adjustment takes over; cost_category and keys have columns of their own. #}
{% macro adjusted_dimensions() -%}
    {{ return([
        'charge_date', 'billing_currency', 'service_provider_name', 'service_name', 'charge_category', 'allocation_path', 'team_id',
        'product', 'model_id', 'deployment_id', 'gpu_state', 'rule_id', 'pool_id', 'driver', 'cost_center', 'pool_path',
        'allocated_method_id', 'allocated_method_details', 'allocated_resource_id', 'allocated_resource_name', 'allocated_tags',
        'x_evidence'
    ]) }}
{%- endmacro %}


{# Column -> type of what is read from a frozen mart: the given text columns, dates and amounts, and the keys and original periods. #}
{% macro frozen_columns(texts, amounts, keys) -%}
    {%- set columns = {'billing_period': 'varchar', 'x_original_billing_period': 'varchar'} -%}
    {%- for name in keys + texts -%}
        {%- do columns.update({name: 'date' if name == 'charge_date' else 'varchar'}) -%}
    {%- endfor -%}
    {%- for name in amounts -%}
        {%- do columns.update({name: money_type()}) -%}
    {%- endfor -%}
    {{ return(columns) }}
{%- endmacro %}


{# Accepted disputes that no closed month carries yet, as a subquery; their texts are read as data, never written into SQL. #}
{% macro accepted_disputes() -%}
    {%- set columns = ['dispute_id', 'period', 'team_id', 'bearer_id', 'cost_category', 'currency', 'amount'] -%}
    (
        {%- if closes_index().disputes %}
        select unnest(disputes, recursive := true)
        from read_json(
            '{{ env_var("TCO_CLOSES") | replace("'", "''") }}',
            columns = {disputes: 'struct({{ columns | join(" varchar, ") }} varchar)[]'}
        )
        {%- else %}
        select {% for name in columns %}cast(null as varchar) as {{ name }}{{ ', ' if not loop.last }}{% endfor %}
        where false
        {%- endif %}
    )
{%- endmacro %}
