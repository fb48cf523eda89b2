with source as (
    select * from {{ lake_source('prometheus_samples', {
        'metric': 'varchar',
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
        'ts': 'timestamp[]',
        'value': 'double[]',
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

        -- numerics: as exported; sample_value() brings them into the canonical unit
        source.value as raw_values,
        measures.factor,
        coalesce(measures.exporter_generation in ('legacy', 'dcgm_4_7', 'both'), false) as has_blanks,

        -- times
        source.ts as observed_times
    from source
    inner join measures on source.metric = measures.metric
)

select * from renamed
