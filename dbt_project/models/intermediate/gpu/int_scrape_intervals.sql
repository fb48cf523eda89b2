{{ config(materialized='ephemeral') }}

{#-
    Seconds between two samples, per day, source and kind of target (gpu, engine): the mode over a few targets, 60 when
    there is no pair. A spacing above an hour is a series of snapshots, not a scrape, and takes the 60 too.
-#}
with gpu_targets as (
    select partition, x_source, 'gpu' as target_kind, gpu_uuid as target_id, sum(samples) as samples
    from {{ ref('int_gpu_series') }}
    group by partition, x_source, gpu_uuid
),

engine_targets as (
    select
        partition, x_source, 'engine' as target_kind, coalesce(pod, instance) as target_id,
        cast(sum(len(observed_times)) as bigint) as samples
    from {{ ref('stg_prometheus__series') }}
    where {{ in_batch('partition') }} and measure = 'requests_running'
    group by partition, x_source, coalesce(pod, instance)
),

targets as (
    select * from gpu_targets
    union all
    select * from engine_targets
),

probes as (
    select partition, x_source, target_kind, target_id
    from targets
    qualify row_number() over (partition by partition, x_source, target_kind order by samples desc, target_id) <= 3
),

series as (
    select
        *,
        case when measure = 'requests_running' then 'engine' else 'gpu' end as target_kind,
        case when measure = 'requests_running' then coalesce(pod, instance) else gpu_uuid end as target_id
    from {{ ref('stg_prometheus__series') }}
    where
        {{ in_batch('partition') }}
        and measure in ('sm_active', 'gr_engine_active', 'gpu_util', 'fb_used_bytes', 'requests_running')
),

probed as (
    select
        series.partition,
        series.x_source,
        series.target_kind,
        {{ sample_key([
            'series.partition', 'series.x_source', 'series.target_id', 'series.metric', 'series.job', 'series.instance',
            'series.gpu_instance_id', 'series.namespace', 'series.pod', 'series.engine', 'series.served_model_name'
        ]) }} as series_key,
        unnest(series.observed_times) as observed_at
    from series
    inner join probes
        on series.partition = probes.partition
        and series.x_source = probes.x_source
        and series.target_kind = probes.target_kind
        and series.target_id = probes.target_id
),

spacings as (
    select
        partition,
        x_source,
        target_kind,
        cast(round(date_diff('millisecond', lag(observed_at) over (
            partition by series_key order by observed_at
        ), observed_at) / 1000.0) as integer) as spacing_seconds
    from probed
),

modes as (
    select partition, x_source, target_kind, spacing_seconds
    from spacings
    where spacing_seconds between 1 and 3600
    group by partition, x_source, target_kind, spacing_seconds
    qualify row_number() over (
        partition by partition, x_source, target_kind order by count(*) desc, spacing_seconds
    ) = 1
),

final as (
    select
        probes.partition,
        probes.x_source,
        probes.target_kind,
        coalesce(max(modes.spacing_seconds), 60) as interval_seconds
    from probes
    left join modes
        on probes.partition = modes.partition
        and probes.x_source = modes.x_source
        and probes.target_kind = modes.target_kind
    group by probes.partition, probes.x_source, probes.target_kind
)

select * from final
