{# The dimensions a daily charge keeps besides period, day and tags: the grain of fct_charges. #}
{% macro charge_dimensions() -%}
    {{ return([
        'billing_account_id', 'billing_account_name', 'sub_account_id', 'sub_account_name', 'service_provider_name',
        'invoice_issuer_name', 'invoice_id', 'service_category', 'service_name', 'sku_id', 'sku_meter', 'charge_category',
        'charge_class', 'charge_description', 'pricing_category', 'commitment_discount_id', 'commitment_discount_status',
        'commitment_discount_type', 'region_id', 'resource_id', 'resource_type', 'x_instance_type', 'x_model',
        'x_token_type', 'x_project_id', 'x_api_key_id', 'billing_currency', 'consumed_unit', 'x_source', 'x_dataset',
        'x_evidence'
    ]) }}
{%- endmacro %}
