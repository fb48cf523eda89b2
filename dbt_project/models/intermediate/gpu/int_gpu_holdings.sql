{{ config(materialized='ephemeral') }}

{#-
    One row per day of the batch, GPU part and pod: since when the pod holds the part without a gap over midnight, when it
    was ready, whether it is a declared standby, and when the GPU was broken under it. A pod that held the part in the last
    hour of the day before goes on.
-#}
with days as (
    select * from {{ ref('int_gpu_held_days') }}
),

standbys as (
    select * from {{ ref('int_gpu_standbys') }}
),

faults as (
    select * from {{ ref('int_gpu_faults') }}
),

assumed as (
    select cast(coalesce(max(value), 900) as bigint) as max_loading_seconds
    from {{ ref('assumptions') }}
    where assumption_id = 'max_loading_seconds' and scope = 'global' and valid_to is null
),

linked as (
    select *, coalesce(lag(last_slot) over one_place >= day - 3600, false) as goes_on
    from days
    window one_place as (partition by share_no, holder_no order by day)
),

stays as (
    select
        *,
        sum(case when goes_on then 0 else 1 end) over (
            partition by share_no, holder_no order by day rows between unbounded preceding and current row
        ) as stay_no
    from linked
),

final as (
    select
        stays.share_no,
        stays.holder_no,
        stays.day,
        min(stays.first_slot) over so_far as held_since,
        min(stays.ready_slot) over so_far as ready_at,
        assumed.max_loading_seconds,
        coalesce(standbys.is_standby, false) as is_standby,
        faults.broken_from,
        faults.broken_until,
        faults.xid
    from stays
    cross join assumed
    left join standbys
        on stays.holder_no = standbys.holder_no and stays.day = standbys.day
    left join faults
        on stays.share_no = faults.share_no and stays.holder_no = faults.holder_no and stays.day = faults.day
    window so_far as (
        partition by stays.share_no, stays.holder_no, stays.stay_no order by stays.day
        rows between unbounded preceding and current row
    )
    qualify stays.is_in_batch
)

select * from final
