{{ config(materialized='ephemeral') }}

{#-
    The gateway's calls with a verdict on each: is it recorded twice, did it fail, and at which list price was it estimated. A
    call stands twice when key, user, model, start, tokens and estimate are the same and either the id is too or the start is
    finer than a second. Writes to a prompt cache are logged without their lifetime, so an estimate may lie anywhere between the
    prices of the shortest and the longest.
-#}
with calls as (
    select
        x_source,
        cast(partition as date) as charge_date,
        date_trunc('hour', started_at) as hour_start,
        {{ provider_of_gateway('provider') }} as service_provider_name,
        {{ catalogue_provider('provider') }} as price_provider,
        model as model_raw,
        api_key_id,
        cast({{ context_band('total_input_tokens') }} as bigint) as context_band,
        status = 'failure' and estimated_cost = 0 as is_failed,
        input_uncached_tokens,
        cache_read_tokens,
        cache_write_tokens,
        output_tokens,
        estimated_cost,
        min(request_id) as first_id,
        max(request_id) as last_id,
        user_id,
        started_at,
        count(*) as found
    from {{ ref('stg_litellm__requests') }}
    where {{ touched_by_run('partition', 'day') }}
        and not is_cache_hit
        and (estimated_cost != 0 or total_input_tokens + output_tokens > 0)
    group by all
),

records as (
    select
        * exclude (found, user_id, started_at),
        cast(estimated_cost as double) as spend,
        -- a millionth of a dollar and of the amount, in millionths of a dollar
        1 + abs(cast(estimated_cost as double)) as slack,
        found - case when first_id = last_id or started_at != date_trunc('second', started_at) then 1 else found end as copies,
        found - copies as originals
    from calls
),

price_sets as (
    select * from {{ ref('int_gateway_price_sets') }}
),

priced as (
    select
        records.*,
        price_sets.model_id,
        price_sets.sets,
        price_sets.sets[1] as standard,
        coalesce({{ is_estimated_at('price_sets.sets[1]', 'cache_read') }}, false) as is_at_standard
    from records
    left join price_sets
        on records.charge_date = price_sets.charge_date
        and records.price_provider = price_sets.price_provider
        and records.model_raw = price_sets.model_raw
        and records.context_band = price_sets.context_band
),

-- nearly every call agrees with the first set: the others are tried only where it does not
final as (
    select
        * exclude (sets),
        case
            when is_at_standard then standard
            else list_filter(sets, lambda s: {{ is_estimated_at('s', 'cache_read') }})[1]
        end as agreeing,
        case
            when is_at_standard then false
            else coalesce({{ is_estimated_at('standard', 'uncached_input') }}, false)
        end as has_reads_as_input
    from priced
)

select * from final
