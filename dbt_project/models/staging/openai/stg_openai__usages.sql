with source as (
    select * from {{ lake_source('openai_usage', {
        'kind': 'varchar',
        'organization_id': 'varchar',
        'project_id': 'varchar',
        'user_id': 'varchar',
        'api_key_id': 'varchar',
        'model': 'varchar',
        'batch': 'boolean',
        'service_tier': 'varchar',
        'api_source': 'varchar',
        'input_tokens': 'bigint',
        'input_uncached_tokens': 'bigint',
        'input_cached_tokens': 'bigint',
        'input_cache_write_tokens': 'bigint',
        'input_cache_write_30m_tokens': 'bigint',
        'input_cache_write_12h_tokens': 'bigint',
        'output_tokens': 'bigint',
        'num_model_requests': 'bigint',
        'quantity': 'money',
        'quantity_unit': 'varchar',
        'bucket_start': 'timestamp',
        'bucket_end': 'timestamp',
    }) }}
),

renamed as (
    select
        -- ids
        x_source,
        partition,
        organization_id,
        project_id,
        user_id,
        api_key_id,

        -- strings
        kind,
        model,
        service_tier,
        api_source,
        quantity_unit,

        -- numerics: input_tokens is inclusive, the buckets are disjoint
        input_tokens,
        coalesce(
            input_uncached_tokens,
            input_tokens - coalesce(input_cached_tokens, 0) - coalesce(
                input_cache_write_tokens,
                coalesce(input_cache_write_30m_tokens, 0) + coalesce(input_cache_write_12h_tokens, 0)
            )
        ) as input_uncached_tokens,
        coalesce(input_cached_tokens, 0) as cache_read_tokens,
        coalesce(
            input_cache_write_tokens,
            coalesce(input_cache_write_30m_tokens, 0) + coalesce(input_cache_write_12h_tokens, 0)
        ) as cache_write_tokens,
        output_tokens,
        num_model_requests as requests,
        quantity,

        -- booleans
        coalesce(batch, false) as is_batch,

        -- times
        bucket_start,
        bucket_end
    from source
)

select * from renamed
