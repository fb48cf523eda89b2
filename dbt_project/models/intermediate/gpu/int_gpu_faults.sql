{{ config(materialized='ephemeral') }}

{#-
    One row per day, GPU part and holder whose GPU was broken on that day: from and until when. Broken is a last error code
    (DCGM_FI_DEV_XID_ERRORS) that takes a reset or a reboot to leave, by the seed xid_errors. The gauge keeps its code until
    exporter or driver restart, so work more than five minutes after it came ends the fault, and a code that already stood at
    midnight counts only on a day without such work. A lost GPU whose exporter sends nothing at all stays unobserved.
    The shares are named twice, not read through a CTE: a CTE of them used twice would be a second copy of all slots.
-#}
with broken as (
    select
        shares.share_no,
        shares.holder_no,
        shares.slot - shares.slot % 86400 as day,
        min(shares.slot) as first_slot,
        max(shares.slot + shares.interval_seconds) as end_slot,
        max(shares.xid) as xid
    from {{ ref('int_gpu_shares') }} as shares
    inner join {{ ref('xid_errors') }} as xid_errors on shares.xid = xid_errors.xid and xid_errors.is_gpu_broken
    where shares.holder_no is not null and shares.xid > 0
    group by shares.share_no, shares.holder_no, day
),

worked as (
    select broken.share_no, broken.holder_no, broken.day, min(shares.slot) as work_slot
    from broken
    inner join {{ ref('int_gpu_shares') }} as shares
        on broken.share_no = shares.share_no
        and broken.holder_no = shares.holder_no
        and shares.slot > broken.first_slot + 300
        and shares.slot < broken.end_slot
        and shares.xid > 0
        and not {{ is_still('shares.utilisation_nanos') }}
    group by broken.share_no, broken.holder_no, broken.day
),

final as (
    select
        broken.share_no,
        broken.holder_no,
        broken.day,
        broken.first_slot as broken_from,
        coalesce(worked.work_slot, broken.end_slot) as broken_until,
        broken.xid
    from broken
    left join worked
        on broken.share_no = worked.share_no and broken.holder_no = worked.holder_no and broken.day = worked.day
    where worked.work_slot is null or broken.first_slot >= broken.day + 600
)

select * from final
