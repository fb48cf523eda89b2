{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        on_schema_change='fail',
        pre_hook="{{ delete_touched('billing_period') }}",
    )
}}

{#- The ledger by month: days summed, and what is charged told apart by an identity that outlives retagging. -#}
with ledger as (
    select * from {{ ref('fct_cost_allocations') }}
    where {{ touched('billing_period') }}
),

charges as (
    select * from {{ ref('fct_charges') }}
    where {{ touched('billing_period') }}
),

lines as (
    select
        ledger.*,
        charges.* exclude (charge_key, billing_period, charge_date, billing_currency, service_provider_name, service_name,
            charge_category, billed_cost, effective_cost, x_evidence, x_original_billing_period),
        ledger.effective_cost / nullif(cast(charges.effective_cost as double), 0) as part,
        case
            when ledger.cost_category in ('adjustment', 'dispute') then 'adjustment'
            when ledger.gpu_state is not null and charges.x_instance_type is not null and charges.consumed_quantity > 0
                then case ledger.gpu_state
                    when 'productive' then 'gpu_busy'
                    when 'under_utilised' then 'gpu_busy'
                    when 'unobserved' then 'other'
                    else 'gpu_idle'
                end
            when ledger.stage = 'api_pool' and ledger.model_id is not null and charges.x_token_type is not null then 'api'
            when ledger.stage = 'shared_pool' then 'pool'
            when ledger.stage in ('direct', 'residual') then 'direct'
            else 'other'
        end as kind
    from ledger
    left join charges on ledger.charge_key = charges.charge_key
),

final as (
    select
        billing_period,
        billing_currency,
        team_id,
        kind,
        case kind
            when 'adjustment' then case when cost_category = 'adjustment' then x_original_billing_period end
            when 'gpu_busy' then x_instance_type
            when 'gpu_idle' then x_instance_type
            when 'pool' then pool_id
            when 'api' then model_id
            else concat_ws(
                ' | ', service_provider_name, service_name, charge_category, sku_id, sku_meter, consumed_unit, x_token_type,
                model_id, case when gpu_state is not null then gpu_state || ' ' || coalesce(x_instance_type, '') end
            )
        end as item,
        case when kind = 'api' then x_token_type when kind = 'gpu_busy' then gpu_state end as token_type_or_state,
        case
            when commitment_discount_status = 'Unused' then 'discount_or_commitment'
            when charge_category = 'Usage' then 'usage_volume'
            else 'fees_credits_and_tax'
        end as unmeasured_driver,
        md5(concat_ws(
            chr(31), service_provider_name, billing_account_id, sub_account_id, service_name, charge_category, sku_id, sku_meter,
            commitment_discount_status, x_project_id, x_api_key_id, x_model, x_token_type,
            coalesce(resource_id, tags, '')
        )) as identity,
        coalesce(rule_id, 'none') as rule_id,
        {{ money('sum(effective_cost)') }} as effective_cost,
        -- decimals: sums of binary numbers depend on their order
        cast(sum(cast(cast(list_cost as double) * part as decimal(38, 12))) as decimal(38, 12)) as list_cost,
        cast(sum(cast(cast(consumed_quantity as double) * part as decimal(38, 12))) as decimal(38, 12)) as quantity
    from lines
    group by all
)

select * from final
