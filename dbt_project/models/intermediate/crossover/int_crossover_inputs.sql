{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        pre_hook="{{ delete_touched('billing_period') }}",
    )
}}

{#-
    What a self-hosted deployment did in a month and what the crossover formula needs: tokens, measured peak and mean load,
    measured throughput of a replica, GPUs per replica, price of a GPU-hour, and the price of its API twin.
-#}
with usage as (
    select
        billing_period, deployment_id, team_id, model_id, hour_start,
        sum(input_uncached_tokens) as input_uncached_tokens,
        sum(cache_read_tokens) as cache_read_tokens,
        sum(output_tokens) as output_tokens
    from {{ ref('fct_token_usage') }}
    where {{ touched('billing_period') }} and deployment_id is not null
    group by all
),

gpu_hours as (
    select
        billing_period, deployment_id, hour_start,
        count(distinct pod) as replicas,
        max(team_id) as team_id,
        max(model_id) as model_id,
        cast(sum(gpu_hours) as decimal(18, 9)) as gpu_hours,
        sum(effective_cost) as effective_cost,
        max(billing_currency) as billing_currency
    from {{ ref('fct_gpu_hours') }}
    where {{ touched('billing_period') }} and deployment_id is not null
    group by all
),

hourly as (
    select
        -- a deployment that served nothing still has an owner
        gpu_hours.* replace (
            coalesce(usage.team_id, gpu_hours.team_id) as team_id, coalesce(usage.model_id, gpu_hours.model_id) as model_id
        ),
        usage.input_uncached_tokens, usage.cache_read_tokens, usage.output_tokens
    from gpu_hours
    left join usage
        on gpu_hours.deployment_id = usage.deployment_id
        and gpu_hours.hour_start = usage.hour_start
        and gpu_hours.billing_period = usage.billing_period
),

monthly as (
    select
        billing_period,
        deployment_id as workload_id,
        max(team_id) as team_id,
        max(model_id) as model_id,
        max(billing_currency) as billing_currency,
        cast(coalesce(sum(input_uncached_tokens), 0) as bigint) as input_uncached_tokens,
        cast(coalesce(sum(cache_read_tokens), 0) as bigint) as cache_read_tokens,
        cast(coalesce(sum(output_tokens), 0) as bigint) as output_tokens,
        cast(max(output_tokens) as double) / nullif(cast(sum(output_tokens) as double) / count(*), 0) as peak_to_mean,
        max(cast(output_tokens as double) / 3600 / replicas) as capacity_tok_s,
        cast(sum(gpu_hours) as double) / sum(replicas) as gpus_per_replica,
        cast(sum(effective_cost) as double) / nullif(cast(sum(gpu_hours) as double), 0) as gpu_usd_per_hour,
        cast(sum(gpu_hours) as decimal(18, 9)) as gpu_hours,
        sum(effective_cost) as effective_cost
    from hourly
    group by billing_period, deployment_id
),

twins as (
    select model_id, api_model_id from {{ ref('models') }}
    where is_self_hosted and api_model_id is not null
),

-- price of the twin at the end of the month, standard class, base tier
twin_prices as (
    select
        monthly.billing_period,
        monthly.workload_id,
        twins.api_model_id,
        max(case when prices.usage_type = 'uncached_input' then prices.usd_per_million_tokens end) as input_price,
        max(case when prices.usage_type = 'cache_read' then prices.usd_per_million_tokens end) as cache_read_price,
        max(case when prices.usage_type = 'output' then prices.usd_per_million_tokens end) as output_price
    from monthly
    inner join twins on monthly.model_id = twins.model_id
    left join {{ ref('int_token_prices') }} as prices
        on twins.api_model_id = prices.model_id
        and prices.price_class = 'standard'
        and prices.tier_above_input_tokens = 0
        and prices.tod_start_utc is null
        and {{ month_end('monthly.billing_period') }} > prices.valid_from
        and {{ month_end('monthly.billing_period') }} <= prices.valid_to
    group by all
),

assumed as (
    select
        max(case when assumption_id = 'labour_usd_per_gpu_hour' then cast(value as double) end) as labour_usd_per_gpu_hour,
        max(case when assumption_id = 'redundancy_spare_replicas' then cast(value as integer) end) as spare_replicas
    from {{ ref('assumptions') }}
    where valid_to is null
),

final as (
    select
        monthly.*,
        twin_prices.api_model_id,
        twin_prices.input_price,
        coalesce(twin_prices.cache_read_price, twin_prices.input_price) as cache_read_price,
        twin_prices.output_price,
        assumed.labour_usd_per_gpu_hour,
        assumed.spare_replicas,
        cast(0 as double) as fixed_usd_per_month
    from monthly
    left join twin_prices
        on monthly.billing_period = twin_prices.billing_period and monthly.workload_id = twin_prices.workload_id
    cross join assumed
)

select * from final
