{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        pre_hook="{{ delete_touched('billing_period') }}",
    )
}}

{#-
    Gateway and provider side by side per day, model, price class and token type (all cache writes as one: the log does not tell
    their lifetime), for the months in which both speak of the provider. Calls that failed have tokens and no cost.
-#}
{%- set token_types = ['uncached_input', 'cache_read', 'cache_write', 'output'] %}
with gateway_calls as (
    select * from {{ ref('int_gateway_costs') }}
    where {{ touched('billing_period') }}
),

provider_costs as (
    select * from {{ ref('int_provider_token_costs') }}
    where {{ touched('billing_period') }}
),

compared as (
    select distinct billing_period, service_provider_name from gateway_calls
    intersect
    select distinct billing_period, service_provider_name from provider_costs
),

gateway_rows as (
    {%- for token_type in token_types %}
    select
        billing_period, charge_date, service_provider_name, model_id, price_class, '{{ token_type }}' as token_type, record,
        price_verdict, has_long_context, {{ token_type }}_tokens as tokens, {{ token_type }}_cost as list_cost
    from gateway_calls
    where {{ token_type }}_tokens != 0
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

gateway as (
    select
        billing_period, charge_date, service_provider_name, model_id, price_class, token_type,
        coalesce(sum(tokens) filter (where record = 'original'), 0) as original_tokens,
        coalesce(sum(tokens) filter (where record = 'copy'), 0) as copy_tokens,
        coalesce(sum(tokens) filter (where record = 'failure'), 0) as failure_tokens,
        coalesce(sum(list_cost) filter (where record = 'original'), 0) as original_cost,
        coalesce(sum(list_cost) filter (where record = 'copy'), 0) as copy_cost,
        bool_or(list_cost is null and record != 'failure') as is_unpriced,
        bool_or(has_long_context) as has_long_context
    from gateway_rows
    group by all
),

provider as (
    select
        billing_period, charge_date, service_provider_name, model_id, price_class,
        case when token_type like 'cache_write%' then 'cache_write' else token_type end as token_type,
        sum(tokens) as provider_tokens,
        sum(list_cost) as provider_cost,
        count(*) != count(list_cost) as is_unpriced
    from provider_costs
    group by all
),

final as (
    select
        billing_period,
        charge_date,
        service_provider_name,
        model_id,
        price_class,
        token_type,
        cast(coalesce(gateway.original_tokens, 0) as bigint) as original_tokens,
        cast(coalesce(gateway.copy_tokens, 0) as bigint) as copy_tokens,
        cast(coalesce(gateway.failure_tokens, 0) as bigint) as failure_tokens,
        cast(coalesce(provider.provider_tokens, 0) as bigint) as provider_tokens,
        {{ money('coalesce(gateway.original_cost, 0)') }} as original_cost,
        {{ money('coalesce(gateway.copy_cost, 0)') }} as copy_cost,
        {{ money('coalesce(provider.provider_cost, 0)') }} as provider_cost,
        coalesce(gateway.is_unpriced, false) or coalesce(provider.is_unpriced, false) as is_unpriced,
        coalesce(gateway.has_long_context, false) as has_long_context,
        coalesce(provider.provider_cost / provider.provider_tokens,
            (gateway.original_cost + gateway.copy_cost) / (gateway.original_tokens + gateway.copy_tokens), 0) as unit_cost
    from gateway
    full outer join provider
        using (billing_period, charge_date, service_provider_name, model_id, price_class, token_type)
    semi join compared using (billing_period, service_provider_name)
)

select * from final
