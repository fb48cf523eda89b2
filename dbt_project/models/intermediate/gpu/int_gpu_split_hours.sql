{#-
    GPU machine-hours over their pods by AWS's split costs, in the columns of fct_gpu_hours that the ledger reads: with the
    setting gpu_weights = aws_split they stand in for its rows. What the split rows leave of the machine's cost is `unallocated`;
    how a pod worked they do not know (`held`). Hours of a machine without split rows keep the rows of telemetry.
-#}
with splits as (
    select
        billing_period, resource_id, hour_start, charge_date, cluster, namespace, pod,
        max(machine_cost) as machine_cost,
        sum(greatest(split_cost + unused_cost, 0)) as weight
    from {{ ref('int_gpu_split_costs') }}
    group by billing_period, resource_id, hour_start, charge_date, cluster, namespace, pod
),

rests as (
    select billing_period, resource_id, hour_start, charge_date, max(machine_cost) - sum(weight) as weight
    from splits
    group by billing_period, resource_id, hour_start, charge_date
    -- rounding of the delivered costs is no remainder
    having sum(weight) = 0 or max(machine_cost) - sum(weight) > 0.000001 * max(machine_cost)
),

weights as (
    select
        splits.billing_period, splits.resource_id, splits.hour_start, splits.charge_date,
        splits.cluster, splits.namespace, splits.pod,
        holders.deployment_id, holders.team_id, holders.model_id, 'held' as state, splits.weight
    from splits
    left join {{ ref('int_gpu_holders') }} as holders
        on splits.namespace is not distinct from holders.namespace
        and splits.pod is not distinct from holders.pod
        and splits.charge_date = holders.charge_date
    where splits.weight > 0

    union all by name

    select
        billing_period, resource_id, hour_start, charge_date, 'unallocated' as state,
        case when weight > 0 then weight else 1 end as weight
    from rests
),

machines as (
    select
        node_hours.billing_period, node_hours.resource_id, node_hours.hour_start, node_hours.billing_currency,
        node_hours.pricing_category, node_hours.billed_cost, node_hours.effective_cost, types.gpu_model,
        node_hours.paid_seconds * types.gpu_count as gpu_seconds
    from {{ ref('int_gpu_node_hours') }} as node_hours
    inner join (
        select instance_type, max(gpu_model) as gpu_model, max(gpu_count) as gpu_count
        from {{ ref('instance_types') }}
        group by instance_type
    ) as types on node_hours.x_instance_type = types.instance_type
),

running as (
    select
        machines.*,
        weights.* exclude (billing_period, resource_id, hour_start),
        sum(weights.weight) over (
            partition by machines.billing_period, machines.resource_id, machines.hour_start, machines.billing_currency
            order by weights.state, weights.cluster, weights.namespace, weights.pod
            rows between unbounded preceding and current row
        ) as running_weight,
        sum(weights.weight) over (
            partition by machines.billing_period, machines.resource_id, machines.hour_start, machines.billing_currency
        ) as total_weight
    from machines
    inner join weights
        on machines.billing_period = weights.billing_period
        and machines.resource_id = weights.resource_id
        and machines.hour_start = weights.hour_start
),

parts as (
    select
        billing_period, hour_start, charge_date, resource_id, resource_id as node_id, gpu_model, cluster, namespace, pod,
        deployment_id, team_id, model_id, state, billing_currency, pricing_category,
        cast({{ amount_up_to('gpu_seconds', 'running_weight', 'total_weight') }} as decimal(18, 6))
            - cast({{ amount_up_to('gpu_seconds', '(running_weight - weight)', 'total_weight') }} as decimal(18, 6)) as seconds,
        {{ exact_part('billed_cost', 'weight', 'running_weight', 'total_weight') }} as billed_cost,
        {{ exact_part('effective_cost', 'weight', 'running_weight', 'total_weight') }} as effective_cost
    from running
),

final as (
    select *, cast(seconds / 3600 as decimal(18, 9)) as gpu_hours from parts

    union all by name

    select telemetry.*
    from {{ ref('fct_gpu_hours') }} as telemetry
    left join (select distinct billing_period, resource_id, hour_start from splits) as split_hours
        on telemetry.billing_period = split_hours.billing_period
        and telemetry.resource_id = split_hours.resource_id
        and telemetry.hour_start = split_hours.hour_start
    where split_hours.resource_id is null
)

select * from final
