{{ config(materialized='ephemeral') }}

{#-
    One row per GPU part (whole GPU or MIG instance) and scrape slot of the batch: its utilisation by the ladder sm_active,
    gr_engine_active, gpu_util, its memory, and its holders' bits. Values are the maximum over jobs, replicas, repeated
    scrapes and the copies a time-sliced GPU prints for every pod.
-#}
with samples as (
    select *, {{ sample_key(gpu_series_labels()) }} as series_key
    from {{ ref('stg_prometheus__samples') }}
    where
        {{ in_batch('partition') }}
        and measure in ('sm_active', 'gr_engine_active', 'gpu_util', 'fb_used_bytes')
        and gpu_uuid is not null
        and value >= 0
),

grids as (
    select * from {{ ref('int_gpu_grids') }}
),

final as (
    select
        grids.share_no,
        cast({{ slot_start(unix_seconds('samples.observed_at'), 'grids.interval_seconds') }} as bigint) as slot,
        bit_or(grids.holder_bit) as holder_bits,
        -- ladder step and utilisation in one number, so that the best step wins the maximum
        max(
            case samples.measure
                when 'sm_active' then case when not grids.is_sm_active_percent then {{ ladder_code(3) }} end
                when 'gr_engine_active' then case when not grids.is_gr_engine_active_percent then {{ ladder_code(2) }} end
                when 'gpu_util' then case when not grids.is_gpu_util_unusable then {{ ladder_code(1) }} end
            end + case when samples.measure != 'fb_used_bytes' then {{ utilisation_nanos('samples.value') }} end
        ) as utilisation_code,
        max(case when samples.measure = 'fb_used_bytes' then samples.value end) as fb_used_bytes
    from samples
    inner join grids on samples.series_key = grids.series_key
    group by grids.share_no, slot
)

select * from final
