with source as (
    select * from {{ lake_source('gcp_billing_detailed', {
        'billing_account_id': 'varchar',
        'invoice': 'struct(month varchar)',
        'cost_type': 'varchar',
        'service': 'struct(id varchar, description varchar)',
        'sku': 'struct(id varchar, description varchar)',
        'project': 'json',
        'labels': 'json',
        'system_labels': 'json',
        'location': 'json',
        'resource': 'json',
        'usage': 'json',
        'credits': 'credits',
        'adjustment_info': 'json',
        'currency': 'varchar',
        'cost': 'money',
        'cost_at_list': 'money',
        'usage_start_time': 'timestamp',
        'usage_end_time': 'timestamp',
        'export_time': 'timestamp',
    }) }}
),

renamed as (
    select
        -- ids
        x_source,
        partition,
        billing_account_id,
        service.id as service_id,
        sku.id as sku_id,
        json_extract_string(project, '$.id') as project_id,
        coalesce(
            json_extract_string(resource, '$.global_name'), json_extract_string(resource, '$.name')
        ) as resource_id,
        json_extract_string(adjustment_info, '$.id') as adjustment_id,

        -- strings
        json_extract_string(project, '$.name') as project_name,
        service.description as service_name,
        sku.description as sku_description,
        cost_type,
        json_extract_string(location, '$.region') as region_id,
        json_extract_string(usage, '$.pricing_unit') as consumed_unit,
        labels,
        system_labels,
        currency as billing_currency,

        -- numerics
        cast(json_extract_string(usage, '$.amount_in_pricing_units') as {{ money_type() }}) as consumed_quantity,
        cost,
        cost_at_list,
        credits,

        -- times
        usage_start_time as charge_period_start,
        usage_end_time as charge_period_end,
        export_time
    from source
)

select * from renamed
