{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        pre_hook="{{ delete_touched('billing_period') }}",
    )
}}

{#- Provider usage reports in the normal form, per bucket: what OpenAI and Anthropic say was used. -#}
with openai as (
    select
        'openai' as source,
        x_source,
        'OpenAI' as service_provider_name,
        'openai' as price_provider,
        bucket_start,
        project_id as account_id,
        api_key_id,
        user_id,
        model as model_raw,
        case
            when is_batch then 'batch'
            when service_tier in ('flex', 'priority') then service_tier
            else 'standard'
        end as price_class,
        input_uncached_tokens,
        cache_read_tokens,
        0 as cache_write_5m_tokens,
        cache_write_tokens as cache_write_30m_tokens,
        0 as cache_write_1h_tokens,
        output_tokens,
        requests,
        -- one request's own context decides its tier; of more requests the report does not tell
        case when requests = 1 then {{ context_band('input_tokens') }} else 0 end as context_band,
        coalesce(requests, 2) > 1 and {{ context_band('input_tokens') }} > 0 as may_cross_tier,
        partition
    from {{ ref('stg_openai__usages') }}
    where {{ touched('partition') }} and kind in ('completions', 'embeddings', 'moderations', 'decisions')
),

anthropic as (
    select
        'anthropic' as source,
        x_source,
        'Anthropic' as service_provider_name,
        'anthropic' as price_provider,
        bucket_start,
        workspace_id as account_id,
        api_key_id,
        cast(null as varchar) as user_id,
        model as model_raw,
        case
            when service_tier in ('batch', 'priority', 'flex') then service_tier
            when service_tier = 'priority_on_demand' then 'priority'
            when service_tier = 'flex_discount' then 'flex'
            when speed = 'fast' then 'fast'
            else 'standard'
        end as price_class,
        input_uncached_tokens,
        cache_read_tokens,
        cache_write_5m_tokens,
        0 as cache_write_30m_tokens,
        cache_write_1h_tokens,
        output_tokens,
        cast(null as bigint) as requests,
        case when context_window = '200k-1M' then 200000 else 0 end as context_band,
        context_window is null
            and {{ context_band('(input_uncached_tokens + cache_read_tokens + cache_write_5m_tokens + cache_write_1h_tokens)') }} > 0
            as may_cross_tier,
        partition
    from {{ ref('stg_anthropic__usages') }}
    where {{ touched('partition') }}
),

reports as (
    select * from openai
    union all
    select * from anthropic
),

final as (
    select
        source,
        x_source,
        service_provider_name,
        price_provider,
        date_trunc('hour', bucket_start) as hour_start,
        cast(bucket_start as date) as charge_date,
        partition as billing_period,
        account_id,
        api_key_id,
        user_id,
        model_raw,
        price_class,
        context_band,
        bool_or(may_cross_tier) as may_cross_tier,
        cast(sum(input_uncached_tokens) as bigint) as input_uncached_tokens,
        cast(sum(cache_read_tokens) as bigint) as cache_read_tokens,
        cast(sum(cache_write_5m_tokens) as bigint) as cache_write_5m_tokens,
        cast(sum(cache_write_30m_tokens) as bigint) as cache_write_30m_tokens,
        cast(sum(cache_write_1h_tokens) as bigint) as cache_write_1h_tokens,
        cast(sum(output_tokens) as bigint) as output_tokens,
        cast(sum(requests) as bigint) as requests,
        cast(null as bigint) as failed_requests,
        cast(null as bigint) as retried_requests,
        true as is_primary
    from reports
    group by all
)

select * from final
