with seed as (
    select * from {{ ref('rules') }}
),

final as (
    select
        rule_id,
        priority,
        valid_from,
        valid_to,
        match_field,
        match_key,
        match_type,
        match_value,
        match_case,
        target_type,
        target,
        share,
        product,
        note
    from seed
)

select * from final
