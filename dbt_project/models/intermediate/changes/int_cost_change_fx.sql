{#- Units of a currency per US dollar on the first of a month and of the month before, where the seed knows both. -#}
with months as (
    select distinct billing_period, previous_period, billing_currency from {{ ref('int_cost_change_sides') }}
    where billing_currency != 'USD'
),

rates as (
    select from_currency as currency, valid_from, valid_to, 1 / cast(rate as double) as per_dollar
    from {{ ref('fx_rates') }} where to_currency = 'USD'
    union all
    select to_currency as currency, valid_from, valid_to, cast(rate as double) as per_dollar
    from {{ ref('fx_rates') }} where from_currency = 'USD'
)

select months.*, max(now.per_dollar) as per_dollar_now, max(before.per_dollar) as per_dollar_before
from months
inner join rates as now
    on months.billing_currency = now.currency
    and cast(months.billing_period || '-01' as date) >= now.valid_from
    and cast(months.billing_period || '-01' as date) < coalesce(now.valid_to, date '9999-12-31')
inner join rates as before
    on months.billing_currency = before.currency
    and cast(months.previous_period || '-01' as date) >= before.valid_from
    and cast(months.previous_period || '-01' as date) < coalesce(before.valid_to, date '9999-12-31')
group by all
