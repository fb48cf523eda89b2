with seed as (
    select * from {{ ref('rules') }}
),

final as (
    select * from seed
)

select * from final
