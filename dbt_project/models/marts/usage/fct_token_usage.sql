{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        on_schema_change='fail',
        pre_hook="{{ delete_touched('billing_period') }}",
    )
}}

{%- set token_types = token_buckets() %}

with usage as (
    select
        * exclude (may_cross_tier, input_uncached_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_30m_tokens,
            cache_write_1h_tokens, output_tokens, requests, failed_requests, retried_requests),
        bool_or(may_cross_tier) as may_cross_tier,
        {%- for column in token_types.values() %}
        cast(sum({{ column }}) as bigint) as {{ column }},
        {%- endfor %}
        cast(sum(requests) as bigint) as requests,
        cast(sum(failed_requests) as bigint) as failed_requests,
        cast(sum(retried_requests) as bigint) as retried_requests
    from {{ ref('int_token_usages') }}
    where {{ touched('billing_period') }}
    group by all
),

-- few distinct prices stand behind many rows: look each up once
price_keys as (
    select distinct model_id, price_class, context_band, hour_start
    from usage
    where model_id is not null and not is_self_hosted
),

candidates as (
    select
        price_keys.*,
        prices.usage_type,
        prices.usd_per_million_tokens,
        prices.tier_above_input_tokens,
        row_number() over (
            partition by
                price_keys.model_id, price_keys.price_class, price_keys.context_band, price_keys.hour_start, prices.usage_type
            order by
                prices.rank, prices.tod_start_utc is null, prices.tier_above_input_tokens desc, prices.valid_from desc,
                prices.usd_per_million_tokens
        ) as preference
    from price_keys
    inner join {{ ref('int_token_prices') }} as prices
        on price_keys.model_id = prices.model_id
        and price_keys.price_class = prices.price_class
        and price_keys.hour_start >= prices.valid_from
        and price_keys.hour_start < prices.valid_to
        and prices.tier_above_input_tokens <= price_keys.context_band
        and (
            prices.tod_start_utc is null
            or {{ in_daily_window('cast(price_keys.hour_start as time)', 'prices.tod_start_utc', 'prices.tod_end_utc') }}
        )
),

prices as (
    select
        model_id, price_class, context_band, hour_start,
        {%- for token_type in token_types %}
        max(case when usage_type = '{{ token_type }}' then usd_per_million_tokens end) as {{ token_type }}_price,
        {%- endfor %}
        count(*) as price_count
    from candidates
    where preference = 1
    group by model_id, price_class, context_band, hour_start
),

tiered_models as (
    select distinct model_id from {{ ref('int_token_prices') }} where tier_above_input_tokens > 0
),

priced as (
    select
        usage.*,
        case when not usage.is_self_hosted then
            {% for token_type, column in token_types.items() %}
            {{- priced_tokens('usage.' ~ column, 'prices.' ~ token_type ~ '_price') }}{{ ' + ' if not loop.last }}
            {% endfor %}
        end as list_cost,
        usage.may_cross_tier and tiered_models.model_id is not null as is_tier_assumed
    from usage
    left join prices
        on usage.model_id = prices.model_id
        and usage.price_class = prices.price_class
        and usage.context_band = prices.context_band
        and usage.hour_start = prices.hour_start
    left join tiered_models on usage.model_id = tiered_models.model_id
),

final as (
    select
        md5(concat_ws(
            chr(31), source, x_source, service_provider_name, cast(hour_start as varchar), coalesce(account_id, chr(30)),
            coalesce(api_key_id, chr(30)), coalesce(user_id, chr(30)), coalesce(model_raw, chr(30)),
            coalesce(model_id, chr(30)), coalesce(deployment_id, chr(30)), coalesce(team_id, chr(30)), price_class,
            cast(context_band as varchar)
        )) as usage_key,
        charge_date,
        hour_start,
        billing_period,
        source,
        x_source,
        service_provider_name,
        account_id,
        api_key_id,
        user_id,
        model_id,
        model_raw,
        deployment_id,
        team_id,
        price_class as service_tier,
        cast(context_band as bigint) as context_tier,
        input_uncached_tokens,
        cache_read_tokens,
        cache_write_5m_tokens,
        cache_write_30m_tokens,
        cache_write_1h_tokens,
        output_tokens,
        cast(null as bigint) as output_reasoning_tokens,
        input_uncached_tokens + cache_read_tokens + cache_write_5m_tokens + cache_write_30m_tokens
            + cache_write_1h_tokens + output_tokens as total_tokens,
        requests,
        failed_requests,
        retried_requests,
        {{ money('list_cost') }} as list_cost,
        list_cost is null and not is_self_hosted as is_unpriced,
        is_tier_assumed,
        is_primary
    from priced
)

select * from final
