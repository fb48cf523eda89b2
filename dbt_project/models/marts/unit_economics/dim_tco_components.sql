with seed as (
    select * from {{ ref('tco_components') }}
),

final as (
    select * from seed
)

select * from final
