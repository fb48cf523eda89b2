{{ config(materialized='ephemeral') }}

{#-
    For every hour of a partitioned (MIG) GPU of the batch: which part of the GPU each of its series stands for. An instance
    counts while it is seen; slices nobody configured are stranded and ride on the slots of the first instance; rows
    of the whole GPU repeat the instances and count nothing.
-#}
with series as (
    select
        gpu_no,
        share_no,
        gpu_instance_id is not null as is_instance,
        case when gpu_instance_id is null then 0 else {{ mig_slices('gpu_instance_profile') }} end as slices,
        case when {{ normalised_gpu_name('gpu_model_raw') }} like '%a30%' then 4 else 7 end as slices_of_gpu,
        unnest(range(first_seen - first_seen % 3600, last_seen + 1, 3600)) as hour
    from {{ ref('int_gpu_series') }}
    where gpu_no in (select gpu_no from {{ ref('int_gpu_series') }} where gpu_instance_id is not null)
),

parts as (
    select gpu_no, share_no, hour, is_instance, max(slices) as slices, max(slices_of_gpu) as slices_of_gpu
    from series
    group by gpu_no, share_no, hour, is_instance
),

gpus as (
    select
        gpu_no,
        hour,
        min(case when is_instance then share_no end) as first_share_no,
        cast(sum(slices) as integer) as configured_slices,
        cast(greatest(sum(slices), max(slices_of_gpu)) as integer) as slices_of_gpu
    from parts
    group by gpu_no, hour
    having bool_or(is_instance)
),

final as (
    select parts.share_no, parts.hour, parts.slices as numerator, gpus.slices_of_gpu as denominator, false as is_stranded
    from parts
    inner join gpus on parts.gpu_no = gpus.gpu_no and parts.hour = gpus.hour

    union all

    select first_share_no, hour, slices_of_gpu - configured_slices, slices_of_gpu, true
    from gpus
    where slices_of_gpu > configured_slices
)

select * from final
