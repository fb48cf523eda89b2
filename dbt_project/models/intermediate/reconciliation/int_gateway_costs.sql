{#-
    The gateway's calls at list price. A write whose lifetime the log does not tell costs what the estimate leaves for it, else the
    provider's own mean price of the day. A failed call has no price class of its own: it has the provider's when there is just one.
-#}
with calls as (
    select * from {{ ref('int_gateway_calls') }}
),

provider_days as (
    select
        billing_period, charge_date, service_provider_name, model_id,
        case when count(distinct price_class) = 1 then min(price_class) end as only_price_class,
        sum(case when token_type like 'cache_write%' then list_cost end) as write_cost,
        sum(case when token_type like 'cache_write%' then tokens end) as write_tokens
    from {{ ref('int_provider_token_costs') }}
    group by all
),

final as (
    select
        calls.* exclude (price_class, shortest_write_cost),
        case when calls.record = 'failure' then coalesce(provider_days.only_price_class, 'standard') else calls.price_class end
            as price_class,
        case
            when calls.cache_write_tokens = 0 then {{ money('0') }}
            when calls.price_verdict = 'listed'
                then calls.estimate - calls.uncached_input_cost - calls.cache_read_cost - calls.output_cost
            when provider_days.write_tokens > 0
                then {{ valued('calls.cache_write_tokens', '(provider_days.write_cost / provider_days.write_tokens)') }}
            else calls.shortest_write_cost
        end as cache_write_cost
    from calls
    left join provider_days
        on calls.billing_period = provider_days.billing_period
        and calls.charge_date = provider_days.charge_date
        and calls.service_provider_name = provider_days.service_provider_name
        and calls.model_id = provider_days.model_id
)

select * from final
