{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        on_schema_change='fail',
        pre_hook="{{ delete_touched('billing_period') }}",
    )
}}

{#- Each charge stands in exactly one step with effective - billed, so the steps add up by construction. -#}
with steps as (
    select * from (values
        (1, 'billed cost'),
        (2, 'commitment purchases'),
        (3, 'use of commitments'),
        (4, 'unused commitments'),
        (5, 'credits'),
        (6, 'tax'),
        (7, 'fx'),
        (8, 'corrections and adjustments'),
        (9, 'other'),
        (10, 'effective cost')
    ) as listed (step_no, step)
),

charges as (
    select
        billing_period,
        billing_currency,
        billed_cost,
        effective_cost,
        case
            when charge_category = 'Purchase' then 2
            when commitment_discount_status = 'Used' then 3
            when commitment_discount_status = 'Unused' then 4
            when charge_category = 'Credit' then 5
            when charge_category = 'Tax' then 6
            when charge_category = 'Adjustment'
                and regexp_matches(coalesce(charge_description, ''), '\b(fx|exchange rate|currency)\b', 'i') then 7
            when charge_category = 'Adjustment' or charge_class = 'Correction' then 8
            else 9
        end as step_no
    from {{ ref('fct_charges') }}
    where {{ touched('billing_period') }}
),

totals as (
    select
        billing_period, billing_currency, unnest([1, 10]) as step_no, unnest([sum(billed_cost), sum(effective_cost)]) as amount
    from charges
    group by billing_period, billing_currency
),

differences as (
    select billing_period, billing_currency, step_no, sum(effective_cost - billed_cost) as amount
    from charges
    group by billing_period, billing_currency, step_no
),

amounts as (
    select * from totals
    union all
    select * from differences
),

periods as (
    select distinct billing_period, billing_currency from charges
),

final as (
    select
        periods.billing_period,
        periods.billing_currency,
        cast(steps.step_no as integer) as step_no,
        steps.step,
        {{ money('coalesce(amounts.amount, 0)') }} as amount
    from periods
    cross join steps
    left join amounts
        on periods.billing_period = amounts.billing_period
        and periods.billing_currency = amounts.billing_currency
        and steps.step_no = amounts.step_no
)

select * from final
