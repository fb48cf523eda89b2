{{ config(materialized='ephemeral') }}

{#-
    One row per GPU part (whole GPU or MIG instance) and scrape slot of the batch: its utilisation by the ladder sm_active,
    gr_engine_active, gpu_util (or the one metric of the settings), its memory, its last error code, and its holders' bits.
    Values are the maximum over jobs, replicas, repeated scrapes and the copies a time-sliced GPU prints for every pod.
-#}
with samples as (
    select *, {{ sample_key(gpu_series_labels()) }} as series_key
    from {{ ref('stg_prometheus__samples') }}
    where
        {{ in_batch('partition') }}
        and measure in ('sm_active', 'gr_engine_active', 'gpu_util', 'fb_used_bytes', 'xid_last_error')
        and gpu_uuid is not null
        and value >= 0
        and (measure != 'xid_last_error' or value > 0)
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
                {%- for metric, use in utilisation_ladder().items() %}
                when '{{ metric }}' then case when not grids.{{ use.unusable }} then {{ ladder_code(use.step) }} end
                {%- endfor %}
            end + {{ utilisation_nanos('samples.value') }}
        ) as utilisation_code,
        max(case when samples.measure = 'fb_used_bytes' then samples.value end) as fb_used_bytes,
        cast(max(case when samples.measure = 'xid_last_error' then samples.value end) as smallint) as xid
    from samples
    inner join grids on samples.series_key = grids.series_key
    group by grids.share_no, slot
)

select * from final
