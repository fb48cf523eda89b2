with source as (
    select * from {{ lake_source('anthropic_costs', {
        'organization_id': 'varchar',
        'workspace_id': 'varchar',
        'description': 'varchar',
        'model': 'varchar',
        'cost_type': 'varchar',
        'token_type': 'varchar',
        'currency': 'varchar',
        'amount_cents': 'money',
        'bucket_start': 'timestamp',
        'bucket_end': 'timestamp',
    }) }}
),

renamed as (
    select
        -- ids
        x_source,
        partition as billing_period,
        coalesce(organization_id, x_source) as billing_account_id,
        workspace_id as x_project_id,
        cast(null as varchar) as x_api_key_id,

        -- strings
        'Anthropic' as service_provider_name,
        coalesce(description, concat_ws(' ', model, token_type, cost_type)) as sku_meter,
        description as charge_description,
        model as x_model,
        case token_type
            when 'uncached_input_tokens' then 'uncached_input'
            when 'cache_read_input_tokens' then 'cache_read'
            when 'cache_creation.ephemeral_5m_input_tokens' then 'cache_write_5m'
            when 'cache_creation.ephemeral_1h_input_tokens' then 'cache_write_1h'
            when 'output_tokens' then 'output'
        end as x_token_type,
        case when amount_cents < 0 and model is null then 'Credit' else 'Usage' end as charge_category,
        upper(currency) as billing_currency,
        cast(null as varchar) as consumed_unit,

        -- numerics: the report is in cents, the ledger in dollars
        cast(null as {{ money_type() }}) as consumed_quantity,
        {{ money('cast(amount_cents as decimal(34, 16)) * cast(0.01 as decimal(2, 2))') }} as billed_cost,

        -- times
        cast(bucket_start as date) as charge_date,
        bucket_start as charge_period_start,
        bucket_end as charge_period_end
    from source
)

select * from renamed
