{{ config(materialized='ephemeral') }}

{#-
    Requests running and waiting per pod and slot of the batch, summed over the pod's engines, and whether a container of the
    pod was waiting after a failure (kube-state-metrics). The slot is the day's coarsest scrape interval, so that GPU and
    engine samples of different spacing meet. A slot without an engine sample has no requests (null).
-#}
-- read twice on purpose: written out, it would hold all samples
with series as not materialized (
    select
        partition,
        namespace,
        pod,
        {{ sample_key(['namespace', 'pod']) }} as pod_key,
        {{ sample_key(['namespace', 'pod', 'engine', 'served_model_name', 'measure']) }} as engine_key,
        measure = 'container_waiting' as is_waiting,
        factor,
        has_blanks,
        raw_values,
        observed_times
    from {{ ref('stg_prometheus__series') }}
    where
        {{ in_batch('partition') }}
        and measure in ('requests_running', 'requests_waiting', 'container_waiting')
        and pod is not null
        and (measure != 'container_waiting' or json_extract_string(labels, '$.reason') in {{ failure_reasons() }})
),

intervals as (
    select partition, max(interval_seconds) as interval_seconds
    from {{ ref('int_scrape_intervals') }}
    group by partition
),

gridded as (
    select
        series.pod_key, series.engine_key, series.is_waiting, series.factor, series.has_blanks, series.raw_values,
        series.observed_times,
        intervals.interval_seconds
    from series
    inner join intervals on series.partition = intervals.partition
),

-- two jobs or replicas of Prometheus scrape the same engine: the maximum, then the sum over engines
engines as (
    select
        pod_key,
        engine_key,
        is_waiting,
        interval_seconds,
        {{ slot_start(unix_seconds('observed_at'), 'interval_seconds') }} as slot,
        max(value) as requests
    from {{ samples_of('gridded') }}
    where value is not null and (not is_waiting or value > 0)
    group by pod_key, engine_key, is_waiting, interval_seconds, slot
),

loads as (
    select
        pod_key,
        slot,
        interval_seconds,
        cast(sum(case when not is_waiting then cast(requests as bigint) end) as bigint) as requests,
        bool_or(is_waiting) as is_failing
    from engines
    group by pod_key, slot, interval_seconds
),

pods as (
    select pod_key, any_value(namespace) as namespace, any_value(pod) as pod
    from series
    group by pod_key
),

final as (
    select pods.namespace, pods.pod, loads.slot, loads.interval_seconds, loads.requests, loads.is_failing
    from loads
    inner join pods on loads.pod_key = pods.pod_key
)

select * from final
