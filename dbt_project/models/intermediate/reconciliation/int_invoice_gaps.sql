{#-
    Bill lines or vendor cost reports against the invoices known from outside them, per month, issuer, invoice and ledger currency.
    An invoice in another currency is compared in the ledger's, at the rate of the first day of its month; what then differs is
    FX as long as it implies a rate within 10 % of the seed's. So is an amount off by a rate of the seed, or by the ratio of two.
    Cents are rounding: per invoice, line, or SKU and account.
-#}
with charges as (
    select billing_period, invoice_issuer_name, invoice_id, billing_currency, x_project_id, sku_meter, billed_cost
    from {{ ref('int_charges') }}
),

invoices as (
    select billing_period, invoice_issuer_name, invoice_id, currency, sum(invoiced_amount) as invoiced_amount
    from {{ ref('invoices') }}
    group by all
),

per_sku as (
    select
        billing_period, invoice_issuer_name, invoice_id, billing_currency, x_project_id, sku_meter,
        sum(billed_cost) as billed_cost, sum(round(billed_cost, 2)) as rounded_lines, count(*) as line_count
    from charges
    semi join invoices using (billing_period, invoice_issuer_name)
    group by all
),

ledger as (
    select
        billing_period, invoice_issuer_name, invoice_id, billing_currency,
        sum(billed_cost) as billed_cost,
        sum(line_count) as line_count,
        sum(rounded_lines) - sum(billed_cost) as rounding_of_lines,
        sum(round(billed_cost, 2)) - sum(billed_cost) as rounding_of_skus
    from per_sku
    group by all
),

-- the ledger's currency is the invoice's own where it has lines in it
matched as (
    select
        ledger.*,
        invoices.currency as invoice_currency,
        invoices.invoiced_amount
    from invoices
    inner join ledger
        on invoices.billing_period = ledger.billing_period
        and invoices.invoice_issuer_name = ledger.invoice_issuer_name
        and coalesce(invoices.invoice_id, '') = coalesce(ledger.invoice_id, '')
    window invoice as (
        partition by invoices.billing_period, invoices.invoice_issuer_name, invoices.invoice_id, invoices.currency
    )
    qualify invoices.currency = ledger.billing_currency
        or (count(*) over invoice = 1 and not bool_or(invoices.currency = ledger.billing_currency) over invoice)
),

rates as (
    select from_currency, to_currency, valid_from, coalesce(valid_to, date '9999-12-31') as valid_to, cast(rate as double) as rate
    from {{ ref('fx_rates') }}
    union
    select to_currency, from_currency, valid_from, coalesce(valid_to, date '9999-12-31'), 1 / cast(rate as double)
    from {{ ref('fx_rates') }}
),

converted as (
    select
        matched.*,
        case
            when invoice_currency = billing_currency then 1
            else (
                select max(rate) from rates
                where rates.from_currency = matched.invoice_currency
                    and rates.to_currency = matched.billing_currency
                    and rates.valid_from <= cast(matched.billing_period || '-01' as date)
                    and rates.valid_to > cast(matched.billing_period || '-01' as date)
            )
        end as rate
    from matched
),

compared as (
    select
        *,
        case when rate = 1 then invoiced_amount else {{ estimate('cast(invoiced_amount as double) * rate') }} end
            as right_amount,
        cast(invoiced_amount as double) / nullif(cast(billed_cost as double), 0) as ratio
    from converted
),

-- what an amount is off by when it was taken in another currency, or converted at another of its rates
suspects as (
    select distinct from_currency as currency, rate as ratio from rates
    union
    select distinct used.from_currency, used.rate / due.rate
    from rates as used
    inner join rates as due on used.from_currency = due.from_currency and used.to_currency = due.to_currency
    where used.rate != due.rate
),

final as (
    select
        *,
        billed_cost as left_amount,
        right_amount - billed_cost as gap,
        case
            when rate is null then 'unpriced'
            when right_amount = billed_cost then null
            when invoice_currency != billing_currency and abs(right_amount - billed_cost) > 0.005 * greatest(1, rate)
                then case when abs(ratio * rate - 1) <= 0.1 then 'fx' else 'unexplained' end
            when abs(right_amount - billed_cost) <= 0.005 * greatest(1, rate)
                or abs(right_amount - billed_cost - rounding_of_lines) <= 0.005
                or abs(right_amount - billed_cost - rounding_of_skus) <= 0.005
                then 'rounding'
            when exists (
                select 1 from suspects
                where suspects.currency = compared.billing_currency
                    and abs(compared.ratio - suspects.ratio) * abs(cast(compared.billed_cost as double)) <= 0.0051
            ) then 'fx'
            else 'unexplained'
        end as cause
    from compared
)

select * from final
