{#
    A table that grows by days and is built a few days at a time, so that memory does not grow with history.

    The model reads its source through in_batch('partition') and its own earlier days through own_earlier_days(). Config:
    `dataset` (lake dataset that decides which days exist and how large they are) and the columns' data_type in the yml,
    from which the table is made. A full build takes all days of the lake, oldest first, as many per statement as fit into
    the variable batch_rows; an incremental one takes the touched days (run_scope). All batches are one transaction.
#}
{% materialization day_batches, adapter='duckdb' %}
    {%- set target_relation = this.incorporate(type='table') -%}
    {%- set existing = load_cached_relation(this) -%}
    {%- set rebuild = existing is none or should_full_refresh() -%}

    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}

    {%- set names = [] -%}
    {%- set definitions = [] -%}
    {%- for column in model.columns.values() -%}
        {%- if not column.data_type -%}
            {{ exceptions.raise_compiler_error(model.name ~ '.' ~ column.name ~ ' needs a data_type in its yml') }}
        {%- endif -%}
        {%- do names.append(column.name) -%}
        {%- do definitions.append(column.name ~ ' ' ~ column.data_type) -%}
    {%- endfor -%}

    {%- if existing is not none and existing.is_view -%}
        {%- do adapter.drop_relation(existing) -%}
    {%- endif -%}
    {%- if rebuild -%}
        {% call statement('create_table') -%}
            create or replace table {{ target_relation }} ({{ definitions | join(', ') }})
        {%- endcall %}
    {%- endif -%}

    {%- for days in day_batch_lists(config.require('dataset'), none if rebuild else run_scope()['touched_days']) -%}
        {%- set listed = "'" ~ days | join("', '") ~ "'" -%}
        {% call statement('delete_days') -%}
            delete from {{ target_relation }} where cast(charge_date as varchar) in ({{ listed }})
        {%- endcall %}
        {% call statement('insert_days') -%}
            insert into {{ target_relation }} ({{ names | join(', ') }})
            select {{ names | join(', ') }} from ({{ compiled_code | replace("'batch days'", listed) }}) as batch
        {%- endcall %}
    {%- endfor -%}

    {% call statement('main') -%}
        select count(*) as row_count from {{ target_relation }}
    {%- endcall %}

    {% do persist_docs(target_relation, model) %}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {% do adapter.commit() %}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}


{# Lists of days to build together: consecutive days of `dataset` whose rows fit into batch_rows, at least one a list. #}
{% macro day_batch_lists(dataset, only_days) %}
    {%- set query -%}
        select partition, sum(rows) as row_count
        from read_json(
            '{{ var("lake_index") | replace("'", "''") }}',
            columns = {dataset: 'varchar', partition: 'varchar', rows: 'bigint'},
            maximum_object_size = 1000000000
        )
        where dataset = '{{ dataset }}'
        group by partition
        order by partition
    {%- endset -%}
    {%- set sizes = {} -%}
    {%- for row in run_query(query).rows -%}
        {%- do sizes.update({row[0]: row[1] | int}) -%}
    {%- endfor -%}
    {%- set batches = [] -%}
    {%- set state = {'rows': 0} -%}
    {%- for day in (sizes.keys() if only_days is none else only_days | sort) -%}
        {%- set rows = sizes.get(day, 0) -%}
        {%- if not batches or state.rows + rows > var('batch_rows', 30000000) -%}
            {%- do batches.append([]) -%}
            {%- do state.update({'rows': 0}) -%}
        {%- endif -%}
        {%- do batches[-1].append(day) -%}
        {%- do state.update({'rows': state.rows + rows}) -%}
    {%- endfor -%}
    {{ return(batches) }}
{% endmacro %}


{# Filter of a day_batches model (or an ephemeral part of one): the days of the batch. `column` is 'YYYY-MM-DD' text. #}
{% macro in_batch(column) -%}
    {{ column }} in ('batch days')
{%- endmacro %}


{#
    The rows a day_batches model already holds for the day before each day of the batch, as a subquery. `model_name` is
    given because ephemeral parts of the model read it too; a unit test, where nothing is built, overrides the macro.
#}
{% macro own_earlier_days(model_name) -%}
    (
        select * from {{ this.incorporate(path={'identifier': model_name}) if this else model_name }}
        where cast(charge_date + 1 as varchar) in ('batch days')
    )
{%- endmacro %}
