{{ config(materialized='table') }}

{#-
    Token list prices, one row per model, price class, token type, context tier, daily window and validity. An override wins
    over the catalogue for the time it covers. Names of the ledger's buckets.
-#}
with catalogue as (
    select *, 1 as rank from {{ ref('token_prices') }}
),

overrides as (
    select *, 0 as rank from {{ ref('token_price_overrides') }}
),

prices as (
    select * from catalogue
    union all by name
    select * from overrides
),

final as (
    select
        provider || '/' || model as model_id,
        price_class,
        usage_type,
        tier_above_input_tokens,
        tod_start_utc,
        tod_end_utc,
        cast(price_usd * cast(1000000 / unit_quantity as decimal(9, 0)) as decimal(15, 12)) as usd_per_million_tokens,
        valid_from,
        coalesce(valid_to, timestamp '9999-12-31') as valid_to,
        rank
    from prices
    where usage_type in ('uncached_input', 'cache_read', 'cache_write_5m', 'cache_write_30m', 'cache_write_1h', 'output')
)

select * from final
