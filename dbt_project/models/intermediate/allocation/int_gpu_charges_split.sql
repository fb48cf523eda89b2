{{ config(materialized='ephemeral') }}

{#-
    The money of a GPU node-day over who held its GPUs and how they worked. Billed and effective cost have weights of their own,
    because a commitment can cover some hours of a day and not others. Where a basis has no usable money weights (all zero, or a
    negative hour) the seconds are the weights.
-#}
with charges as (
    select
        charge_key, billing_period, charge_date, billing_currency, billed_cost, effective_cost,
        {{ short_resource_id('resource_id') }} as resource_id
    from {{ ref('int_charges') }}
    where {{ touched_by_run('billing_period') }}
),

matched as (
    select charge_key, rule_id, pool_id from {{ ref('int_charges_matched') }}
    where {{ touched_by_run('billing_period') }} and pool_driver = 'gpu'
),

pooled as (
    select charges.*, matched.rule_id, matched.pool_id
    from charges
    inner join matched on charges.charge_key = matched.charge_key
),

node_days as (
    select
        resource_id,
        charge_date,
        coalesce(team_id, 'unallocated') as holder_team_id,
        namespace,
        deployment_id,
        model_id,
        state,
        sum(seconds) as seconds,
        sum(billed_cost) as billed_weight,
        sum(effective_cost) as effective_weight
    from {{ ref('int_gpu_split_hours') if var('gpu_weights') == 'aws_split' else ref('fct_gpu_hours') }}
    where
        resource_id in (select resource_id from pooled)
        and charge_date in (select charge_date from pooled)
    group by all
),

ordered as (
    select
        *,
        sum(seconds) over node_day as total_seconds,
        sum(billed_weight) over node_day as total_billed,
        sum(effective_weight) over node_day as total_effective,
        min(billed_weight) over node_day as least_billed,
        min(effective_weight) over node_day as least_effective,
        sum(seconds) over running as running_seconds,
        sum(billed_weight) over running as running_billed,
        sum(effective_weight) over running as running_effective
    from node_days
    window
        node_day as (partition by resource_id, charge_date),
        running as (
            partition by resource_id, charge_date
            order by holder_team_id, namespace, deployment_id, model_id, state
            rows between unbounded preceding and current row
        )
),

-- the product a deployment served on the day
products as (
    select held.deployment_id, held.charge_date, max(workloads.product) as product
    from (select distinct deployment_id, charge_date from node_days where deployment_id is not null) as held
    inner join {{ ref('workloads') }} as workloads on held.deployment_id = workloads.deployment_id
    where held.charge_date >= workloads.valid_from and (workloads.valid_to is null or held.charge_date < workloads.valid_to)
    group by all
),

weights as (
    select
        ordered.*,
        products.product,
        cast(coalesce(effective_weight / nullif(total_effective, 0), seconds / nullif(total_seconds, 0), 1) as double) as share,
        case when state not in ('unallocated', 'unobserved') then coalesce(deployment_id, namespace) end as allocated_resource_id,
        {{ allocated_tags(
            "case when state not in ('unallocated', 'unobserved') then holder_team_id end",
            'teams.cost_center', deployment_id='deployment_id', namespace='namespace'
        ) }} as allocated_tags
    from ordered
    left join {{ ref('teams') }} as teams on ordered.holder_team_id = teams.team_id
    left join products using (deployment_id, charge_date)
),

final as (
    select
        pooled.*,
        weights.* exclude (resource_id, charge_date),
        case
            when weights.total_seconds is null then pooled.billed_cost
            when least_billed >= 0 and total_billed > 0
                then {{ exact_part('pooled.billed_cost', 'billed_weight', 'running_billed', 'total_billed') }}
            else {{ exact_part('pooled.billed_cost', 'seconds', 'running_seconds', 'total_seconds') }}
        end as part_billed_cost,
        case
            when weights.total_seconds is null then pooled.effective_cost
            when least_effective >= 0 and total_effective > 0
                then {{ exact_part('pooled.effective_cost', 'effective_weight', 'running_effective', 'total_effective') }}
            else {{ exact_part('pooled.effective_cost', 'seconds', 'running_seconds', 'total_seconds') }}
        end as part_effective_cost
    from pooled
    left join weights
        on pooled.resource_id = weights.resource_id and pooled.charge_date = weights.charge_date
)

select * from final
