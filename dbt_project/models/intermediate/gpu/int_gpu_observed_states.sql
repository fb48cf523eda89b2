{{ config(materialized='day_batches', dataset='prometheus_samples') }}

{#-
    Seconds come from whole slots times the held part; they are rounded along the running sum of the GPU's hour, so the
    parts of shared and partitioned GPUs add up to the observed time to the last digit.
-#}
with slot_states as (
    select * from {{ ref('int_gpu_slot_states') }}
),

series as (
    select * from {{ ref('int_gpu_series') }}
),

hours as (
    select
        slot - slot % 3600 as hour,
        gpu_no,
        share_no,
        node_no,
        holder_no,
        state,
        sub_state,
        ladder_step,
        slot_seconds,
        numerator,
        denominator,
        count(*) as samples,
        sum(utilisation_nanos) as utilisation_nanos,
        min(held_since) as held_since,
        min(ready_at) as ready_at
    from slot_states
    group by
        slot - slot % 3600, gpu_no, share_no, node_no, holder_no, state, sub_state, ladder_step, slot_seconds, numerator,
        denominator
),

-- picoseconds of the state, nanoseconds of the work in it: integers, so that sums repeat
exact as (
    select
        hour, gpu_no, share_no, node_no, holder_no, state, sub_state, ladder_step,
        sum(samples) as samples,
        sum(cast(samples * slot_seconds * numerator as hugeint) * 1000000000000 // denominator) as picoseconds,
        sum(cast(utilisation_nanos * slot_seconds * numerator as hugeint) // denominator) as work_nanoseconds,
        min(held_since) as held_since,
        min(ready_at) as ready_at
    from hours
    group by hour, gpu_no, share_no, node_no, holder_no, state, sub_state, ladder_step
),

rounded as (
    select
        *,
        (sum(picoseconds) over running + 500000) // 1000000
            - (sum(picoseconds) over running - picoseconds + 500000) // 1000000 as microseconds
    from exact
    window running as (
        partition by hour, gpu_no
        order by share_no, holder_no, state, sub_state, ladder_step, node_no
        rows between unbounded preceding and current row
    )
),

-- busy time u share of which worked
parts as (
    select * from (values
        ('busy', 'productive'),
        ('busy', 'under_utilised'),
        ('unallocated', 'unallocated'),
        ('standby', 'standby'),
        ('loading', 'loading'),
        ('warm_idle', 'warm_idle')
    ) as states (state, reported_state)
),

cut as (
    select
        rounded.hour, rounded.gpu_no, rounded.share_no, rounded.node_no, rounded.holder_no, rounded.ladder_step,
        rounded.samples, rounded.held_since, rounded.ready_at,
        parts.reported_state as state,
        case when parts.reported_state != 'productive' then rounded.sub_state end as sub_state,
        case parts.reported_state
            when 'productive' then least(microseconds, (work_nanoseconds + 500) // 1000)
            when 'under_utilised' then microseconds - least(microseconds, (work_nanoseconds + 500) // 1000)
            else microseconds
        end as microseconds
    from rounded
    inner join parts on rounded.state = parts.state
),

shares as (
    select distinct share_no, gpu_instance_id from series
),

nodes as (
    select distinct node_no, node_id from series
),

holders as (
    select distinct holder_no, namespace, pod from series where holder_no is not null
),

final as (
    select
        {{ from_unix_seconds('cut.hour') }} as hour_start,
        cast({{ from_unix_seconds('cut.hour') }} as date) as charge_date,
        nodes.node_id,
        devices.cluster,
        devices.gpu_index,
        devices.gpu_uuid,
        shares.gpu_instance_id,
        devices.gpu_model,
        holders.namespace,
        holders.pod,
        cut.state,
        cut.sub_state,
        case cut.ladder_step when 3 then 'sm_active' when 2 then 'gr_engine_active' when 1 then 'gpu_util' end as util_metric,
        cast(cut.microseconds * 0.000001 as decimal(18, 6)) as seconds,
        cut.samples,
        {{ from_unix_seconds('cut.held_since') }} as held_since,
        {{ from_unix_seconds('cut.ready_at') }} as ready_at
    from cut
    inner join {{ ref('int_gpu_devices') }} as devices on cut.gpu_no = devices.gpu_no
    inner join nodes on cut.node_no = nodes.node_no
    left join shares on cut.share_no = shares.share_no
    left join holders on cut.holder_no = holders.holder_no
    where cut.microseconds > 0
)

select * from final
