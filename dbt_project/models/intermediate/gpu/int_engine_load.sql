{{ config(materialized='ephemeral') }}

{#-
    Requests running and waiting per pod and slot of the batch, summed over the pod's engines, and whether a container of the
    pod was waiting after a failure (kube-state-metrics). The slot is the day's coarsest scrape interval, so that GPU and
    engine samples of different spacing meet. A slot without an engine sample has no requests (null).
-#}
with samples as (
    select * from {{ ref('stg_prometheus__samples') }}
    where
        {{ in_batch('partition') }}
        and measure in ('requests_running', 'requests_waiting', 'container_waiting')
        and pod is not null
        and value is not null
        and (
            measure != 'container_waiting'
            or (value > 0 and json_extract_string(labels, '$.reason') in {{ failure_reasons() }})
        )
),

intervals as (
    select partition, max(interval_seconds) as interval_seconds
    from {{ ref('int_scrape_intervals') }}
    group by partition
),

-- two jobs or replicas of Prometheus scrape the same engine: the maximum, then the sum over engines
engines as (
    select
        samples.namespace,
        samples.pod,
        samples.engine,
        samples.served_model_name,
        samples.measure,
        intervals.interval_seconds,
        {{ slot_start(unix_seconds('samples.observed_at'), 'intervals.interval_seconds') }} as slot,
        max(samples.value) as requests
    from samples
    inner join intervals on samples.partition = intervals.partition
    group by
        samples.namespace, samples.pod, samples.engine, samples.served_model_name, samples.measure,
        intervals.interval_seconds, slot
),

final as (
    select
        namespace,
        pod,
        slot,
        interval_seconds,
        cast(sum(case when measure != 'container_waiting' then cast(requests as bigint) end) as bigint) as requests,
        bool_or(measure = 'container_waiting') as is_failing
    from engines
    group by namespace, pod, slot, interval_seconds
)

select * from final
