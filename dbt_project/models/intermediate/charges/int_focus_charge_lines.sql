{#- FOCUS deliveries of every origin as ledger lines. Columns keep the provider's values; only what FOCUS leaves open is filled. -#}
with aws_focus as (
    select *, 'aws_focus' as x_dataset, tags as raw_tags from {{ ref('stg_aws__focus_line_items') }}
),

gcp_focus as (
    select *, 'gcp_focus' as x_dataset, labels as raw_labels from {{ ref('stg_gcp__focus_line_items') }}
),

focus as (
    select *, 'focus' as x_dataset, tags as raw_tags from {{ ref('stg_focus__line_items') }}
),

lines as (
    select * from aws_focus
    union all by name
    select * from gcp_focus
    union all by name
    select * from focus
),

final as (
    select
        x_source,
        x_dataset,
        partition as billing_period,
        charge_period_start,
        charge_period_end,
        billing_account_id,
        billing_account_name,
        sub_account_id,
        sub_account_name,
        coalesce(service_provider_name, case when x_dataset = 'gcp_focus' then 'Google Cloud' end) as service_provider_name,
        coalesce(invoice_issuer_name, case when x_dataset = 'gcp_focus' then 'Google Cloud' end) as invoice_issuer_name,
        invoice_id,
        coalesce(
            service_category, case when x_dataset = 'gcp_focus' then {{ gcp_service_category('service_name') }} end
        ) as service_category,
        service_name,
        sku_id,
        sku_meter,
        charge_category,
        charge_class,
        case when charge_category = 'Usage' then null else charge_description end as charge_description,
        pricing_category,
        commitment_discount_id,
        commitment_discount_status,
        commitment_discount_type,
        region_id,
        resource_id,
        resource_type,
        coalesce(
            json_extract_string(sku_price_details, '$.InstanceType'),
            nullif(regexp_extract(sku_meter, ':([a-z0-9-]+\.[a-z0-9]+)$', 1), '')
        ) as x_instance_type,
        x_project_id,
        raw_tags,
        raw_labels,
        billing_currency,
        consumed_unit,
        consumed_quantity,
        billed_cost,
        coalesce(effective_cost, billed_cost) as effective_cost,
        list_cost,
        contracted_cost,
        'invoiced' as x_evidence
    from lines
)

select * from final
