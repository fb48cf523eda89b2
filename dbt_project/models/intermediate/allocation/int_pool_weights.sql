{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        pre_hook="{{ delete_touched('billing_period') }}",
    )
}}

{#-
    Each shared pool's weights per team, billing period and currency. Drivers: even over the pool's members, fixed shares,
    proportional to the effective cost the earlier stages gave a team, or a metric (GPU-hours held, tokens, requests).
-#}
with pools as (
    select * from {{ ref('pools') }}
    where driver in ('even', 'fixed', 'proportional', 'metric')
),

members as (
    select * from {{ ref('pool_shares') }}
),

periods as (
    select distinct charges.billing_period, charges.billing_currency, matched.pool_id
    from {{ ref('int_charges') }} as charges
    inner join {{ ref('int_charges_matched') }} as matched on charges.charge_key = matched.charge_key
    where {{ touched('charges.billing_period') }} and {{ touched('matched.billing_period') }} and matched.pool_id is not null
),

earlier as (
    select charge_key, billing_period, team_id, effective_cost from {{ ref('int_allocations_direct') }}
    where {{ touched('billing_period') }}
    union all
    select charge_key, billing_period, team_id, effective_cost from {{ ref('int_allocations_gpu') }}
    where {{ touched('billing_period') }}
    union all
    select charge_key, billing_period, team_id, effective_cost from {{ ref('int_allocations_api') }}
    where {{ touched('billing_period') }}
),

proportional as (
    select charges.billing_period, charges.billing_currency, earlier.team_id, sum(earlier.effective_cost) as weight
    from earlier
    inner join {{ ref('int_charges') }} as charges on earlier.charge_key = charges.charge_key
    where earlier.team_id != 'unallocated' and {{ touched('charges.billing_period') }}
    group by all
),

metrics as (
    select 'gpu_hours' as metric, strftime(charge_date, '%Y-%m') as billing_period, team_id, cast(sum(seconds) as decimal(38, 18)) as weight
    from {{ ref('fct_gpu_hours') }}
    where state not in ('unobserved', 'unallocated') and team_id is not null
        and {{ touched("strftime(charge_date, '%Y-%m')") }}
    group by all
    union all
    select 'tokens', strftime(charge_date, '%Y-%m'), team_id, cast(sum(total_tokens) as decimal(38, 18))
    from {{ ref('fct_token_usage') }}
    where is_primary and team_id is not null and {{ touched("strftime(charge_date, '%Y-%m')") }}
    group by all
    union all
    select 'requests', strftime(charge_date, '%Y-%m'), team_id, cast(sum(requests) as decimal(38, 18))
    from {{ ref('fct_token_usage') }}
    where is_primary and team_id is not null and {{ touched("strftime(charge_date, '%Y-%m')") }}
    group by all
),

weighted as (
    select
        periods.*, pools.driver, pools.metric, members.team_id,
        case when pools.driver = 'even' then 1 else members.share end as weight
    from periods
    inner join pools on periods.pool_id = pools.pool_id and pools.driver in ('even', 'fixed')
    inner join members on pools.pool_id = members.pool_id

    union all by name

    select periods.*, pools.driver, pools.metric, proportional.team_id, proportional.weight
    from periods
    inner join pools on periods.pool_id = pools.pool_id and pools.driver = 'proportional'
    inner join proportional
        on periods.billing_period = proportional.billing_period and periods.billing_currency = proportional.billing_currency

    union all by name

    select periods.*, pools.driver, pools.metric, metrics.team_id, metrics.weight
    from periods
    inner join pools on periods.pool_id = pools.pool_id and pools.driver = 'metric'
    inner join metrics on pools.metric = metrics.metric and periods.billing_period = metrics.billing_period
),

final as (
    select
        billing_period,
        billing_currency,
        pool_id,
        driver,
        metric,
        team_id,
        cast(weight as decimal(38, 18)) as weight,
        sum(cast(weight as decimal(38, 18))) over (
            partition by billing_period, billing_currency, pool_id order by team_id
            rows between unbounded preceding and current row
        ) as running_weight,
        sum(cast(weight as decimal(38, 18))) over (partition by billing_period, billing_currency, pool_id) as total_weight
    from weighted
    where weight > 0
)

select * from final
