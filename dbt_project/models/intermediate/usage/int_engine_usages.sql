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
        x_source,
        partition,
        namespace,
        pod,
        engine,
        served_model_name,
        measure,
        finished_reason,
        observed_at,
        -- two scrape jobs and replicas of Prometheus report one counter
        max(value) as value
    from {{ ref('stg_prometheus__samples') }}
    where
        measure in ('prompt_tokens_logical', 'prompt_tokens_cached', 'generation_tokens', 'requests_finished')
        and value is not null
        and {{ touched_or_day_before('partition') }}
    group by all
),

steps as (
    select
        *,
        value - lag(value) over series as step,
        lag(value) over series is null as is_first
    from counters
    window series as (
        partition by x_source, namespace, pod, engine, served_model_name, measure, finished_reason
        order by observed_at
    )
),

increases as (
    select
        *,
        cast(case when is_first then 0 when step < 0 then value else step end as bigint) as increase
    from steps
    where {{ touched('partition', 'day') }}
),

final as (
    select
        'vllm' as source,
        x_source,
        'self-hosted' as service_provider_name,
        cast(null as varchar) as price_provider,
        date_trunc('hour', observed_at) as hour_start,
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
    having sum(increase) > 0 or bool_or(is_first)
)

select * from final
