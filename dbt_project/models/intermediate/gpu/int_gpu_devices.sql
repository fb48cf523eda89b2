{{ config(materialized='ephemeral') }}

{#-
    One row per day and GPU of the batch: its texts and its canonical model by the name patterns (lowest priority that matches).
    A name no pattern knows stays as it was sent, so that it can be seen and added.
-#}
with series as (
    select * from {{ ref('int_gpu_series') }}
),

names as (
    select * from {{ ref('gpu_names') }}
),

devices as (
    select
        day,
        gpu_no,
        gpu_uuid,
        max(gpu_index) as gpu_index,
        max(gpu_model_raw) as gpu_model_raw,
        max(cluster) as cluster
    from series
    group by day, gpu_no, gpu_uuid
),

matched as (
    select raw.gpu_model_raw, names.gpu_model
    from (select distinct gpu_model_raw from devices) as raw
    inner join names on regexp_matches({{ normalised_gpu_name('raw.gpu_model_raw') }}, names.pattern)
    qualify row_number() over (partition by raw.gpu_model_raw order by names.priority) = 1
),

final as (
    select
        devices.day,
        devices.gpu_no,
        devices.gpu_uuid,
        devices.gpu_index,
        devices.cluster,
        devices.gpu_model_raw,
        coalesce(matched.gpu_model, devices.gpu_model_raw) as gpu_model
    from devices
    left join matched on devices.gpu_model_raw = matched.gpu_model_raw
)

select * from final
