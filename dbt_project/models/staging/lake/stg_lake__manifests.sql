{#- The current load of every lake partition, from the lake's index. -#}
with source as (
    select * from read_json(
        '{{ var("lake_index") | replace("'", "''") }}',
        columns = {
            source: 'varchar', dataset: 'varchar', partition: 'varchar', load_id: 'varchar', rows: 'bigint',
            money: 'map(varchar, map(varchar, varchar))'
        },
        maximum_object_size = 1000000000
    )
),

renamed as (
    select
        load_id,
        source as x_source,
        dataset as x_dataset,
        partition,
        money,
        rows as row_count
    from source
)

select * from renamed
