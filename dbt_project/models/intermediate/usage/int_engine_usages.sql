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
    midnight a series continues from the day before. An increase belongs to the hour of the sample that shows it. A sample that
    is there twice is a step of nothing.

    `counters` stands here and in int_engine_series_followed on purpose: one relation read twice would be written out, and hold
    all samples.
-#}
with followed as (
    select * from {{ ref('int_engine_series_followed') }}
    where {{ touched_or_day_before('partition') }}
),

counters as (
    select *, {{ series_key(engine_counter_labels()) }} as series_id
    from {{ ref('stg_prometheus__series') }}
    where measure in {{ engine_counters() }} and {{ touched_or_day_before('partition') }}
),

-- only what is followed on some day, and no texts
followed_counters as (
    select series_id, partition, factor, has_blanks, raw_values, observed_times
    from counters
    where series_id in (select series_id from followed)
),

steps as (
    select
        series_id,
        partition,
        observed_at,
        value,
        lag(value) over (partition by series_id order by observed_at, value) as previous_value
    from {{ samples_of('followed_counters') }}
    where value is not null
),

hourly as (
    select
        series_id,
        partition,
        date_trunc('hour', observed_at) as hour_start,
        bool_or(previous_value is null) as has_first,
        cast(sum(cast(
            case
                when previous_value is null then 0
                when value < previous_value then value
                else value - previous_value
            end as bigint
        )) as bigint) as increase
    from steps
    where {{ touched('partition', 'day') }}
    group by series_id, partition, date_trunc('hour', observed_at)
),

pods as (
    select
        followed.x_source,
        followed.partition,
        hourly.hour_start,
        followed.namespace,
        followed.pod,
        followed.served_model_name,
        coalesce(sum(case when measure = 'prompt_tokens_logical' then increase end), 0) as prompt_tokens,
        coalesce(
            sum(case when measure = 'prompt_tokens_cached' then increase end),
            sum(case when measure = 'prompt_tokens_by_source' and token_source != 'local_compute' then increase end),
            0
        ) as cached_tokens,
        coalesce(sum(case when measure = 'generation_tokens' then increase end), 0) as output_tokens,
        coalesce(sum(case when measure = 'requests_finished' then increase end), 0) as requests,
        coalesce(sum(
            case when measure = 'requests_finished' and finished_reason in ('abort', 'error') then increase end
        ), 0) as failed_requests
    from hourly
    inner join followed on hourly.series_id = followed.series_id and hourly.partition = followed.partition
    group by all
    having sum(increase) > 0 or bool_or(has_first)
),

final as (
    select
        'vllm' as source,
        x_source,
        'self-hosted' as service_provider_name,
        'self_hosted' as price_provider,
        hour_start,
        cast(partition as date) as charge_date,
        substr(partition, 1, 7) as billing_period,
        namespace as account_id,
        pod,
        served_model_name as model_raw,
        -- the logical prompt includes what the cache served
        cast(greatest(prompt_tokens - cached_tokens, 0) as bigint) as input_uncached_tokens,
        cast(least(cached_tokens, prompt_tokens) as bigint) as cache_read_tokens,
        cast(output_tokens as bigint) as output_tokens,
        cast(requests as bigint) as requests,
        cast(failed_requests as bigint) as failed_requests,
        true as is_primary
    from pods
)

select * from final
