with seed as (
    select * from {{ ref('teams') }}
),

final as (
    select
        team_id,
        team_name,
        cost_center,
        department
    from seed
)

select * from final
