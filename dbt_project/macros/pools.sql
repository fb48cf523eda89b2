{#
    CTEs that say what each shared pool gives, for int_pool_weights: the last, pool_edges, has one row per billing period,
    currency, pool segment, pool and target team or pool, with its weight and the quantity behind it.

    Drivers: even over the members, fixed shares, proportional to the effective cost the earlier stages gave a team, a metric
    (GPU-hours held, tokens, requests), or that metric through the pool's tiers. Where a driver is measured, teams named as
    members are the only ones to take part, and pools named as members take their share first (is_first).
#}
{% macro pool_edges() -%}
groups as (
    select distinct billing_period, billing_currency, pool_segment
    from {{ ref('int_charges_matched') }}
    where {{ touched('billing_period') }} and pool_id is not null
),

pools as (
    select groups.*, pools.pool_id, pools.driver, pools.metric, coalesce(pools.floor, 0) as floor
    from groups
    inner join {{ ref('pools') }} as pools on {{ is_valid_on('pools', 'groups.pool_segment') }}
    where pools.driver in ('even', 'fixed', 'proportional', 'metric', 'tiered')
    qualify row_number() over (
        partition by groups.billing_period, groups.billing_currency, groups.pool_segment, pools.pool_id
        order by pools.valid_from desc nulls last, pools.driver
    ) = 1
),

-- one row a member: a member that is named twice for a day takes part once, with the sum of its shares
members as (
    select
        pools.*,
        coalesce(shares.target_type, 'team') as target_type,
        shares.target,
        sum(shares.share) as share,
        pools.driver not in ('even', 'fixed') as is_measured
    from pools
    inner join {{ ref('pool_shares') }} as shares
        on pools.pool_id = shares.pool_id and {{ is_valid_on('shares', 'pools.pool_segment') }}
    group by all
),

earlier as (
    {%- for stage in ['direct', 'gpu', 'api'] %}
    select charge_key, team_id, effective_cost from {{ ref('int_allocations_' ~ stage) }}
    where {{ touched('billing_period') }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

measures as (
    select
        'cost' as metric, charges.billing_period, charges.billing_currency, earlier.team_id,
        sum(earlier.effective_cost) as weight, 1 as per_unit
    from earlier
    inner join {{ ref('int_charges_matched') }} as charges on earlier.charge_key = charges.charge_key
    where earlier.team_id != 'unallocated' and {{ touched('charges.billing_period') }}
    group by all
    union all
    select
        'gpu_hours', strftime(charge_date, '%Y-%m') as billing_period, null, team_id, cast(sum(seconds) as decimal(38, 18)), 3600
    from {{ ref('fct_gpu_hours') }}
    where state not in ('unobserved', 'unallocated') and team_id is not null
        and {{ touched("strftime(charge_date, '%Y-%m')") }}
    group by all
    {%- for metric, quantity in {'tokens': 'total_tokens', 'requests': 'requests'}.items() %}
    union all
    select
        '{{ metric }}', strftime(charge_date, '%Y-%m') as billing_period, null, team_id,
        cast(sum({{ quantity }}) as decimal(38, 18)), 1
    from {{ ref('fct_token_usage') }}
    where is_primary and team_id is not null and {{ touched("strftime(charge_date, '%Y-%m')") }}
    group by all
    {%- endfor %}
),

-- who takes part in a measured pool: the teams it names (also with nothing measured), or every team with a measure
named_teams as (
    select * from members
    where is_measured and target_type = 'team'
),

measured as (
    select
        pools.*, measures.team_id as target, measures.weight,
        cast(measures.weight / measures.per_unit as decimal(26, 6)) as quantity
    from pools
    inner join measures
        on measures.metric = case when pools.driver = 'proportional' then 'cost' else pools.metric end
        and pools.billing_period = measures.billing_period
        and pools.billing_currency = coalesce(measures.billing_currency, pools.billing_currency)
    where pools.driver not in ('even', 'fixed')
),

taking_part as (
    select measured.* from measured
    left join (
        select distinct billing_period, billing_currency, pool_segment, pool_id, 1 as is_limited from named_teams
    ) as limited using (billing_period, billing_currency, pool_segment, pool_id)
    left join (select *, 1 as is_named from named_teams) as named_teams
        using (billing_period, billing_currency, pool_segment, pool_id, target)
    where measured.weight > 0 and (limited.is_limited is null or named_teams.is_named = 1)
    union all by name
    select named_teams.* exclude (target_type, share, is_measured), 0 as weight, 0 as quantity from named_teams
    left join measured using (billing_period, billing_currency, pool_segment, pool_id, target)
    where measured.pool_id is null and named_teams.driver = 'tiered'
),

tiers as (
    select *, lead(from_quantity) over (partition by pool_id order by from_quantity) as to_quantity
    from {{ ref('pool_tiers') }}
),

tiered as (
    select
        taking_part.* exclude (weight),
        greatest(
            coalesce(sum((least(quantity, coalesce(to_quantity, quantity)) - from_quantity) * rate), 0), any_value(floor)
        ) as weight
    from taking_part
    left join tiers on taking_part.pool_id = tiers.pool_id and taking_part.quantity > tiers.from_quantity
    where driver = 'tiered'
    group by all
),

pool_targets as (
    select
        * exclude (share, is_measured), case when driver = 'even' and not is_measured then 1 else share end as weight,
        is_measured as is_first, share as quantity
    from members
    where not is_measured or target_type = 'pool'
    union all by name
    select *, 'team' as target_type, false as is_first from taking_part
    where driver != 'tiered'
    union all by name
    select *, 'team' as target_type, false as is_first from tiered
),

pool_edges as (
    select
        billing_period, billing_currency, pool_segment, pool_id, driver, metric, target_type, target, is_first,
        cast(weight as decimal(38, 18)) as weight, cast(quantity as decimal(38, 18)) as quantity
    from pool_targets
    where weight > 0
)
{%- endmacro %}


{#
    CTEs of int_charges_matched about the days of its charges: pool_segments (first day of the time in which the members of all
    pools are what they are that day) and pool_days (one version of each pool a day). Reads the CTEs `charges` and `pools`.
#}
{% macro pool_days() -%}
boundaries as (
    select valid_from as day from pools
    union
    select valid_to from pools
    union
    select valid_from from {{ ref('pool_shares') }}
    union
    select valid_to from {{ ref('pool_shares') }}
),

charge_days as (
    select distinct charge_date from charges
),

pool_segments as (
    select charge_days.charge_date, coalesce(max(boundaries.day), date '0001-01-01') as pool_segment
    from charge_days
    left join boundaries on charge_days.charge_date >= boundaries.day
    group by charge_days.charge_date
),

-- one version of a pool a day
pool_days as (
    select charge_days.charge_date, pools.pool_id, pools.driver
    from charge_days
    inner join pools on {{ is_valid_on('pools', 'charge_days.charge_date') }}
    qualify row_number() over (
        partition by charge_days.charge_date, pools.pool_id order by pools.valid_from desc nulls last, pools.driver
    ) = 1
)
{%- endmacro %}


{#
    CTEs of int_pool_weights: the last, reaches, says where the money of every entry pool ends. Pools that feed others are
    solved as a linear system (function solve_pools), the others take their weights as they are. Reads the CTEs `entries` and
    `pool_edges`.
#}
{% macro pool_reaches() -%}
feeding as (
    select distinct billing_period, billing_currency, pool_segment, pool_id from pool_edges
    where target_type = 'pool'
),

systems as (
    select billing_period, billing_currency, pool_segment, list(distinct pool_id order by pool_id) as entry_pools
    from entries
    inner join feeding using (billing_period, billing_currency, pool_segment, pool_id)
    group by all
),

solved as (
    select billing_period, billing_currency, pool_segment, unnest(solve_pools(entry_pools, edges)) as reach
    from (
        select
            systems.*,
            list({
                'pool_id': pool_id, 'target_type': target_type, 'target': target, 'weight': weight, 'is_first': is_first
            } order by pool_id, target_type, target) as edges
        from systems
        inner join pool_edges using (billing_period, billing_currency, pool_segment)
        group by all
    ) as prepared
),

reaches as (
    select billing_period, billing_currency, pool_segment, unnest(reach) from solved
    union all by name
    select
        billing_period, billing_currency, pool_segment, pool_id, pool_id as exit_pool_id, pool_id as pool_path, target as team_id,
        null as residual_reason, weight
    from pool_edges
    left join (select *, true as is_feeding from feeding) as feeding
        using (billing_period, billing_currency, pool_segment, pool_id)
    where is_feeding is null
)
{%- endmacro %}
