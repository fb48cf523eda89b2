{#- API usage per provider, day, account, model, token type and key: the weights of the API pool. -#}
with usage as (
    select
        service_provider_name,
        charge_date,
        account_id,
        api_key_id,
        coalesce(team_id, 'unallocated') as team_id,
        model_raw,
        model_id,
        input_uncached_tokens,
        cache_read_tokens,
        cache_write_5m_tokens,
        cache_write_30m_tokens,
        cache_write_1h_tokens,
        output_tokens,
        list_cost
    from {{ ref('fct_token_usage') }}
    where source in ('openai', 'anthropic')
),

{%- set token_types = token_buckets() %}

by_token_type as (
    {%- for token_type, column in token_types.items() %}
    select
        service_provider_name, charge_date, account_id, model_raw, '{{ token_type }}' as token_type,
        api_key_id, team_id, model_id, cast(sum({{ column }}) as decimal(38, 18)) as weight
    from usage
    where {{ column }} > 0
    group by all
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

by_list_cost as (
    select
        service_provider_name, charge_date, account_id, cast(null as varchar) as model_raw,
        cast(null as varchar) as token_type, api_key_id, team_id, model_id, sum(list_cost) as weight
    from usage
    where list_cost > 0
    group by all
),

final as (
    select 'tokens' as driver, * from by_token_type
    union all
    select 'list_cost' as driver, * from by_list_cost
)

select * from final
