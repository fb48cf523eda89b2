with seed as (
    select * from {{ ref('workloads') }}
),

final as (
    select
        deployment_id,
        team_id,
        product,
        model,
        role,
        lifecycle,
        valid_from,
        valid_to
    from seed
)

select * from final
