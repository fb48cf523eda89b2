{{ config(materialized='ephemeral') }}

{#-
    One row per scrape slot of the batch, GPU part and holder: which part of the GPU (numerator / denominator) who held. The
    parts of a GPU and slot sum to 1, except that a MIG instance without a sample in the slot stays unseen. Pods that share
    a GPU (time-slicing, MPS) hold equal parts of it.
-#}
with slots as (
    select * from {{ ref('int_gpu_slots') }}
),

grids as (
    select * from {{ ref('int_gpu_grids') }}
),

mig_parts as (
    select * from {{ ref('int_gpu_mig_parts') }}
),

places as (
    select
        day,
        share_no,
        any_value(gpu_no) as gpu_no,
        arg_max(node_no, (samples, -node_no)) as node_no,
        max(interval_seconds) as interval_seconds
    from grids
    group by day, share_no
),

-- whose bit it is from when: the same bit is given again after 62 pods
holders as (
    select
        day,
        share_no,
        holder_bit,
        holder_no,
        min(holder_first_seen - holder_first_seen % 3600 % interval_seconds) as from_slot
    from grids
    where holder_no is not null
    group by day, share_no, holder_bit, holder_no
),

holder_times as (
    select
        day,
        share_no,
        holder_bit,
        holder_no,
        case when row_number() over same_bit = 1 then 0 else from_slot end as from_slot,
        coalesce(lead(from_slot) over same_bit, 9223372036854775807) as until_slot
    from holders
    window same_bit as (partition by day, share_no, holder_bit order by from_slot, holder_no)
),

-- who stands behind a set of bits: joined by equality, one row per pod of the set
holder_sets as (
    select
        sets.day,
        sets.share_no,
        sets.holder_bits,
        bit_count(sets.holder_bits) as sharing_pods,
        holder_times.holder_no,
        holder_times.from_slot,
        holder_times.until_slot
    from (
        select distinct slot - slot % 86400 as day, share_no, holder_bits
        from slots
        where holder_bits is not null
    ) as sets
    inner join holder_times
        on sets.day = holder_times.day
        and sets.share_no = holder_times.share_no
        and (sets.holder_bits & holder_times.holder_bit) != 0
),

parts as (
    select
        places.gpu_no,
        case when mig_parts.is_stranded is not true then slots.share_no end as share_no,
        places.day,
        places.node_no,
        slots.slot,
        places.interval_seconds,
        case when mig_parts.is_stranded is not true then slots.holder_bits end as holder_bits,
        coalesce(mig_parts.numerator, 1) as numerator,
        coalesce(mig_parts.denominator, 1) as denominator,
        slots.utilisation_code,
        slots.fb_used_bytes, slots.xid
    from slots
    inner join places on slots.share_no = places.share_no and slots.slot - slots.slot % 86400 = places.day
    left join mig_parts
        on slots.share_no = mig_parts.share_no and slots.slot - slots.slot % 3600 = mig_parts.hour
    where coalesce(mig_parts.numerator, 1) > 0
),

final as (
    select
        parts.gpu_no,
        parts.share_no,
        parts.node_no,
        holder_sets.holder_no,
        parts.slot,
        parts.interval_seconds,
        parts.numerator,
        cast(parts.denominator * coalesce(holder_sets.sharing_pods, 1) as integer) as denominator,
        parts.utilisation_code % {{ ladder_code(1) }} as utilisation_nanos,
        cast(parts.utilisation_code // {{ ladder_code(1) }} as integer) as ladder_step,
        parts.fb_used_bytes, parts.xid
    from parts
    left join holder_sets
        on parts.share_no = holder_sets.share_no
        and parts.day = holder_sets.day
        and parts.holder_bits = holder_sets.holder_bits
        and parts.slot >= holder_sets.from_slot
        and parts.slot < holder_sets.until_slot
)

select * from final
