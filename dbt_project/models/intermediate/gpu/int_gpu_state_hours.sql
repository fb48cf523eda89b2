{{ config(materialized='ephemeral') }}

{#-
    Slots summed to hours. Seconds come from whole slots times the held part; they are rounded along the running sum of the
    GPU's hour, so the parts of shared and partitioned GPUs add up to the observed time to the last digit. All in integers:
    their sums repeat.
-#}
with slot_states as (
    select * from {{ ref('int_gpu_slot_states') }}
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
        sum({{ productive_nanos('utilisation_nanos') }}) as productive_nanos,
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
        sum(cast(productive_nanos * slot_seconds * numerator as hugeint) // denominator) as work_nanoseconds,
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

-- busy time, a share of which worked
parts as (
    select * from (values
        ('busy', 'productive'),
        ('busy', 'under_utilised'),
        ('unallocated', 'unallocated'),
        ('failed', 'failed'),
        ('standby', 'standby'),
        ('loading', 'loading'),
        ('warm_idle', 'warm_idle')
    ) as states (state, reported_state)
),

final as (
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
)

select * from final
