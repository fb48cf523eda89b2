with seed as (
    select * from {{ ref('tariffs') }}
),

final as (
    select
        tariff_id,
        service,
        item,
        unit,
        unit_price,
        currency,
        valid_from,
        valid_to,
        note
    from seed
)

select * from final
