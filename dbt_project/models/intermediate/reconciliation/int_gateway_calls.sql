{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        pre_hook="{{ delete_touched('charge_date', 'day') }}",
    )
}}

{#-
    The gateway's calls per hour, key and model, with the verdict on each call from before the sum, and what they cost at the
    price they were estimated at.
-#}
with judged as (
    select * from {{ ref('int_gateway_calls_judged') }}
    where {{ touched('charge_date', 'day') }}
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
