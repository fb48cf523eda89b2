with seed as (
    select * from {{ ref('teams') }}
),

final as (
    select * from seed
)

select * from final
