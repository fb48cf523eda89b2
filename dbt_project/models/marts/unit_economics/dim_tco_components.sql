with seed as (
    select * from {{ ref('tco_components') }}
),

final as (
    select
        tco_component,
        component_group,
        label,
        evidence_default
    from seed
)

select * from final
