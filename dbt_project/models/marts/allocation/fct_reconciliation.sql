{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        on_schema_change='fail',
        pre_hook="{{ delete_touched('billing_period') }}",
    )
}}

-- corrections of closed months belong to no invoice of this month
with charges as (
    select * from {{ ref('fct_charges') }}
    where {{ touched('billing_period') }} and x_original_billing_period is null
),

allocations as (
    select charge_key, sum(billed_cost) as billed_cost
    from {{ ref('fct_cost_allocations') }}
    where {{ touched('billing_period') }}
    group by charge_key
),

invoices as (
    select * from {{ ref('int_invoice_gaps') }}
),

computed as (
    select strftime(charge_date, '%Y-%m') as billing_period, service_provider_name, sum(list_cost) as list_cost
    from {{ ref('fct_token_usage') }}
    where is_primary and source in ('openai', 'anthropic') and {{ touched("strftime(charge_date, '%Y-%m')") }}
    group by all
),

delivered as (
    select
        x_source,
        x_dataset,
        partition as billing_period,
        currency.key as billing_currency,
        cast(currency.value['billed_cost'] as {{ money_type() }}) as lake_billed_cost
    from (
        select *, unnest(map_entries(money)) as currency from {{ ref('stg_lake__manifests') }}
    ) as manifests
    where {{ touched('partition') }} and currency.value['billed_cost'] is not null
),

by_invoice as (
    select
        charges.billing_period,
        charges.x_source,
        charges.x_dataset,
        charges.invoice_issuer_name,
        charges.invoice_id,
        charges.billing_currency,
        any_value(charges.service_provider_name) as service_provider_name,
        min(charges.x_evidence) as x_evidence,
        sum(charges.billed_cost) as charges_billed_cost,
        sum(allocations.billed_cost) as allocated_billed_cost
    from charges
    left join allocations on charges.charge_key = allocations.charge_key
    group by all
),

-- a source's delivered total stands on its largest invoice row as far as the other rows do not explain it
tied as (
    select
        coalesce(by_invoice.billing_period, delivered.billing_period) as billing_period,
        coalesce(by_invoice.x_source, delivered.x_source) as x_source,
        by_invoice.invoice_issuer_name,
        by_invoice.invoice_id,
        coalesce(by_invoice.billing_currency, delivered.billing_currency) as billing_currency,
        by_invoice.service_provider_name,
        by_invoice.x_evidence,
        coalesce(by_invoice.charges_billed_cost, 0) as charges_billed_cost,
        coalesce(by_invoice.allocated_billed_cost, 0) as allocated_billed_cost,
        delivered.lake_billed_cost - coalesce(sum(by_invoice.charges_billed_cost) over source_period, 0) as source_gap,
        row_number() over (source_period order by abs(by_invoice.charges_billed_cost) desc, by_invoice.invoice_id)
            as size_rank
    from by_invoice
    full outer join delivered
        on by_invoice.billing_period = delivered.billing_period
        and by_invoice.x_source = delivered.x_source
        and by_invoice.x_dataset = delivered.x_dataset
        and by_invoice.billing_currency = delivered.billing_currency
    window source_period as (
        partition by
            coalesce(by_invoice.billing_period, delivered.billing_period),
            coalesce(by_invoice.x_source, delivered.x_source),
            coalesce(by_invoice.x_dataset, delivered.x_dataset),
            coalesce(by_invoice.billing_currency, delivered.billing_currency)
    )
),

compared as (
    select
        tied.*,
        tied.charges_billed_cost + case when size_rank = 1 then coalesce(source_gap, 0) else 0 end as lake_billed_cost,
        case
            when invoices.invoiced_amount is not null then invoices.right_amount
            when tied.x_evidence = 'invoiced' and tied.invoice_id is not null then tied.charges_billed_cost
        end as invoiced_amount,
        invoices.cause as invoice_cause,
        computed.list_cost as computed_list_cost
    from tied
    left join invoices
        on tied.billing_period = invoices.billing_period
        and tied.invoice_issuer_name = invoices.invoice_issuer_name
        and tied.billing_currency = invoices.billing_currency
        and tied.invoice_id is not distinct from invoices.invoice_id
    left join computed
        on tied.billing_period = computed.billing_period
        and tied.service_provider_name = computed.service_provider_name
),

final as (
    select
        billing_period,
        invoice_issuer_name,
        invoice_id,
        billing_currency,
        x_source,
        {{ money('lake_billed_cost') }} as lake_billed_cost,
        {{ money('charges_billed_cost') }} as charges_billed_cost,
        {{ money('allocated_billed_cost') }} as allocated_billed_cost,
        {{ money('invoiced_amount') }} as invoiced_amount,
        {{ money('computed_list_cost') }} as computed_list_cost,
        {{ money('coalesce(invoiced_amount, lake_billed_cost) - allocated_billed_cost') }} as gap,
        case
            when lake_billed_cost != charges_billed_cost then 'lost between lake and charges'
            when charges_billed_cost != allocated_billed_cost then 'lost in allocation'
            when invoiced_amount is null and x_evidence = 'metered' then 'vendor cost report, no invoice given'
            when invoiced_amount is null then 'invoice not issued yet'
            when invoiced_amount != charges_billed_cost then coalesce(invoice_cause, 'unexplained')
        end as cause,
        lake_billed_cost = charges_billed_cost
            and charges_billed_cost = allocated_billed_cost
            -- an invoice is in cents, the ledger is not
            and (invoiced_amount is null or invoiced_amount = charges_billed_cost or coalesce(invoice_cause = 'rounding', false))
            as is_reconciled
    from compared
)

select * from final
