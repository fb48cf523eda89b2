with token_prices as (
    select
        'tokens' as price_kind,
        model_id as item_id,
        price_class as channel,
        usage_type,
        tier_above_input_tokens,
        cast(tod_start_utc as varchar) as tod_start_utc,
        usd_per_million_tokens as price_usd,
        '1000000 Tokens' as price_unit,
        valid_from,
        nullif(valid_to, timestamp '9999-12-31') as valid_to,
        case when rank = 0 then 'override' else 'catalogue' end as price_source
    from {{ ref('int_token_prices') }}
),

gpu_offers as (
    select
        'gpu' as price_kind,
        provider || '/' || sku || '/' || coalesce(region, '') as item_id,
        channel,
        gpu_model as usage_type,
        cast(0 as bigint) as tier_above_input_tokens,
        cast(null as varchar) as tod_start_utc,
        usd_per_gpu_hour as price_usd,
        'GPU-Hours' as price_unit,
        cast(valid_from as timestamp) as valid_from,
        cast(valid_to as timestamp) as valid_to,
        source as price_source
    from {{ ref('gpu_offers') }}
),

final as (
    select * from token_prices
    union all by name
    select * from gpu_offers
)

select
    price_kind,
    item_id,
    channel,
    usage_type,
    tier_above_input_tokens,
    tod_start_utc,
    cast(price_usd as decimal(28, 12)) as price_usd,
    price_unit,
    valid_from,
    valid_to,
    price_source
from final
