{#- Lines of the detailed export with FOCUS charge category and the credits that belong to the price. Read twice, so a view. -#}
with line_items as (
    select * from {{ ref('stg_gcp__billing_line_items') }}
),

priced as (
    select
        *,
        coalesce(list_sum(list_transform(
            list_filter(credits, lambda c: c.type in {{ gcp_usage_credit_types() }}), lambda c: c.amount
        )), 0) as usage_credit,
        case
            when cost_type = 'tax' then 'Tax'
            when cost_type = 'regular' then 'Usage'
            else 'Adjustment'
        end as charge_category,
        case
            when adjustment_id is not null and strftime(charge_period_start, '%Y-%m') < partition then 'Correction'
        end as charge_class
    from line_items
)

select * from priced
