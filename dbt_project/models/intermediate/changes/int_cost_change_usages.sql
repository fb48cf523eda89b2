{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        on_schema_change='fail',
        pre_hook="{{ delete_touched('billing_period') }}",
    )
}}

{#- What a team asked of a model in a month: requests, tokens by type, computed list cost, how often calls were repeated. -#}
{%- set token_types = token_buckets() %}
with usage as (
    select *, coalesce(team_id, 'unallocated') as payer
    from {{ ref('fct_token_usage') }}
    where {{ touched('billing_period') }} and model_id is not null
),

final as (
    select
        billing_period,
        payer as team_id,
        model_id,
        sum(requests) filter (is_primary) as requests,
        sum(list_cost) filter (is_primary) as list_cost,
        1 + sum(retried_requests) filter (not is_primary)
            / cast(nullif(sum(requests) filter (not is_primary), 0) as double) as calls_per_request,
        {%- for token_type, column in token_types.items() %}
        sum({{ column }}) filter (is_primary) as {{ token_type }}_tokens,
        {%- endfor %}
        sum(total_tokens) filter (is_primary) as total_tokens
    from usage
    group by all
)

select
    billing_period, team_id, model_id, cast(requests as double) as requests, cast(list_cost as double) as list_cost,
    calls_per_request, cast(total_tokens as double) as total_tokens, token_type,
    cast(tokens as double) as tokens
from (
    unpivot final
    on {% for token_type in token_types %}{{ token_type }}_tokens as {{ token_type }}{{ ', ' if not loop.last }}{% endfor %}
    into name token_type value tokens
) as by_type
