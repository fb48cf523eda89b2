with seed as (
    select * from {{ ref('models') }}
),

final as (
    select
        model_id,
        provider,
        model,
        family,
        developer,
        tier,
        size_band,
        is_self_hosted,
        api_model_id
    from seed
)

select * from final
