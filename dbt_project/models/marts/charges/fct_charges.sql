{{ config(materialized='view') }}

{#- What was charged: the charges as delivered, and the corrections of closed months in the open month that books them. -#}
{%- set dimensions = [
    'billing_account_id', 'billing_account_name', 'sub_account_id', 'sub_account_name', 'service_provider_name',
    'invoice_issuer_name', 'invoice_id', 'service_category', 'service_name', 'sku_id', 'sku_meter', 'charge_category',
    'charge_class', 'charge_description', 'pricing_category', 'commitment_discount_id', 'commitment_discount_status',
    'commitment_discount_type', 'region_id', 'resource_id', 'resource_type', 'x_instance_type', 'x_model', 'x_token_type',
    'x_project_id', 'x_api_key_id', 'tags', 'billing_currency', 'consumed_unit', 'consumed_quantity', 'billed_cost',
    'effective_cost', 'list_cost', 'contracted_cost', 'x_line_count', 'x_source', 'x_dataset', 'x_evidence'
] %}
select
    charge_key, billing_period, charge_date, {{ dimensions | join(', ') }},
    cast(null as varchar) as x_original_billing_period, cast(null as varchar) as x_original_charge_key
from {{ ref('int_charges') }}
union all
select
    charge_key, billing_period, charge_date, {{ dimensions | join(', ') }}, x_original_billing_period, x_original_charge_key
from {{ ref('int_charge_corrections') }}
union all by name
-- a dispute moves money between teams, so its charge is nothing
select
    charge_key, billing_period, charge_date, billing_currency, service_provider_name, service_name, x_original_billing_period,
    service_provider_name as invoice_issuer_name, service_provider_name as billing_account_id, 'Other' as service_category,
    'Adjustment' as charge_category, 'Correction' as charge_class, allocation_path as charge_description,
    sum(billed_cost) as billed_cost, sum(effective_cost) as effective_cost, cast(0 as bigint) as x_line_count,
    'disputes' as x_source, 'disputes' as x_dataset, 'assumed' as x_evidence
from {{ ref('int_dispute_parts') }}
group by all
