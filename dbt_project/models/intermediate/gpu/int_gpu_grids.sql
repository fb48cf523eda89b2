{{ config(materialized='ephemeral') }}

{#-
    Per day, source and GPU series of the batch: the grid its samples are counted on and the series' numbers. Sources that
    see the same GPU share the coarser interval, else its seconds would count twice. A holder has one bit per GPU part and
    day, so that who shares a slot is one bitwise or; bits repeat after 62 pods, in the order of their first sample.
-#}
with series as (
    select * from {{ ref('int_gpu_series') }}
),

sightings as (
    select distinct partition, x_source, gpu_no from series
),

intervals as (
    select own.partition, own.x_source, max(intervals.interval_seconds) as interval_seconds
    from sightings as own
    inner join sightings as others on own.partition = others.partition and own.gpu_no = others.gpu_no
    inner join {{ ref('int_scrape_intervals') }} as intervals
        on others.partition = intervals.partition
        and others.x_source = intervals.x_source
        and intervals.target_kind = 'gpu'
    group by own.partition, own.x_source
),

first_seen as (
    select day, share_no, holder_no, min(first_seen) as first_seen
    from series
    where holder_no is not null
    group by day, share_no, holder_no
),

bits as (
    select
        day,
        share_no,
        holder_no,
        first_seen,
        (row_number() over (partition by day, share_no order by first_seen, holder_no) - 1) % 62 as bit_no
    from first_seen
),

final as (
    select
        series.partition,
        series.day,
        series.x_source,
        series.series_key,
        series.gpu_no,
        series.share_no,
        series.node_no,
        series.holder_no,
        series.samples,
        bits.first_seen as holder_first_seen,
        cast(1 as bigint) << bits.bit_no as holder_bit,
        cast(intervals.interval_seconds as integer) as interval_seconds,
        series.is_sm_active_percent,
        series.is_gr_engine_active_percent,
        -- a MIG instance has no GPU_UTIL of its own: the exporter prints 0
        series.is_gpu_util_percent or series.gpu_instance_id is not null as is_gpu_util_unusable
    from series
    inner join intervals on series.partition = intervals.partition and series.x_source = intervals.x_source
    left join bits
        on series.day = bits.day and series.share_no = bits.share_no and series.holder_no = bits.holder_no
)

select * from final
