{#-
    Detailed billing export in FOCUS terms. Usage and commitment credits lower their row; promotions and the like are
    Credit rows of their own (billing.md 3.1), so both views sum to cost + credits.
-#}
with usage_rows as (
    select
        * exclude (credits, usage_credit),
        {{ money('cost + usage_credit') }} as billed_cost,
        coalesce(cost_at_list, cost) as list_cost,
        cost as contracted_cost,
        sku_description as charge_description
    from {{ ref('int_gcp_priced_line_items') }}
),

credit_rows as (
    select
        exploded.* exclude (credit, consumed_quantity, charge_category, credits, usage_credit),
        cast(null as {{ money_type() }}) as consumed_quantity,
        'Credit' as charge_category,
        credit.amount as billed_cost,
        credit.amount as list_cost,
        credit.amount as contracted_cost,
        coalesce(credit.full_name, credit.name, credit.type) as charge_description
    from (select *, unnest(credits) as credit from {{ ref('int_gcp_priced_line_items') }}) as exploded
    -- an unnamed type is a credit like any other: never dropped
    where coalesce(credit.type, '') not in {{ gcp_usage_credit_types() }}
),

lines as (
    select * from usage_rows
    union all by name
    select * from credit_rows
),

final as (
    select
        x_source,
        'gcp_billing_detailed' as x_dataset,
        partition as billing_period,
        charge_period_start,
        charge_period_end,
        billing_account_id,
        project_id as sub_account_id,
        project_name as sub_account_name,
        'Google Cloud' as service_provider_name,
        'Google Cloud' as invoice_issuer_name,
        {{ gcp_service_category('service_name') }} as service_category,
        service_name,
        sku_id,
        sku_description as sku_meter,
        charge_category,
        charge_class,
        case when charge_category = 'Usage' then null else charge_description end as charge_description,
        case when charge_category = 'Usage' then 'Standard' end as pricing_category,
        region_id,
        resource_id,
        json_extract_string(
            list_filter(
                from_json(system_labels, '["json"]'),
                lambda l: json_extract_string(l, '$.key') = 'compute.googleapis.com/machine_spec'
            )[1], '$.value'
        ) as x_instance_type,
        project_id as x_project_id,
        labels as raw_labels,
        billing_currency,
        consumed_unit,
        consumed_quantity,
        billed_cost,
        billed_cost as effective_cost,
        list_cost,
        contracted_cost,
        'invoiced' as x_evidence
    from lines
)

select * from final
