{#- Cost reports of LLM providers as ledger lines: what the vendor says it will invoice, so the evidence is `metered`. -#}
with openai as (
    select *, 'openai_costs' as x_dataset from {{ ref('stg_openai__costs') }}
),

anthropic as (
    select *, 'anthropic_costs' as x_dataset from {{ ref('stg_anthropic__costs') }}
),

lines as (
    select * from openai
    union all by name
    select * from anthropic
),

final as (
    select
        x_source,
        x_dataset,
        billing_period,
        charge_period_start,
        charge_period_end,
        billing_account_id,
        service_provider_name,
        service_provider_name as invoice_issuer_name,
        'AI and Machine Learning' as service_category,
        service_provider_name || ' API' as service_name,
        sku_meter,
        charge_category,
        case when charge_category = 'Usage' then null else charge_description end as charge_description,
        case when charge_category = 'Usage' then 'Standard' end as pricing_category,
        x_model,
        x_token_type,
        x_project_id,
        x_api_key_id,
        billing_currency,
        consumed_unit,
        consumed_quantity,
        billed_cost,
        billed_cost as effective_cost,
        'metered' as x_evidence
    from lines
)

select * from final
