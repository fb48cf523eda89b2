{#-
    What the covered usage and the negation of a Savings Plan leave over. AWS promises 0 per plan and period; anything else
    is money on the invoice and becomes an Adjustment row instead of vanishing with the negation.
-#}
with line_items as (
    select * from {{ ref('stg_aws__cur_line_items') }}
    where line_item_type in ('SavingsPlanCoveredUsage', 'SavingsPlanNegation')
),

residuals as (
    select
        x_source,
        partition as billing_period,
        billing_account_id,
        billing_account_name,
        nullif(invoice_id, '') as invoice_id,
        coalesce(nullif(legal_entity, ''), nullif(invoicing_entity, ''), 'AWS') as invoice_issuer_name,
        savings_plan_arn,
        billing_currency,
        sum(unblended_cost) as residual_cost
    from line_items
    group by all
    having sum(unblended_cost) != 0
),

final as (
    select
        x_source,
        'aws_cur_2_0' as x_dataset,
        billing_period,
        strptime(billing_period || '-01', '%Y-%m-%d') as charge_period_start,
        strptime(billing_period || '-01', '%Y-%m-%d') + interval 1 month as charge_period_end,
        billing_account_id,
        billing_account_name,
        'AWS' as service_provider_name,
        invoice_issuer_name,
        invoice_id,
        'Compute' as service_category,
        'ComputeSavingsPlans' as service_name,
        'Adjustment' as charge_category,
        'Savings Plan covered usage and negation do not cancel' as charge_description,
        savings_plan_arn as commitment_discount_id,
        billing_currency,
        residual_cost as billed_cost,
        residual_cost as effective_cost,
        residual_cost as list_cost,
        residual_cost as contracted_cost,
        'invoiced' as x_evidence
    from residuals
)

select * from final
