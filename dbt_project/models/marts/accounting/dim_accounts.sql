with seed as (
    select * from {{ ref('accounts') }}
),

final as (
    select
        posting_id,
        posting,
        priority,
        owner,
        cost_category,
        lifecycle,
        invoice_issuer_name,
        account_code,
        account_name,
        valid_from,
        valid_to,
        note
    from seed
)

select * from final
