-- The cost of a node-hour equals the cost of its GPU states, exactly, and their seconds fill the paid time.
with nodes as (
    select
        node_hours.billing_period, node_hours.resource_id, node_hours.hour_start, node_hours.billed_cost,
        node_hours.effective_cost, node_hours.paid_seconds * instance_types.gpu_count as paid_gpu_seconds
    from {{ ref('int_gpu_node_hours') }} as node_hours
    inner join (
        select instance_type, max(gpu_count) as gpu_count from {{ ref('instance_types') }} group by instance_type
    ) as instance_types on node_hours.x_instance_type = instance_types.instance_type
    where {{ tested_period('node_hours.billing_period') }}
),

states as (
    select
        billing_period, resource_id, hour_start, sum(billed_cost) as billed_cost, sum(effective_cost) as effective_cost,
        sum(seconds) as seconds, count(distinct gpu_index) as gpus
    from {{ ref('fct_gpu_hours') }}
    where {{ tested_period('billing_period') }} and resource_id is not null
    group by all
)

select nodes.*, states.billed_cost as states_billed_cost, states.effective_cost as states_effective_cost, states.seconds
from nodes
left join states
    on nodes.billing_period = states.billing_period
    and nodes.resource_id = states.resource_id
    and nodes.hour_start = states.hour_start
where
    nodes.billed_cost is distinct from states.billed_cost
    or nodes.effective_cost is distinct from states.effective_cost
    -- scaled seconds are rounded to the microsecond once per row
    or abs(nodes.paid_gpu_seconds - states.seconds) > 0.001
