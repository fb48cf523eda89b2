with source as (
    select * from {{ lake_source('anthropic_usage', {
        'organization_id': 'varchar',
        'workspace_id': 'varchar',
        'api_key_id': 'varchar',
        'model': 'varchar',
        'service_tier': 'varchar',
        'context_window': 'varchar',
        'inference_geo': 'varchar',
        'speed': 'varchar',
        'uncached_input_tokens': 'bigint',
        'cache_read_input_tokens': 'bigint',
        'cache_creation_5m_input_tokens': 'bigint',
        'cache_creation_1h_input_tokens': 'bigint',
        'output_tokens': 'bigint',
        'web_search_requests': 'bigint',
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
        workspace_id,
        api_key_id,

        -- strings
        model,
        service_tier,
        context_window,
        inference_geo,
        speed,

        -- numerics: the vendor's buckets are disjoint
        coalesce(uncached_input_tokens, 0) as input_uncached_tokens,
        coalesce(cache_read_input_tokens, 0) as cache_read_tokens,
        coalesce(cache_creation_5m_input_tokens, 0) as cache_write_5m_tokens,
        coalesce(cache_creation_1h_input_tokens, 0) as cache_write_1h_tokens,
        coalesce(output_tokens, 0) as output_tokens,
        coalesce(web_search_requests, 0) as web_search_requests,

        -- times
        bucket_start,
        bucket_end
    from source
)

select * from renamed
