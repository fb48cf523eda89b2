{{ config(materialized='day_batches', dataset='prometheus_samples') }}

with hours as (
    select * from {{ ref('int_gpu_state_hours') }}
),

series as (
    select * from {{ ref('int_gpu_series') }}
),

devices as (
    select * from {{ ref('int_gpu_devices') }}
),

shares as (
    select distinct share_no, gpu_instance_id from series
),

nodes as (
    select node_no, node_id, max(provider_id) as provider_id from series group by node_no, node_id
),

holders as (
    select distinct holder_no, namespace, pod from series where holder_no is not null
),

final as (
    select
        {{ from_unix_seconds('hours.hour') }} as hour_start,
        cast({{ from_unix_seconds('hours.hour') }} as date) as charge_date,
        nodes.node_id,
        nodes.provider_id,
        devices.cluster,
        devices.gpu_index,
        devices.gpu_uuid,
        shares.gpu_instance_id,
        devices.gpu_model,
        holders.namespace,
        holders.pod,
        hours.state,
        hours.sub_state,
        case hours.ladder_step when 3 then 'sm_active' when 2 then 'gr_engine_active' when 1 then 'gpu_util' end as util_metric,
        cast(hours.microseconds * 0.000001 as decimal(18, 6)) as seconds,
        hours.samples,
        {{ from_unix_seconds('hours.held_since') }} as held_since,
        {{ from_unix_seconds('hours.ready_at') }} as ready_at
    from hours
    inner join devices on hours.gpu_no = devices.gpu_no and hours.hour - hours.hour % 86400 = devices.day
    inner join nodes on hours.node_no = nodes.node_no
    left join shares on hours.share_no = shares.share_no
    left join holders on hours.holder_no = holders.holder_no
    where hours.microseconds > 0
)

select * from final
