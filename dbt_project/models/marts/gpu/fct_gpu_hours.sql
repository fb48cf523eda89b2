{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        on_schema_change='fail',
        pre_hook="{{ delete_touched('billing_period') }}",
    )
}}

with paid_hours as (
    select * from {{ ref('int_gpu_paid_hours') }}
    where {{ touched('billing_period') }}
),

node_hours as (
    select * from {{ ref('int_gpu_node_hours') }}
    where {{ touched('billing_period') }}
),

holders as (
    select * from {{ ref('int_gpu_holders') }}
),

held as (
    select
        paid_hours.*,
        case when paid_hours.state not in ('unallocated', 'unobserved') then holders.deployment_id end as deployment_id,
        case when paid_hours.state not in ('unallocated', 'unobserved') then holders.team_id end as team_id,
        case when paid_hours.state not in ('unallocated', 'unobserved') then holders.model_id end as model_id
    from paid_hours
    left join holders
        on paid_hours.namespace is not distinct from holders.namespace
        and paid_hours.pod is not distinct from holders.pod
        and cast(paid_hours.hour_start as date) = holders.charge_date
),

weighted as (
    select
        held.*,
        node_hours.billed_cost as node_billed_cost,
        node_hours.effective_cost as node_effective_cost,
        node_hours.pricing_category,
        sum(held.seconds) over (
            partition by held.resource_id, held.hour_start, held.billing_period, held.billing_currency
            order by
                held.gpu_index, held.gpu_uuid, held.gpu_instance_id, held.namespace, held.pod, held.state, held.sub_state,
                held.util_metric, held.seconds
            rows between unbounded preceding and current row
        ) as running_seconds,
        sum(held.seconds) over (
            partition by held.resource_id, held.hour_start, held.billing_period, held.billing_currency
        ) as node_seconds
    from held
    left join node_hours
        on held.resource_id = node_hours.resource_id
        and held.hour_start = node_hours.hour_start
        and held.billing_period = node_hours.billing_period
        and held.billing_currency is not distinct from node_hours.billing_currency
    where held.seconds > 0
),

final as (
    select
        hour_start,
        cast(hour_start as date) as charge_date,
        billing_period,
        coalesce(node_id, resource_id) as node_id,
        resource_id,
        gpu_index,
        gpu_uuid,
        gpu_instance_id,
        gpu_model,
        cluster,
        namespace,
        pod,
        deployment_id,
        team_id,
        model_id,
        state,
        sub_state,
        util_metric,
        cast(seconds as decimal(18, 6)) as seconds,
        cast(seconds / 3600 as decimal(18, 9)) as gpu_hours,
        {{ exact_part('node_billed_cost', 'seconds', 'running_seconds', 'node_seconds') }} as billed_cost,
        {{ exact_part('node_effective_cost', 'seconds', 'running_seconds', 'node_seconds') }} as effective_cost,
        billing_currency,
        pricing_category
    from weighted
)

select * from final
