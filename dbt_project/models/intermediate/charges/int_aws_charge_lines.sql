{#- CUR 2.0 lines in FOCUS terms. One line gives one row, a commitment fee two: the purchase and its unused part. -#}
with unused_commitments as (
    select
        * replace (
            'Usage' as charge_category,
            'Unused' as commitment_discount_status,
            coalesce(savings_plan_arn, reservation_arn) as resource_id,
            cast(null as {{ money_type() }}) as consumed_quantity,
            {{ money('0') }} as billed_cost,
            case
                when line_item_type = 'SavingsPlanRecurringFee' then savings_plan_total_commitment - savings_plan_used_commitment
                else coalesce(reservation_unused_upfront_cost, 0) + coalesce(reservation_unused_recurring_cost, 0)
            end as effective_cost,
            {{ money('0') }} as list_cost,
            {{ money('0') }} as contracted_cost
        )
    from {{ ref('int_aws_priced_line_items') }}
    where
        line_item_type in ('SavingsPlanRecurringFee', 'RIFee')
        or (line_item_type = 'Fee' and reservation_arn is not null)
),

lines as (
    select * from {{ ref('int_aws_priced_line_items') }}
    union all by name
    select * from unused_commitments where effective_cost != 0
),

final as (
    select
        x_source,
        'aws_cur_2_0' as x_dataset,
        partition as billing_period,
        charge_period_start,
        charge_period_end,
        billing_account_id,
        billing_account_name,
        sub_account_id,
        sub_account_name,
        'AWS' as service_provider_name,
        coalesce(nullif(legal_entity, ''), nullif(invoicing_entity, ''), 'AWS') as invoice_issuer_name,
        nullif(invoice_id, '') as invoice_id,
        {{ aws_service_category('product_code') }} as service_category,
        product_code as service_name,
        nullif(sku_id, '') as sku_id,
        usage_type as sku_meter,
        charge_category,
        cast(null as varchar) as charge_class,
        case when charge_category = 'Usage' and commitment_discount_status is distinct from 'Unused' then null
            else charge_description end as charge_description,
        case
            when commitment_discount_status = 'Used' then 'Committed'
            when charge_category != 'Usage' then null
            when usage_type like '%SpotUsage:%' then 'Dynamic'
            else 'Standard'
        end as pricing_category,
        coalesce(savings_plan_arn, reservation_arn) as commitment_discount_id,
        commitment_discount_status,
        case
            when savings_plan_arn is not null then coalesce(nullif(savings_plan_offering_type, ''), 'Savings Plan')
            when reservation_arn is not null then 'Reserved Instance'
        end as commitment_discount_type,
        nullif(region_id, '') as region_id,
        nullif(resource_id, '') as resource_id,
        nullif(product_family, '') as resource_type,
        coalesce(nullif(instance_type, ''), nullif(split_part(usage_type, ':', 2), '')) as x_instance_type,
        cast(null as varchar) as x_model,
        cast(null as varchar) as x_token_type,
        cast(null as varchar) as x_project_id,
        cast(null as varchar) as x_api_key_id,
        resource_tags as raw_tags,
        cast(null as varchar) as raw_labels,
        billing_currency,
        nullif(consumed_unit, '') as consumed_unit,
        consumed_quantity,
        billed_cost,
        effective_cost,
        list_cost,
        contracted_cost,
        'invoiced' as x_evidence
    from lines
)

select * from final
