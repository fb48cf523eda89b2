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

final as (
    select
        places.gpu_no,
        case when not coalesce(mig_parts.is_stranded, false) then slots.share_no end as share_no,
        places.node_no,
        holder_times.holder_no,
        slots.slot,
        places.interval_seconds,
        coalesce(mig_parts.numerator, 1) as numerator,
        cast(
            coalesce(mig_parts.denominator, 1)
            * case when holder_times.holder_no is null then 1 else bit_count(slots.holder_bits) end as integer
        ) as denominator,
        slots.utilisation_code % {{ ladder_code(1) }} as utilisation_nanos,
        cast(slots.utilisation_code // {{ ladder_code(1) }} as integer) as ladder_step,
        slots.fb_used_bytes
    from slots
    inner join places on slots.share_no = places.share_no and slots.slot - slots.slot % 86400 = places.day
    left join mig_parts
        on slots.share_no = mig_parts.share_no and slots.slot - slots.slot % 3600 = mig_parts.hour
    left join holder_times
        on slots.share_no = holder_times.share_no
        and slots.slot - slots.slot % 86400 = holder_times.day
        and (slots.holder_bits & holder_times.holder_bit) != 0
        and slots.slot >= holder_times.from_slot
        and slots.slot < holder_times.until_slot
        and not coalesce(mig_parts.is_stranded, false)
    where coalesce(mig_parts.numerator, 1) > 0
)

select * from final
