{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        on_schema_change='fail',
        pre_hook="{{ delete_touched('billing_period') }}",
    )
}}

{#-
    A node's cost goes to its rows by their seconds, in the order of their texts: sums telescope along it, so a row's amount hangs on
    its place. Sorting by the texts costs more than the rest of the model, so they are numbered first and come back afterwards.
-#}
with paid_hours as not materialized (
    select * from {{ ref('int_gpu_paid_hours') }}
    where {{ touched('billing_period') }} and seconds > 0
),

node_hours as (
    select
        *,
        {{ amount_double('billed_cost') }} as billed_cost_double,
        {{ amount_double('effective_cost') }} as effective_cost_double
    from {{ ref('int_gpu_node_hours') }}
    where {{ touched('billing_period') }}
),

holders as (
    select * from {{ ref('int_gpu_holders') }}
),

nodes as (
    select *, row_number() over () as node_number
    from (select distinct billing_period, hour_start, resource_id from paid_hours)
),

gpus as (
    select
        *,
        row_number() over () as gpu_number,
        dense_rank() over (order by gpu_index, gpu_uuid, gpu_instance_id) as gpu_rank
    from (select distinct gpu_index, gpu_uuid, gpu_instance_id, node_id, gpu_model, cluster from paid_hours)
),

pods as (
    select *, row_number() over (order by namespace, pod) as pod_number
    from (select distinct namespace, pod from paid_hours)
),

states as (
    select
        *,
        row_number() over (order by state, sub_state, util_metric) as state_number,
        state not in ('unallocated', 'unobserved') as is_held
    from (select distinct state, sub_state, util_metric from paid_hours)
),

numbered as (
    select
        nodes.node_number, gpus.gpu_number, gpus.gpu_rank, pods.pod_number, states.state_number,
        cast(paid_hours.seconds as decimal(18, 6)) as seconds
    from paid_hours
    left join nodes
        on paid_hours.billing_period = nodes.billing_period
        and paid_hours.hour_start = nodes.hour_start
        and paid_hours.resource_id is not distinct from nodes.resource_id
    left join gpus
        on paid_hours.gpu_index is not distinct from gpus.gpu_index
        and paid_hours.gpu_uuid is not distinct from gpus.gpu_uuid
        and paid_hours.gpu_instance_id is not distinct from gpus.gpu_instance_id
        and paid_hours.node_id is not distinct from gpus.node_id
        and paid_hours.gpu_model is not distinct from gpus.gpu_model
        and paid_hours.cluster is not distinct from gpus.cluster
    left join pods
        on paid_hours.namespace is not distinct from pods.namespace
        and paid_hours.pod is not distinct from pods.pod
    left join states
        on paid_hours.state = states.state
        and paid_hours.sub_state is not distinct from states.sub_state
        and paid_hours.util_metric is not distinct from states.util_metric
),

summed as (
    select
        *,
        cast(sum(seconds) over (
            partition by node_number
            order by gpu_rank, pod_number, state_number, seconds
            rows between unbounded preceding and current row
        ) as decimal(18, 6)) as running_seconds,
        cast(sum(seconds) over (partition by node_number) as decimal(18, 6)) as node_seconds
    from numbered
),

dealt as (
    select
        *,
        cast(running_seconds - seconds as double) / cast(node_seconds as double) as low,
        cast(running_seconds as double) / cast(node_seconds as double) as high
    from summed
),

pod_days as (
    select pods.pod_number, holders.charge_date, holders.deployment_id, holders.team_id, holders.model_id
    from pods
    inner join holders
        on pods.namespace is not distinct from holders.namespace
        and pods.pod is not distinct from holders.pod
),

node_costs as (
    select
        nodes.*,
        node_hours.billed_cost,
        node_hours.effective_cost,
        node_hours.billed_cost_double,
        node_hours.effective_cost_double,
        node_hours.billing_currency,
        node_hours.pricing_category
    from nodes
    left join node_hours
        on nodes.billing_period = node_hours.billing_period
        and nodes.hour_start = node_hours.hour_start
        and nodes.resource_id = node_hours.resource_id
),

final as (
    select
        node_costs.hour_start,
        cast(node_costs.hour_start as date) as charge_date,
        node_costs.billing_period,
        coalesce(gpus.node_id, node_costs.resource_id) as node_id,
        node_costs.resource_id,
        gpus.gpu_index,
        gpus.gpu_uuid,
        gpus.gpu_instance_id,
        gpus.gpu_model,
        gpus.cluster,
        pods.namespace,
        pods.pod,
        case when states.is_held then pod_days.deployment_id end as deployment_id,
        case when states.is_held then pod_days.team_id end as team_id,
        case when states.is_held then pod_days.model_id end as model_id,
        states.state,
        states.sub_state,
        states.util_metric,
        dealt.seconds,
        cast(dealt.seconds / 3600 as decimal(18, 9)) as gpu_hours,
        {{ exact_part_between('node_costs.billed_cost', 'billed_cost_double', 'low', 'high') }} as billed_cost,
        {{ exact_part_between('node_costs.effective_cost', 'effective_cost_double', 'low', 'high') }} as effective_cost,
        node_costs.billing_currency,
        node_costs.pricing_category
    from dealt
    left join node_costs on dealt.node_number = node_costs.node_number
    left join gpus on dealt.gpu_number = gpus.gpu_number
    left join pods on dealt.pod_number = pods.pod_number
    left join states on dealt.state_number = states.state_number
    left join pod_days
        on dealt.pod_number = pod_days.pod_number
        and cast(node_costs.hour_start as date) = pod_days.charge_date
)

select * from final
