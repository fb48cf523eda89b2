{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        pre_hook="{{ delete_touched('charge_date', 'day') }}",
    )
}}

{#-
    Tokens and requests a serving engine counted, per hour and pod. Counters are cumulative: the increase is the sum of positive
    steps, and on a restart the new value counts (a lower bound). The first sample ever seen of a series counts nothing; over
    midnight a series continues from the day before. An increase belongs to the hour of the sample that shows it.
-#}
with counters as (
    select
        *,
        {{ series_key(['x_source', 'namespace', 'pod', 'engine', 'served_model_name', 'measure', 'finished_reason']) }}
            as series_id
    from {{ ref('stg_prometheus__samples') }}
    where
        measure in ('prompt_tokens_logical', 'prompt_tokens_cached', 'generation_tokens', 'requests_finished')
        and value is not null
        and {{ touched_or_day_before('partition') }}
),

-- texts once per series; the samples are handled by number
series as (
    select
        series_id,
        any_value(x_source) as x_source,
        any_value(namespace) as namespace,
        any_value(pod) as pod,
        any_value(served_model_name) as served_model_name,
        any_value(measure) as measure,
        any_value(finished_reason) as finished_reason
    from counters
    group by series_id
),

-- two scrape jobs and replicas of Prometheus report one counter
samples as (
    select series_id, partition, observed_at, max(value) as value
    from counters
    group by series_id, partition, observed_at
),

steps as (
    select
        series_id,
        partition,
        observed_at,
        value,
        lag(value) over (partition by series_id order by observed_at) as previous_value
    from samples
),

hourly as (
    select
        series_id,
        partition,
        date_trunc('hour', observed_at) as hour_start,
        bool_or(previous_value is null) as has_first,
        sum(cast(
            case
                when previous_value is null then 0
                when value < previous_value then value
                else value - previous_value
            end as bigint
        )) as increase
    from steps
    where {{ touched('partition', 'day') }}
    group by series_id, partition, date_trunc('hour', observed_at)
),

increases as (
    select hourly.*, series.* exclude (series_id)
    from hourly
    inner join series on hourly.series_id = series.series_id
),

final as (
    select
        'vllm' as source,
        x_source,
        'self-hosted' as service_provider_name,
        cast(null as varchar) as price_provider,
        hour_start,
        cast(partition as date) as charge_date,
        substr(partition, 1, 7) as billing_period,
        namespace as account_id,
        pod,
        served_model_name as model_raw,
        cast(sum(case measure when 'prompt_tokens_logical' then increase when 'prompt_tokens_cached' then -increase else 0 end) as bigint)
            as input_uncached_tokens,
        cast(sum(case when measure = 'prompt_tokens_cached' then increase else 0 end) as bigint) as cache_read_tokens,
        cast(sum(case when measure = 'generation_tokens' then increase else 0 end) as bigint) as output_tokens,
        cast(sum(case when measure = 'requests_finished' then increase else 0 end) as bigint) as requests,
        cast(sum(case when measure = 'requests_finished' and finished_reason in ('abort', 'error') then increase else 0 end) as bigint)
            as failed_requests,
        true as is_primary
    from increases
    group by all
    having sum(increase) > 0 or bool_or(has_first)
)

select * from final
