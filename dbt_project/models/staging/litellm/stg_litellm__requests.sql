with source as (
    select * from {{ lake_source('litellm_spend_logs', {
        'request_id': 'varchar',
        'api_key': 'varchar',
        'team_id': 'varchar',
        'end_user': 'varchar',
        'model': 'varchar',
        'custom_llm_provider': 'varchar',
        'status': 'varchar',
        'spend': 'money',
        'prompt_tokens': 'bigint',
        'completion_tokens': 'bigint',
        'cache_read_tokens': 'bigint',
        'cache_write_tokens': 'bigint',
        'attempted_retries': 'integer',
        'cache_hit': 'boolean',
        'started_at': 'timestamp',
    }) }}
),

renamed as (
    select
        -- ids
        x_source,
        partition,
        request_id,
        api_key as api_key_id,
        team_id as gateway_team_id,
        end_user as user_id,

        -- strings
        model,
        custom_llm_provider as provider,
        status,

        -- numerics: prompt_tokens is inclusive for every vendor, the buckets are disjoint
        spend as estimated_cost,
        coalesce(prompt_tokens, 0) as total_input_tokens,
        coalesce(prompt_tokens, 0) - coalesce(cache_read_tokens, 0) - coalesce(cache_write_tokens, 0) as input_uncached_tokens,
        coalesce(cache_read_tokens, 0) as cache_read_tokens,
        coalesce(cache_write_tokens, 0) as cache_write_tokens,
        coalesce(completion_tokens, 0) as output_tokens,
        coalesce(attempted_retries, 0) as retries,

        -- booleans: an answer from the gateway's own cache carries tokens that nobody bills
        coalesce(cache_hit, false) as is_cache_hit,

        -- times
        started_at
    from source
)

select * from renamed
