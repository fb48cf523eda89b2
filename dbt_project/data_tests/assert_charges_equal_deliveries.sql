-- Billed cost of every delivery (load manifest) equals the charges built from it, per period, source and currency, exactly.
with delivered as (
    select
        partition as billing_period,
        x_source,
        x_dataset,
        currency.key as billing_currency,
        cast(currency.value['billed_cost'] as {{ money_type() }}) as billed_cost
    from (
        select *, unnest(map_entries(money)) as currency from {{ ref('stg_lake__manifests') }}
    ) as manifests
    where currency.value['billed_cost'] is not null
),

charged as (
    select billing_period, x_source, x_dataset, billing_currency, sum(billed_cost) as billed_cost
    from {{ ref('int_charges') }}
    group by all
)

select
    coalesce(delivered.billing_period, charged.billing_period) as billing_period,
    coalesce(delivered.x_source, charged.x_source) as x_source,
    coalesce(delivered.billing_currency, charged.billing_currency) as billing_currency,
    delivered.billed_cost as delivered_billed_cost,
    charged.billed_cost as charged_billed_cost
from delivered
full outer join charged
    on delivered.billing_period = charged.billing_period
    and delivered.x_source = charged.x_source
    and delivered.x_dataset = charged.x_dataset
    and delivered.billing_currency = charged.billing_currency
where coalesce(delivered.billed_cost, 0) != coalesce(charged.billed_cost, 0)
