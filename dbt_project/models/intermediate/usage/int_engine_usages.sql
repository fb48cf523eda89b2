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

    `counters` is read twice on purpose: written out, it would hold all samples.
-#}
with counters as not materialized (
    select
        *,
        {{ series_key(engine_labels() + ['measure', 'finished_reason', 'token_source']) }} as series_id
    from {{ ref('stg_prometheus__series') }}
    where
        measure in (
            'prompt_tokens_logical', 'prompt_tokens_cached', 'prompt_tokens_by_source', 'generation_tokens', 'requests_finished'
        )
        and {{ touched_or_day_before('partition') }}
),

series as (
    select
        series_id,
        partition,
        {%- for label in engine_labels() + ['measure', 'finished_reason', 'token_source'] %}
        any_value({{ label }}) as {{ label }},
        {%- endfor %}
        sum(list_count({{ sample_values() }})) as samples
    from counters
    group by series_id, partition
    having samples > 0
),

-- jobs and replicas of Prometheus read one engine at different moments: the fullest scraper of the day is followed. An
-- engine without a pod is known by its address
scrapers as (
    select partition, {{ engine_labels() | join(', ') }}
    from series
    group by partition, {{ engine_labels() | join(', ') }}
    qualify row_number() over (
        partition by partition, namespace, coalesce(pod, instance), engine, served_model_name
        order by sum(samples) desc, x_source, job, instance
    ) = 1
),

followed as (
    select series.*
    from series
    inner join scrapers
        on series.partition = scrapers.partition
        {%- for label in engine_labels() %}
        and series.{{ label }} is not distinct from scrapers.{{ label }}
        {%- endfor %}
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
