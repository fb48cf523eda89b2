{{ config(materialized='ephemeral') }}

{#-
    One row per GPU part (whole GPU or MIG instance) and scrape slot of the batch: its utilisation by the ladder sm_active,
    gr_engine_active, gpu_util (or the one metric of the settings), its memory, its last error code, and its holders' bits.
    Values are the maximum over jobs, replicas, repeated scrapes and the copies a time-sliced GPU prints for every pod.
-#}
with series as (
    select
        {{ sample_key(gpu_series_labels()) }} as series_key,
        measure, factor, has_blanks, raw_values, observed_times
    from {{ ref('stg_prometheus__series') }}
    where
        {{ in_batch('partition') }}
        and measure in ('sm_active', 'gr_engine_active', 'gpu_util', 'fb_used_bytes', 'xid_last_error')
        and gpu_uuid is not null
),

-- what a series says about its slots is looked up once, before its samples are counted
gridded as (
    select
        grids.share_no,
        grids.holder_bit,
        grids.interval_seconds,
        case series.measure
            {%- for metric, use in utilisation_ladder().items() %}
            when '{{ metric }}' then case when not grids.{{ use.unusable }} then {{ ladder_code(use.step) }} end
            {%- endfor %}
        end as ladder_code,
        series.measure = 'fb_used_bytes' as is_memory,
        series.measure = 'xid_last_error' as is_error,
        series.factor,
        series.has_blanks,
        series.raw_values,
        series.observed_times
    from series
    inner join {{ ref('int_gpu_grids') }} as grids on series.series_key = grids.series_key
),

final as (
    select
        share_no,
        cast({{ slot_start(unix_seconds('observed_at'), 'interval_seconds') }} as bigint) as slot,
        bit_or(holder_bit) as holder_bits,
        -- ladder step and utilisation in one number, so that the best step wins the maximum
        max(ladder_code + {{ utilisation_nanos('value') }}) as utilisation_code,
        max(case when is_memory then value end) as fb_used_bytes,
        cast(max(case when is_error then value end) as smallint) as xid
    from {{ samples_of('gridded') }}
    where value >= 0 and (not is_error or value > 0)
    group by share_no, slot
)

select * from final
