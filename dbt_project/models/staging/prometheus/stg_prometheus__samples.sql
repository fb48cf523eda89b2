with source as (
    select * from {{ lake_source('prometheus_samples', {
        'ts': 'timestamp',
        'metric': 'varchar',
        'value': 'double',
        'job': 'varchar',
        'instance': 'varchar',
        'hostname': 'varchar',
        'gpu_index': 'varchar',
        'gpu_uuid': 'varchar',
        'gpu_model_raw': 'varchar',
        'gpu_instance_id': 'varchar',
        'gpu_instance_profile': 'varchar',
        'pod': 'varchar',
        'namespace': 'varchar',
        'container': 'varchar',
        'served_model_name': 'varchar',
        'engine': 'varchar',
        'finished_reason': 'varchar',
        'token_source': 'varchar',
        'labels': 'json',
    }) }}
),

measures as (
    select * from {{ ref('telemetry_measures') }}
),

renamed as (
    select
        -- ids
        source.x_source,
        source.partition,
        source.job,
        source.instance,
        source.hostname,
        source.gpu_index,
        source.gpu_uuid,
        source.gpu_instance_id,
        source.namespace,
        source.pod,
        source.container,
        source.engine,

        -- strings
        source.metric,
        measures.measure,
        measures.kind,
        measures.unit_to as unit,
        measures.exporter_generation,
        source.gpu_model_raw,
        source.gpu_instance_profile,
        source.served_model_name,
        source.finished_reason,
        source.token_source,
        source.labels,

        -- numerics: in the canonical unit; NaN, infinity and DCGM's blanks (int64, int32, fp64) are null
        case
            when isnan(source.value) or isinf(source.value) then null
            when measures.exporter_generation in ('legacy', 'dcgm_4_7', 'both') and (
                source.value >= 9223372036854775000
                or source.value between 2147483632 and 2147483635
                or source.value between 140737488355328 and 140737488355331
            ) then null
            else source.value * measures.factor
        end as value,

        -- times
        source.ts as observed_at
    from source
    inner join measures on source.metric = measures.metric
)

select * from renamed
