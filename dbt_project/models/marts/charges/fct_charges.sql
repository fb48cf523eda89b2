{{ config(materialized='view') }}

{#- What was charged: the charges as delivered, and the corrections of closed months in the open month that books them. -#}
select
    charge_key, billing_period, charge_date, billing_account_id, billing_account_name, sub_account_id, sub_account_name,
    service_provider_name, invoice_issuer_name, invoice_id, service_category, service_name, sku_id, sku_meter, charge_category,
    charge_class, charge_description, pricing_category, commitment_discount_id, commitment_discount_status,
    commitment_discount_type, region_id, resource_id, resource_type, x_instance_type, x_model, x_token_type, x_project_id,
    x_api_key_id, tags, billing_currency, consumed_unit, consumed_quantity, billed_cost, effective_cost, list_cost,
    contracted_cost, x_line_count, x_source, x_dataset, x_evidence, cast(null as varchar) as x_original_billing_period
from {{ ref('int_charges') }}
