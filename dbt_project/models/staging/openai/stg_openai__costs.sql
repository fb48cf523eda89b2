with source as (
    select * from {{ lake_source('openai_costs', {
        'organization_id': 'varchar',
        'project_id': 'varchar',
        'api_key_id': 'varchar',
        'line_item': 'varchar',
        'currency': 'varchar',
        'quantity_unit': 'varchar',
        'amount': 'money',
        'quantity': 'money',
        'bucket_start': 'timestamp',
        'bucket_end': 'timestamp',
    }) }}
),

-- '[<tier> | ]<model>[ <modality>], <kind>[, long context]'; a text without a known kind is a tool or a fee
parsed as (
    select
        *,
        regexp_extract(
            line_item,
            '^(?:[a-z_]+ \| )?(.+?)(?: (audio|text|image))?, (cached input|cache writes|input_tokens|input|output_tokens|output)(?:, long context)?$',
            ['model', 'modality', 'kind']
        ) as label
    from source
),

renamed as (
    select
        -- ids
        x_source,
        partition as billing_period,
        coalesce(organization_id, x_source) as billing_account_id,
        project_id as x_project_id,
        api_key_id as x_api_key_id,

        -- strings
        'OpenAI' as service_provider_name,
        line_item as sku_meter,
        line_item as charge_description,
        nullif(label.model, '') as x_model,
        case label.kind
            when 'cached input' then 'cache_read'
            when 'cache writes' then 'cache_write_30m'
            when 'input' then 'uncached_input'
            when 'input_tokens' then 'uncached_input'
            when 'output' then 'output'
            when 'output_tokens' then 'output'
        end || coalesce('_' || nullif(label.modality, ''), '') as x_token_type,
        case when amount < 0 and coalesce(label.model, '') = '' then 'Credit' else 'Usage' end as charge_category,
        upper(currency) as billing_currency,
        quantity_unit as consumed_unit,

        -- numerics: dollars
        quantity as consumed_quantity,
        amount as billed_cost,

        -- times
        cast(bucket_start as date) as charge_date,
        bucket_start as charge_period_start,
        bucket_end as charge_period_end
    from parsed
)

select * from renamed
