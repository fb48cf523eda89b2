with source as (
    select * from {{ lake_source('aws_cur_2_0', {
        'identity_line_item_id': 'varchar',
        'bill_bill_type': 'varchar',
        'bill_invoice_id': 'varchar',
        'bill_invoicing_entity': 'varchar',
        'bill_payer_account_id': 'varchar',
        'bill_payer_account_name': 'varchar',
        'line_item_usage_account_id': 'varchar',
        'line_item_usage_account_name': 'varchar',
        'line_item_line_item_type': 'varchar',
        'line_item_line_item_description': 'varchar',
        'line_item_legal_entity': 'varchar',
        'line_item_product_code': 'varchar',
        'line_item_usage_type': 'varchar',
        'line_item_operation': 'varchar',
        'line_item_resource_id': 'varchar',
        'line_item_currency_code': 'varchar',
        'product_instance_type': 'varchar',
        'product_region_code': 'varchar',
        'product_sku': 'varchar',
        'product_product_family': 'varchar',
        'pricing_purchase_option': 'varchar',
        'pricing_unit': 'varchar',
        'reservation_reservation_a_r_n': 'varchar',
        'savings_plan_savings_plan_a_r_n': 'varchar',
        'savings_plan_offering_type': 'varchar',
        'resource_tags': 'json',
        'line_item_usage_amount': 'money',
        'line_item_unblended_cost': 'money',
        'pricing_public_on_demand_cost': 'money',
        'reservation_effective_cost': 'money',
        'reservation_unused_amortized_upfront_fee_for_billing_period': 'money',
        'reservation_unused_recurring_fee': 'money',
        'savings_plan_savings_plan_effective_cost': 'money',
        'savings_plan_total_commitment_to_date': 'money',
        'savings_plan_used_commitment': 'money',
        'line_item_usage_start_date': 'timestamp',
        'line_item_usage_end_date': 'timestamp',
    }) }}
),

renamed as (
    select
        -- ids
        x_source,
        partition,
        identity_line_item_id,
        bill_invoice_id as invoice_id,
        bill_payer_account_id as billing_account_id,
        line_item_usage_account_id as sub_account_id,
        line_item_resource_id as resource_id,
        product_sku as sku_id,
        nullif(reservation_reservation_a_r_n, '') as reservation_arn,
        nullif(savings_plan_savings_plan_a_r_n, '') as savings_plan_arn,

        -- strings
        bill_payer_account_name as billing_account_name,
        line_item_usage_account_name as sub_account_name,
        bill_invoicing_entity as invoicing_entity,
        line_item_legal_entity as legal_entity,
        line_item_line_item_type as line_item_type,
        line_item_line_item_description as charge_description,
        line_item_product_code as product_code,
        line_item_usage_type as usage_type,
        line_item_operation as operation,
        product_instance_type as instance_type,
        product_region_code as region_id,
        product_product_family as product_family,
        pricing_purchase_option as purchase_option,
        pricing_unit as consumed_unit,
        savings_plan_offering_type,
        line_item_currency_code as billing_currency,
        resource_tags,

        -- numerics
        line_item_usage_amount as consumed_quantity,
        line_item_unblended_cost as unblended_cost,
        pricing_public_on_demand_cost as public_on_demand_cost,
        reservation_effective_cost,
        reservation_unused_amortized_upfront_fee_for_billing_period as reservation_unused_upfront_cost,
        reservation_unused_recurring_fee as reservation_unused_recurring_cost,
        savings_plan_savings_plan_effective_cost as savings_plan_effective_cost,
        savings_plan_total_commitment_to_date as savings_plan_total_commitment,
        savings_plan_used_commitment,

        -- times
        line_item_usage_start_date as charge_period_start,
        line_item_usage_end_date as charge_period_end
    from source
    -- split cost allocation rows repeat the cost of their instance
    where coalesce(line_item_operation, '') not in ('EKSPod-EC2', 'ECSTask-EC2')
)

select * from renamed
