{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        on_schema_change='fail',
        pre_hook="{{ delete_touched('billing_period') }}",
    )
}}

{#-
    GPU machines only one side knows. A hint names the one machine of the other side with the same GPUs whose first and last
    hour of the month are the same to two hours.
-#}
with hours as (
    select * from {{ ref('fct_gpu_hours') }}
    where {{ touched('billing_period') }}
),

node_map as (
    select hostname, provider_resource_id from {{ ref('node_map') }} group by all
),

matched as (
    select billing_period, node_id, resource_id
    from hours
    where resource_id is not null and sub_state is distinct from 'no telemetry'
    group by all
),

seen_only as (
    select
        hours.billing_period, hours.node_id, max(hours.gpu_model) as gpu_model,
        count(distinct coalesce(hours.gpu_index, hours.gpu_uuid)) as gpus,
        min(hours.hour_start) as first_hour, max(hours.hour_start) as last_hour,
        sum(hours.gpu_hours) as gpu_hours, max(matched.resource_id) as billed_as, max(node_map.provider_resource_id) as mapped_to
    from hours
    left join (select billing_period, node_id, max(resource_id) as resource_id from matched group by all) as matched
        on hours.billing_period = matched.billing_period and hours.node_id = matched.node_id
    left join (select hostname, max(provider_resource_id) as provider_resource_id from node_map group by hostname) as node_map
        on hours.node_id = node_map.hostname
    where hours.resource_id is null
    group by hours.billing_period, hours.node_id
),

billed_only as (
    select
        hours.billing_period, hours.resource_id, hours.billing_currency, max(hours.gpu_model) as gpu_model,
        cast(round(sum(hours.seconds) / 3600 / count(distinct hours.hour_start)) as bigint) as gpus,
        min(hours.hour_start) as first_hour, max(hours.hour_start) as last_hour, sum(hours.gpu_hours) as gpu_hours,
        sum(hours.billed_cost) as billed_cost, sum(hours.effective_cost) as effective_cost,
        max(node_map.hostname) as mapped_host
    from hours
    left join (select provider_resource_id, max(hostname) as hostname from node_map group by provider_resource_id) as node_map
        on hours.resource_id = node_map.provider_resource_id
    where
        hours.resource_id is not null
        and (hours.billing_period, hours.resource_id) not in (select (billing_period, resource_id) from matched)
    group by hours.billing_period, hours.resource_id, hours.billing_currency
),

pairs as (
    select
        seen_only.billing_period, seen_only.node_id, billed_only.resource_id,
        cast(seen_only.first_hour as date) as since,
        abs(date_diff('hour', seen_only.first_hour, billed_only.first_hour))
            + abs(date_diff('hour', seen_only.last_hour, billed_only.last_hour)) as hours_apart
    from seen_only
    inner join billed_only
        on seen_only.billing_period = billed_only.billing_period
        and seen_only.gpu_model = billed_only.gpu_model
        and seen_only.gpus = billed_only.gpus
    where seen_only.billed_as is null and seen_only.mapped_to is null and billed_only.mapped_host is null
),

hints as (
    select *, 'add ' || node_id || ',' || resource_id || ',' || since || ', to gpu/node_map.csv: same GPUs, same hours' as hint
    from pairs
    where hours_apart <= 2
    qualify
        count(*) over (partition by billing_period, node_id) = 1
        and count(*) over (partition by billing_period, resource_id) = 1
),

final as (
    select
        seen_only.billing_period, 'telemetry_without_bill' as side, seen_only.node_id,
        coalesce(seen_only.billed_as, seen_only.mapped_to) as resource_id,
        cast(seen_only.gpu_hours as decimal(18, 9)) as gpu_hours,
        {{ money('null') }} as billed_cost, {{ money('null') }} as effective_cost, cast(null as varchar) as billing_currency,
        case
            when billed_as is not null then 'billed in other hours only'
            when mapped_to is not null then 'mapped machine is not on the bill'
            else 'no machine on the bill has this provider id or name'
        end as reason,
        case
            when coalesce(billed_as, mapped_to) is not null then 'a late bill line, or a machine replaced: check its row in gpu/node_map.csv'
            else coalesce(hints.hint, 'add the host to gpu/node_map.csv, or deliver the bill of its machine')
        end as hint
    from seen_only
    left join hints on seen_only.billing_period = hints.billing_period and seen_only.node_id = hints.node_id

    union all

    select
        billed_only.billing_period, 'bill_without_telemetry', billed_only.mapped_host, billed_only.resource_id,
        cast(billed_only.gpu_hours as decimal(18, 9)), billed_cost, effective_cost, billing_currency,
        case
            when mapped_host is not null then 'mapped host sends no telemetry'
            else 'no telemetry node has this provider id or name'
        end,
        case
            when mapped_host is not null then 'check the GPU exporter on the host'
            else coalesce(hints.hint, 'check the GPU exporter of the machine, or add its host to gpu/node_map.csv')
        end
    from billed_only
    left join hints on billed_only.billing_period = hints.billing_period and billed_only.resource_id = hints.resource_id
)

select * from final
