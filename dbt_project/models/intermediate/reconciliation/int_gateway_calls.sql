{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        pre_hook="{{ delete_touched('charge_date', 'day') }}",
    )
}}

{#-
    The gateway's calls per hour, key and model with a verdict on each call before the sum: is it recorded twice, did it fail, and
    at which list price was it estimated. A call stands twice when key, user, model, start, tokens and estimate are the same and
    either the id is too or the start is finer than a second. Writes to a prompt cache are logged without their lifetime, so an
    estimate may lie anywhere between the prices of the shortest and the longest.
-#}
with calls as (
    select
        x_source,
        cast(partition as date) as charge_date,
        date_trunc('hour', started_at) as hour_start,
        {{ provider_of_gateway('provider') }} as service_provider_name,
        {{ catalogue_provider('provider') }} as price_provider,
        model as model_raw,
        api_key_id,
        cast({{ context_band('total_input_tokens') }} as bigint) as context_band,
        status = 'failure' and estimated_cost = 0 as is_failed,
        input_uncached_tokens,
        cache_read_tokens,
        cache_write_tokens,
        output_tokens,
        estimated_cost,
        min(request_id) as first_id,
        max(request_id) as last_id,
        user_id,
        started_at,
        count(*) as found
    from {{ ref('stg_litellm__requests') }}
    where {{ touched('partition', 'day') }}
        and not is_cache_hit
        and (estimated_cost != 0 or total_input_tokens + output_tokens > 0)
    group by all
),

records as (
    select
        * exclude (found, user_id, started_at),
        cast(estimated_cost as double) as spend,
        -- a millionth of a dollar and of the amount, in millionths of a dollar
        1 + abs(cast(estimated_cost as double)) as slack,
        found - case when first_id = last_id or started_at != date_trunc('second', started_at) then 1 else found end as copies,
        found - copies as originals
    from calls
),

price_sets as (
    select
        charge_date, price_provider, model_raw, context_band,
        any_value(model_id) as model_id,
        list({
            'price_class': price_class,
            'uncached_input': uncached_input_price, 'cache_read': cache_read_price, 'cache_write_5m': cache_write_5m_price,
            'output': output_price,
            'usd': {
                'uncached_input': cast(uncached_input_price as double), 'cache_read': cast(cache_read_price as double),
                'cache_write_5m': cast(cache_write_5m_price as double), 'output': cast(output_price as double),
                'write_range': cast(
                    greatest(cache_write_5m_price, cache_write_30m_price, cache_write_1h_price) - cache_write_5m_price as double
                )
            }
        } order by price_class != 'standard', price_class) filter (where price_class is not null) as sets
    from {{ ref('int_usage_prices') }}
    where {{ touched('charge_date', 'day') }}
    group by all
),

priced as (
    select
        records.*,
        price_sets.model_id,
        price_sets.sets,
        price_sets.sets[1] as standard,
        coalesce({{ is_estimated_at('price_sets.sets[1]', 'cache_read') }}, false) as is_at_standard
    from records
    left join price_sets
        on records.charge_date = price_sets.charge_date
        and records.price_provider = price_sets.price_provider
        and records.model_raw = price_sets.model_raw
        and records.context_band = price_sets.context_band
),

-- nearly every call agrees with the first set: the others are tried only where it does not
judged as (
    select
        * exclude (sets),
        case
            when is_at_standard then standard
            else list_filter(sets, lambda s: {{ is_estimated_at('s', 'cache_read') }})[1]
        end as agreeing,
        case
            when is_at_standard then false
            else coalesce({{ is_estimated_at('standard', 'uncached_input') }}, false)
        end as has_reads_as_input
    from priced
),

-- each record counts as itself, and each copy of it as a copy
counted as (
    select judged.*, kinds.record, case kinds.record when 'copy' then copies else originals end as calls
    from judged
    cross join (values ('original'), ('copy'), ('failure')) as kinds (record)
    where
        case kinds.record
            when 'original' then not is_failed
            when 'copy' then not is_failed and copies > 0
            else is_failed
        end
),

listed as (
    select
        * exclude (agreeing, standard, has_reads_as_input),
        case
            when standard is null then 'unpriced'
            when agreeing is not null then 'listed'
            when spend = 0 then 'missing'
            when has_reads_as_input then 'reads_as_input'
            else 'other'
        end as price_verdict,
        coalesce(agreeing, standard) as price_set
    from counted
),

costed as (
    select
        *,
        {{ priced_tokens('(input_uncached_tokens * calls)', 'price_set.uncached_input') }} as uncached_input_cost,
        {{ priced_tokens('(cache_read_tokens * calls)', 'price_set.cache_read') }} as cache_read_cost,
        {{ priced_tokens('(cache_write_tokens * calls)', 'price_set.cache_write_5m') }} as shortest_write_cost,
        {{ priced_tokens('(output_tokens * calls)', 'price_set.output') }} as output_cost,
        {{ money('estimated_cost * calls') }} as estimate
    from listed
),

final as (
    select
        strftime(charge_date, '%Y-%m') as billing_period,
        charge_date,
        hour_start,
        x_source,
        service_provider_name,
        coalesce(model_id, price_provider || '/' || coalesce({{ bare_model_name('model_raw') }}, 'unknown')) as model_id,
        api_key_id,
        record,
        price_verdict,
        coalesce(price_set.price_class, 'standard') as price_class,
        bool_or(context_band > 0) as has_long_context,
        sum(calls) as calls,
        sum(input_uncached_tokens * calls) as uncached_input_tokens,
        sum(cache_read_tokens * calls) as cache_read_tokens,
        sum(cache_write_tokens * calls) as cache_write_tokens,
        sum(output_tokens * calls) as output_tokens,
        sum(estimate) as estimate,
        sum(uncached_input_cost) as uncached_input_cost,
        sum(cache_read_cost) as cache_read_cost,
        sum(shortest_write_cost) as shortest_write_cost,
        sum(output_cost) as output_cost,
        -- sums of a fit: estimate = a x list cost of the input + b x list cost of the output
        {%- set x = 'cast(uncached_input_cost + cache_read_cost + shortest_write_cost as double)' %}
        {%- set y = 'cast(output_cost as double)' %}
        sum({{ x }} * {{ x }}) as fit_xx,
        sum({{ x }} * {{ y }}) as fit_xy,
        sum({{ y }} * {{ y }}) as fit_yy,
        sum({{ x }} * spend * calls) as fit_xs,
        sum({{ y }} * spend * calls) as fit_ys,
        sum(spend * spend * calls * calls) as fit_ss,
        min(case when record = 'copy' then first_id || ' = ' || last_id else first_id end, 3) as sample_requests
    from costed
    group by all
)

select * from final
