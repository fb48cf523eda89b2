{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        pre_hook="{{ delete_touched('billing_period') }}",
    )
}}

{#-
    Paid GPU time against observed GPU time, per hour, GPU and currency of the bill. Every paid GPU of a node is a row, seen or
    not; what telemetry did not see is `unobserved`, never idle. Observed time beyond the paid part of an hour is scaled into it. Telemetry of a
    node that no bill names keeps its observed time and has no cost.
-#}
with node_hours as (
    select * from {{ ref('int_gpu_node_hours') }}
    where {{ touched('billing_period') }}
),

instance_types as (
    select instance_type, max(gpu_model) as gpu_model, max(gpu_count) as gpu_count
    from {{ ref('instance_types') }}
    group by instance_type
),

node_map as (
    select * from {{ ref('node_map') }}
),

observed as (
    select
        states.*,
        coalesce(matches.resource_id, states.node_id) as resource_id
    from {{ ref('int_gpu_observed_states') }} as states
    left join {{ ref('int_gpu_node_matches') }} as matches
        on states.node_id = matches.node_id and states.charge_date = matches.charge_date
    -- a bill can hold usage of an earlier month
    where {{ in_days_of_run('states.charge_date', 'select cast(hour_start as date) from node_hours') }}
),

observed_gpus as (
    select
        resource_id,
        hour_start,
        coalesce(gpu_index, gpu_uuid) as gpu_key,
        max(node_id) as node_id,
        sum(seconds) as observed_seconds
    from observed
    group by resource_id, hour_start, coalesce(gpu_index, gpu_uuid)
),

-- every paid GPU: the observed ones, and as many unseen ones as the instance type has more
gpu_counts as (
    select resource_id, hour_start, count(gpu_key) as observed_gpu_count
    from observed_gpus
    group by resource_id, hour_start
),

paid_nodes as (
    select
        node_hours.*,
        instance_types.gpu_model,
        instance_types.gpu_count,
        coalesce(gpu_counts.observed_gpu_count, 0) as observed_gpu_count
    from node_hours
    left join instance_types on node_hours.x_instance_type = instance_types.instance_type
    left join gpu_counts
        on node_hours.resource_id = gpu_counts.resource_id and node_hours.hour_start = gpu_counts.hour_start
),

unseen as (
    select
        paid_nodes.billing_period,
        paid_nodes.billing_currency,
        paid_nodes.hour_start,
        paid_nodes.resource_id,
        paid_nodes.gpu_model,
        node_map.hostname as node_id,
        paid_nodes.paid_seconds * greatest(cast(paid_nodes.gpu_count as decimal(9, 4)) - paid_nodes.observed_gpu_count, 0)
            as seconds
    from paid_nodes
    left join node_map
        on paid_nodes.resource_id = node_map.provider_resource_id
        and cast(paid_nodes.hour_start as date) >= node_map.valid_from
        and (node_map.valid_to is null or cast(paid_nodes.hour_start as date) < node_map.valid_to)
    -- two hosts can be mapped to one machine; its time counts once
    qualify row_number() over (
        partition by paid_nodes.billing_period, paid_nodes.hour_start, paid_nodes.resource_id, paid_nodes.billing_currency
        order by node_map.hostname
    ) = 1
),

seen as (
    select
        paid_nodes.billing_period,
        paid_nodes.billing_currency,
        paid_nodes.hour_start,
        paid_nodes.resource_id,
        observed_gpus.node_id,
        observed_gpus.gpu_key,
        observed_gpus.observed_seconds,
        paid_nodes.gpu_model,
        -- a fraction of a GPU (vGPU instance) pays a fraction of its hour
        paid_nodes.paid_seconds * least(cast(paid_nodes.gpu_count as decimal(9, 4)) / greatest(1, observed_gpu_count), 1)
            as gpu_paid_seconds
    from paid_nodes
    inner join observed_gpus
        on paid_nodes.resource_id = observed_gpus.resource_id and paid_nodes.hour_start = observed_gpus.hour_start
),

-- by what the GPUs of a node are scaled that were observed longer than paid: few, so a node keeps its own
scales as (
    select
        billing_period,
        billing_currency,
        resource_id,
        hour_start,
        map(list(gpu_key), list(cast(gpu_paid_seconds / observed_seconds as decimal(18, 12)))) as scale_by_gpu
    from seen
    where observed_seconds > gpu_paid_seconds and gpu_key is not null
    group by all
),

billed as (
    select
        paid_nodes.billing_period,
        paid_nodes.billing_currency,
        paid_nodes.resource_id,
        paid_nodes.hour_start,
        paid_nodes.gpu_model,
        scales.scale_by_gpu
    from paid_nodes
    left join scales
        on paid_nodes.billing_period = scales.billing_period
        and paid_nodes.billing_currency is not distinct from scales.billing_currency
        and paid_nodes.resource_id = scales.resource_id
        and paid_nodes.hour_start = scales.hour_start
),

final as (
    -- observed time, scaled into the paid part when it is longer; as it is when no bill names the node
    select
        coalesce(billed.billing_period, strftime(observed.charge_date, '%Y-%m')) as billing_period,
        billed.billing_currency,
        observed.hour_start,
        billed.resource_id,
        observed.node_id,
        observed.gpu_index,
        observed.gpu_uuid,
        observed.gpu_instance_id,
        coalesce(billed.gpu_model, observed.gpu_model) as gpu_model,
        observed.cluster,
        observed.namespace,
        observed.pod,
        observed.state,
        observed.sub_state,
        observed.util_metric,
        case
            when billed.scale_by_gpu[coalesce(observed.gpu_index, observed.gpu_uuid)] is null then observed.seconds
            else cast(
                observed.seconds * billed.scale_by_gpu[coalesce(observed.gpu_index, observed.gpu_uuid)] as decimal(18, 6)
            )
        end as seconds
    from observed
    left join billed
        on observed.resource_id = billed.resource_id and observed.hour_start = billed.hour_start
    where
        case
            when billed.resource_id is null then {{ touched("strftime(observed.charge_date, '%Y-%m')") }}
            else coalesce(observed.gpu_index, observed.gpu_uuid) is not null
        end

    union all by name

    -- the unseen part of a seen GPU
    select
        seen.billing_period,
        seen.billing_currency,
        seen.hour_start,
        seen.resource_id,
        seen.node_id,
        seen.gpu_key as gpu_index,
        seen.gpu_model,
        'unobserved' as state,
        'gap' as sub_state,
        cast(seen.gpu_paid_seconds - seen.observed_seconds as decimal(18, 6)) as seconds
    from seen
    where seen.gpu_paid_seconds > seen.observed_seconds

    union all by name

    -- GPUs without any sample in the hour
    select
        billing_period,
        billing_currency,
        hour_start,
        resource_id,
        node_id,
        gpu_model,
        'unobserved' as state,
        'no telemetry' as sub_state,
        cast(seconds as decimal(18, 6)) as seconds
    from unseen
    where seconds > 0
)

select * from final
