{#
    All current files of one lake dataset as a subquery with exactly the named columns.

    `columns` maps a column name to its SQL type, or to 'money' (DECIMAL as it is, DOUBLE through money_from_double)
    or 'json' (MAP, STRUCT or LIST becomes JSON text, text stays), or 'credits' (Google Cloud's credit list, amounts as money).
    Where a list is asked for and a delivery holds one value, that value is the list.
    A column that a delivery lacks is NULL. Deliveries
    with different schemas are read group by group, so one old file never changes how the others are read.
    Adds x_source (configured source name) and partition ('YYYY-MM' or 'YYYY-MM-DD', pruned before a file is opened).
#}
{% macro lake_source(dataset, columns) -%}
    {%- set groups = lake_file_groups(dataset) if execute else [] -%}
    (
    {%- for group in groups %}
        {{ 'union all' if not loop.first }}
        select
            '{{ group.source }}' as x_source,
            partition,
            {%- for name, type in columns.items() %}
            {{ lake_column(name, type, group.types) }} as {{ name }}{{ ',' if not loop.last }}
            {%- endfor %}
        from read_parquet(
            [{%- for path in group.paths -%}'{{ path | replace("'", "''") }}'{{ ', ' if not loop.last }}{%- endfor -%}],
            hive_partitioning = true,
            hive_types_autocast = false
        )
    {%- else %}
        select
            cast(null as varchar) as x_source,
            cast(null as varchar) as partition,
            {%- for name, type in columns.items() %}
            cast(null as {{ lake_type(type) }}) as {{ name }}{{ ',' if not loop.last }}
            {%- endfor %}
        where false
    {%- endfor %}
    )
{%- endmacro %}


{% macro lake_type(type) -%}
    {%- if type == 'money' -%} {{ money_type() }}
    {%- elif type == 'json' -%} varchar
    {%- elif type == 'credits' -%} struct(full_name varchar, type varchar, name varchar, amount {{ money_type() }})[]
    {%- else -%} {{ type }}
    {%- endif -%}
{%- endmacro %}


{% macro lake_column(name, type, types) -%}
    {%- set delivered = types.get(name | lower) -%}
    {%- if delivered is none -%} cast(null as {{ lake_type(type) }})
    {%- elif type == 'money' and delivered in ('DOUBLE', 'FLOAT') -%} {{ money_from_double('"' ~ name ~ '"') }}
    {%- elif type == 'credits' -%} list_transform("{{ name }}", lambda c: {
                'full_name': c.full_name, 'type': c.type, 'name': c.name,
                'amount': {{ money_from_double('c.amount') if 'DOUBLE' in delivered else money('c.amount') }}
            })
    {%- elif type == 'json' and delivered != 'VARCHAR' -%} cast(to_json("{{ name }}") as varchar)
    {%- elif lake_type(type) | upper == delivered -%} "{{ name }}"
    {%- elif type.endswith('[]') and not delivered.endswith('[]') -%} [cast("{{ name }}" as {{ type[:-2] }})]
    {%- else -%} cast("{{ name }}" as {{ lake_type(type) }})
    {%- endif -%}
{%- endmacro %}


{# Current files of a dataset, one group per configured source and delivered schema, from the lake's index. #}
{% macro lake_file_groups(dataset) %}
    {%- set index = var('lake_index') -%}
    {%- set root = index.rsplit('/', 1)[0] -%}
    {%- set query -%}
        with manifests as (
            select * from read_json(
                '{{ index | replace("'", "''") }}',
                columns = {
                    source: 'varchar', dataset: 'varchar', partition: 'varchar',
                    columns: 'struct(name varchar, type varchar)[]', files: 'struct(path varchar)[]'
                },
                maximum_object_size = 1000000000
            )
        ),

        files as (
            select source, columns, unnest(files).path as path
            from manifests
            where dataset = '{{ dataset }}'
        )

        select source, cast(to_json(columns) as varchar) as columns, cast(to_json(list(path order by path)) as varchar) as paths
        from files
        group by source, columns
        order by source, min(path)
    {%- endset -%}
    {%- set groups = [] -%}
    {%- for row in run_query(query).rows -%}
        {%- set types = {} -%}
        {%- for column in fromjson(row[1]) -%}
            {%- do types.update({column.name | lower: column.type | upper}) -%}
        {%- endfor -%}
        {%- set paths = [] -%}
        {%- for path in fromjson(row[2]) -%}
            {%- do paths.append(root ~ '/' ~ path) -%}
        {%- endfor -%}
        {%- do groups.append({'source': row[0], 'types': types, 'paths': paths}) -%}
    {%- endfor -%}
    {{ return(groups) }}
{% endmacro %}
