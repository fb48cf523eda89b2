{#-
    What each provider says was used, one row per token type, at list price. A price class or model without a price has no
    list cost; tokens that are there and cost nothing have a price row of 0.
-#}
with usage as (
    select * from {{ ref('int_api_usages') }}
),

prices as (
    select * from {{ ref('int_usage_prices') }}
),

models as (
    select distinct billing_period, price_provider, model_raw, model_id from prices
),

named as (
    select usage.*, coalesce(models.model_id, usage.price_provider || '/unknown') as model_id
    from usage
    left join models
        on usage.billing_period = models.billing_period
        and usage.price_provider = models.price_provider
        and usage.model_raw is not distinct from models.model_raw
),

priced as (
    select
        named.*,
        {%- for token_type in token_buckets() %}
        prices.{{ token_type }}_price{{ ',' if not loop.last }}
        {%- endfor %}
    from named
    left join prices
        on named.billing_period = prices.billing_period
        and named.charge_date = prices.charge_date
        and named.price_provider = prices.price_provider
        and named.model_raw = prices.model_raw
        and named.context_band = prices.context_band
        and named.price_class = prices.price_class
),

final as (
    {%- for token_type, column in token_buckets().items() %}
    select
        billing_period, charge_date, service_provider_name, account_id, api_key_id, model_id, price_class,
        '{{ token_type }}' as token_type,
        sum({{ column }}) as tokens,
        -- one row without a price leaves the sum unknown
        case when count(*) = count({{ token_type }}_price)
            then sum({{ priced_tokens(column, token_type ~ '_price') }}) end as list_cost
    from priced
    where {{ column }} > 0
    group by all
    {{ 'union all' if not loop.last }}
    {%- endfor %}
)

select * from final
