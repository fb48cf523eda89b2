{{ config(materialized='ephemeral') }}

{#-
    The list prices a gateway's call may have been estimated at: one row per day, model and context band with a set per price
    class, the standard one first. A model without a price has no sets.
-#}
with final as (
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
    where {{ touched_by_run('charge_date', 'day') }}
    group by all
)

select * from final
