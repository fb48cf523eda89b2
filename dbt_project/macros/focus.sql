{# Columns of a FOCUS 1.0 to 1.4 delivery that the ledger reads, with their lake types. #}
{% macro focus_lake_columns() -%}
    {{ return({
        'InvoiceId': 'varchar',
        'BillingAccountId': 'varchar',
        'SubAccountId': 'varchar',
        'ResourceId': 'varchar',
        'SkuId': 'varchar',
        'CommitmentDiscountId': 'varchar',
        'BillingAccountName': 'varchar',
        'SubAccountName': 'varchar',
        'ProviderName': 'varchar',
        'ServiceProviderName': 'varchar',
        'PublisherName': 'varchar',
        'InvoiceIssuerName': 'varchar',
        'ServiceCategory': 'varchar',
        'ServiceName': 'varchar',
        'ResourceType': 'varchar',
        'RegionId': 'varchar',
        'ChargeCategory': 'varchar',
        'ChargeClass': 'varchar',
        'ChargeDescription': 'varchar',
        'PricingCategory': 'varchar',
        'CommitmentDiscountStatus': 'varchar',
        'CommitmentDiscountType': 'varchar',
        'SkuMeter': 'varchar',
        'SkuPriceDetails': 'json',
        'BillingCurrency': 'varchar',
        'ConsumedUnit': 'varchar',
        'Tags': 'json',
        'x_Labels': 'json',
        'x_UsageType': 'varchar',
        'x_Project': 'json',
        'x_SkuMeterSubcategory': 'varchar',
        'ConsumedQuantity': 'money',
        'BilledCost': 'money',
        'EffectiveCost': 'money',
        'ListCost': 'money',
        'ContractedCost': 'money',
        'ChargePeriodStart': 'timestamp',
        'ChargePeriodEnd': 'timestamp',
    }) }}
{%- endmacro %}


{# FOCUS columns in snake_case; the provider columns of 1.0 to 1.2 stand in where 1.3's are missing. #}
{% macro focus_renamed(relation, tags) -%}
    select
        -- ids
        x_source,
        partition,
        nullif(InvoiceId, '') as invoice_id,
        BillingAccountId as billing_account_id,
        nullif(SubAccountId, '') as sub_account_id,
        nullif(ResourceId, '') as resource_id,
        nullif(SkuId, '') as sku_id,
        nullif(CommitmentDiscountId, '') as commitment_discount_id,

        -- strings
        nullif(BillingAccountName, '') as billing_account_name,
        nullif(SubAccountName, '') as sub_account_name,
        coalesce(nullif(ServiceProviderName, ''), nullif(ProviderName, ''), nullif(PublisherName, '')) as service_provider_name,
        coalesce(nullif(InvoiceIssuerName, ''), nullif(ServiceProviderName, ''), nullif(ProviderName, '')) as invoice_issuer_name,
        nullif(ServiceCategory, '') as service_category,
        coalesce(nullif(ServiceName, ''), nullif(x_SkuMeterSubcategory, ''), nullif(PublisherName, '')) as service_name,
        nullif(ResourceType, '') as resource_type,
        nullif(RegionId, '') as region_id,
        ChargeCategory as charge_category,
        nullif(ChargeClass, '') as charge_class,
        nullif(ChargeDescription, '') as charge_description,
        nullif(PricingCategory, '') as pricing_category,
        nullif(CommitmentDiscountStatus, '') as commitment_discount_status,
        nullif(CommitmentDiscountType, '') as commitment_discount_type,
        coalesce(nullif(SkuMeter, ''), nullif(x_UsageType, '')) as sku_meter,
        SkuPriceDetails as sku_price_details,
        upper(BillingCurrency) as billing_currency,
        nullif(ConsumedUnit, '') as consumed_unit,
        nullif({{ tags }}, '') as {{ 'labels' if tags == 'x_Labels' else 'tags' }},
        {%- if tags == 'x_Labels' %}
        json_extract_string(x_Project, '$.id') as x_project_id,
        {%- endif %}

        -- numerics
        ConsumedQuantity as consumed_quantity,
        BilledCost as billed_cost,
        EffectiveCost as effective_cost,
        ListCost as list_cost,
        ContractedCost as contracted_cost,

        -- times
        ChargePeriodStart as charge_period_start,
        ChargePeriodEnd as charge_period_end
    from {{ relation }}
{%- endmacro %}
