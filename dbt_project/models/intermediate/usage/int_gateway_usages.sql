{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        pre_hook="{{ delete_touched('charge_date', 'day') }}",
    )
}}

{#-
    The gateway's requests per hour and key in the normal form. The context tier is taken per request, before the sum.
    Providers report the same traffic, so these rows are not primary by themselves; what the gateway's cache answered has no tokens to bill.
-#}
with requests as (
    select * from {{ ref('stg_litellm__requests') }}
    where {{ touched('partition', 'day') }}
),

final as (
    select
        'litellm' as source,
        x_source,
        case provider
            when 'openai' then 'OpenAI'
            when 'anthropic' then 'Anthropic'
            else provider
        end as service_provider_name,
        {{ catalogue_provider('provider') }} as price_provider,
        date_trunc('hour', started_at) as hour_start,
        cast(partition as date) as charge_date,
        substr(partition, 1, 7) as billing_period,
        gateway_team_id as account_id,
        api_key_id,
        cast(null as varchar) as user_id,
        model as model_raw,
        'standard' as price_class,
        {{ context_band('total_input_tokens') }} as context_band,
        false as may_cross_tier,
        cast(sum(case when is_cache_hit then 0 else input_uncached_tokens end) as bigint) as input_uncached_tokens,
        cast(sum(case when is_cache_hit then 0 else cache_read_tokens end) as bigint) as cache_read_tokens,
        cast(sum(case when is_cache_hit then 0 else cache_write_tokens end) as bigint) as cache_write_5m_tokens,
        cast(0 as bigint) as cache_write_30m_tokens,
        cast(0 as bigint) as cache_write_1h_tokens,
        cast(sum(case when is_cache_hit then 0 else output_tokens end) as bigint) as output_tokens,
        count(*) as requests,
        count(*) filter (where status = 'failure') as failed_requests,
        count(*) filter (where retries > 0) as retried_requests,
        false as is_primary
    from requests
    group by all
)

select * from final
