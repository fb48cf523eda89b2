{{
    config(
        materialized='incremental' if var('gpu_weights') == 'aws_split' else 'view',
        incremental_strategy='append',
        pre_hook="{{ delete_touched('billing_period') if var('gpu_weights') == 'aws_split' else '' }}",
    )
}}

{#-
    What AWS's split cost rows say a pod takes of its GPU machine in an hour, per resource: cost of what it allocated, and its
    part of what nobody used. As delivered; where a row of the machine-hour has no cost, all of them are computed from usage
    (macro aws_split_rate). Weights, never added to the bill. A table only when the setting gpu_weights asks for them.
-#}
with lines as (
    select
        *,
        {{ short_resource_id('parent_resource_id') }} as machine_id,
        {{ aws_split_resource('usage_type') }} as split_resource,
        greatest(1, cast(ceil(
            date_diff('second', charge_period_start, charge_period_end) / 3600.0
        ) as integer)) as hours_in_period
    from {{ ref('stg_aws__cur_split_line_items') }}
    where {{ touched('partition') }}
),

hourly as (
    select
        partition as billing_period,
        machine_id as resource_id,
        cluster,
        namespace,
        pod,
        split_resource,
        date_trunc('hour', charge_period_start) + to_hours(cast(hour_number as integer)) as hour_start,
        cast(coalesce(split_usage, greatest(coalesce(reserved_usage, 0), coalesce(actual_usage, 0))) / hours_in_period
            as decimal(38, 12)) as allocated_usage,
        cast(split_cost / hours_in_period as decimal(38, 12)) as split_cost,
        cast(unused_cost / hours_in_period as decimal(38, 12)) as unused_cost
    from (select *, unnest(range(hours_in_period)) as hour_number from lines)
),

pods as (
    select
        billing_period, resource_id, hour_start, cluster, namespace, pod, split_resource,
        sum(allocated_usage) as allocated_usage,
        case when count(split_cost) = count(*) then sum(split_cost) end as split_cost,
        sum(coalesce(unused_cost, 0)) as unused_cost
    from hourly
    group by billing_period, resource_id, hour_start, cluster, namespace, pod, split_resource
),

machines as (
    select
        node_hours.billing_period,
        node_hours.resource_id,
        node_hours.hour_start,
        max(greatest(node_hours.effective_cost, 0)) as machine_cost,
        max(types.gpu_count * node_hours.paid_seconds / 3600) as gpus,
        max(types.vcpus * node_hours.paid_seconds / 3600) as vcpus,
        max(types.memory_gib * node_hours.paid_seconds / 3600) as memory_gb
    from {{ ref('int_gpu_node_hours') }} as node_hours
    inner join (
        select instance_type, max(gpu_count) as gpu_count, max(vcpus) as vcpus, max(memory_gib) as memory_gib
        from {{ ref('instance_types') }}
        group by instance_type
    ) as types on node_hours.x_instance_type = types.instance_type
    where {{ touched('node_hours.billing_period') }}
    group by node_hours.billing_period, node_hours.resource_id, node_hours.hour_start
),

-- a machine-hour without cost still has weights: any amount falls apart in the same ratio
rated as (
    select
        pods.*,
        machines.machine_cost,
        case split_resource when 'gpu' then gpus when 'vcpu' then vcpus when 'memory' then memory_gb end as available_usage,
        {{ aws_split_rate(
            'split_resource', 'case when machine_cost > 0 then machine_cost else 1 end', 'gpus', 'vcpus', 'memory_gb'
        ) }} as rate,
        sum(allocated_usage) over (
            partition by pods.billing_period, pods.resource_id, pods.hour_start, split_resource
        ) as all_allocated_usage,
        count(*) filter (where split_cost is null) over (
            partition by pods.billing_period, pods.resource_id, pods.hour_start
        ) = 0 as is_priced
    from pods
    inner join machines
        on pods.billing_period = machines.billing_period
        and pods.resource_id = machines.resource_id
        and pods.hour_start = machines.hour_start
),

final as (
    select
        billing_period, resource_id, hour_start, cast(hour_start as date) as charge_date, cluster, namespace, pod, split_resource,
        allocated_usage, rate, is_priced, machine_cost,
        case
            when is_priced then split_cost
            else coalesce(cast(
                cast(rate as double) * cast(available_usage as double) * cast(allocated_usage as double)
                / nullif(cast(greatest(available_usage, all_allocated_usage) as double), 0) as decimal(38, 12)), 0)
        end as split_cost,
        case
            when is_priced then unused_cost
            else coalesce(cast(
                cast(rate as double) * cast(greatest(available_usage - all_allocated_usage, 0) as double)
                * cast(allocated_usage as double) / nullif(cast(all_allocated_usage as double), 0) as decimal(38, 12)), 0)
        end as unused_cost
    from rated
)

select * from final
