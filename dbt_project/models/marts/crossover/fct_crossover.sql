{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        on_schema_change='fail',
        pre_hook="{{ delete_touched('billing_period') }}",
    )
}}

{#-
    Self-hosting costs a step function of volume, an API a line (gpu_and_tco.md section 9). With w the tokens one replica
    serves a month, c its cost, p the API's price per token and f the fixed cost: step k costs (k + spare) c + f, it wins on
    [cost(k) / p, k w], and never flips back above V* = cost(k*) / p with k* the last step that starts above the line.
    Volume and capacity are output tokens at the month's own mix; amounts are estimates (evidence modelled).
-#}
with inputs as (
    select * from {{ ref('int_crossover_inputs') }}
    where {{ touched('billing_period') }}
),

rates as (
    select
        *,
        (input_uncached_tokens * cast(input_price as double) + cache_read_tokens * cast(cache_read_price as double)
            + output_tokens * cast(output_price as double)) / 1e6 as api_usd,
        capacity_tok_s * 730 * 3600 / nullif(peak_to_mean, 0) as step_tokens,
        gpus_per_replica * (gpu_usd_per_hour + labour_usd_per_gpu_hour) * 730 as replica_usd_per_month,
        cast(gpu_hours as double) * labour_usd_per_gpu_hour as labour_usd
    from inputs
),

priced as (
    select
        *,
        api_usd / nullif(output_tokens, 0) as api_usd_per_token,
        api_usd / nullif(output_tokens, 0) * step_tokens as api_usd_per_step,
        cast(ceil(output_tokens / nullif(step_tokens, 0)) as bigint) as needed_replicas
    from rates
),

steps as (
    select
        *,
        -- the first step that wins anywhere, and the last one that starts as a loser
        case when api_usd_per_step > replica_usd_per_month then cast(
            floor((spare_replicas * replica_usd_per_month + fixed_usd_per_month)
                / (api_usd_per_step - replica_usd_per_month)) as bigint) + 1
        end as first_winning_step,
        case when api_usd_per_step > replica_usd_per_month then cast(
            ceil((api_usd_per_step + spare_replicas * replica_usd_per_month + fixed_usd_per_month)
                / (api_usd_per_step - replica_usd_per_month)) as bigint) - 1
        end as last_losing_step
    from priced
),

final as (
    select
        billing_period,
        workload_id,
        team_id,
        model_id,
        api_model_id,
        billing_currency,
        input_uncached_tokens,
        cache_read_tokens,
        output_tokens,
        {{ estimate('api_usd') }} as api_cost,
        {{ estimate('cast(effective_cost as double) + labour_usd') }} as self_hosted_cost,
        {{ money('effective_cost') }} as self_hosted_cost_without_labour,
        needed_replicas + spare_replicas as replicas,
        cast(gpus_per_replica as decimal(18, 6)) as gpus_per_replica,
        cast(gpu_usd_per_hour as decimal(18, 9)) as gpu_usd_per_hour,
        cast(capacity_tok_s as decimal(18, 6)) as capacity_tok_s,
        cast(peak_to_mean as decimal(18, 6)) as peak_to_mean,
        {{ estimate(self_hosted_month('needed_replicas')) }} as self_hosted_step_cost,
        cast({{ self_hosted_month('first_winning_step') }} / api_usd_per_token as bigint) as first_winning_tokens,
        cast({{ self_hosted_month('last_losing_step') }} / api_usd_per_token as bigint) as break_even_tokens,
        cast(to_json(list_transform(
            range(first_winning_step, least(last_losing_step, first_winning_step + 20)),
            lambda k: [
                cast(round({{ self_hosted_month('k') }} / api_usd_per_token) as bigint), cast(round(k * step_tokens) as bigint)
            ]
        )) as varchar) as winning_intervals,
        '1 month' as horizon,
        case
            when output_tokens = 0 then 'no usage'
            when api_usd is null then 'no API price'
            when api_usd < cast(effective_cost as double) + labour_usd then 'API cheaper'
            else 'self-hosting cheaper'
        end as verdict,
        'modelled' as evidence
    from steps
)

select * from final
