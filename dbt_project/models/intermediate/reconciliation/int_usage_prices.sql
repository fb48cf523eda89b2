{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        pre_hook="{{ delete_touched('billing_period') }}",
    )
}}

{#-
    List prices of every model that was used on a day, for all its price classes: what a comparison of tokens needs. A model
    without a price has one row without a price class. Prices by time of day are left out: no compared provider has them.
-#}
with usage as (
    select price_provider, model_raw, charge_date, context_band
    from {{ ref('int_api_usages') }}
    where {{ touched("strftime(charge_date, '%Y-%m')") }}
    union
    select price_provider, model_raw, charge_date, context_band
    from {{ ref('int_gateway_usages') }}
    where {{ touched("strftime(charge_date, '%Y-%m')") }}
),

aliases as (
    select provider, lower(alias) as alias, max(model) as model_id
    from {{ ref('model_aliases') }}
    group by provider, lower(alias)
),

used_models as (
    select
        usage.price_provider,
        usage.model_raw,
        coalesce(
            aliases.model_id,
            usage.price_provider || '/' || coalesce({{ bare_model_name('usage.model_raw') }}, 'unknown')
        ) as model_id,
        usage.charge_date,
        cast(usage.context_band as bigint) as context_band
    from usage
    left join aliases
        on usage.price_provider = aliases.provider
        and lower({{ bare_model_name('usage.model_raw') }}) = aliases.alias
),

candidates as (
    select
        used_models.*,
        prices.price_class,
        prices.usage_type,
        prices.usd_per_million_tokens,
        row_number() over (
            partition by
                used_models.price_provider, used_models.model_raw, used_models.charge_date, used_models.context_band,
                prices.price_class, prices.usage_type
            order by
                prices.rank, prices.tier_above_input_tokens desc, prices.valid_from desc, prices.usd_per_million_tokens
        ) as preference
    from used_models
    left join {{ ref('int_token_prices') }} as prices
        on used_models.model_id = prices.model_id
        and used_models.charge_date >= prices.valid_from
        and used_models.charge_date < prices.valid_to
        and prices.tier_above_input_tokens <= used_models.context_band
        and prices.tod_start_utc is null
),

final as (
    select
        strftime(charge_date, '%Y-%m') as billing_period,
        charge_date,
        price_provider,
        model_raw,
        model_id,
        context_band,
        price_class,
        {%- for token_type in token_buckets() %}
        max(case when usage_type = '{{ token_type }}' then usd_per_million_tokens end) as {{ token_type }}_price
        {{- ',' if not loop.last }}
        {%- endfor %}
    from candidates
    where preference = 1
    group by charge_date, price_provider, model_raw, model_id, context_band, price_class
)

select * from final
