{{ config(materialized='ephemeral') }}

{#-
    One row per day, GPU part and pod that held it: first and last slot, and when the pod was ready on that day. Ready is the
    first sample of the pod's engine; a pod without one is ready at its first kernel or when its memory reaches 95 % of the
    day's peak. Holds the days of the batch and, from the model's own rows, the day before it.
-#}
with series as (
    select * from {{ ref('int_gpu_series') }}
),

assumed as (
    select cast(coalesce(max(value), 900) as bigint) as max_loading_seconds
    from {{ ref('assumptions') }}
    where assumption_id = 'max_loading_seconds' and scope = 'global' and valid_to is null
),

holders as (
    select distinct holder_no, namespace, pod
    from series
    where holder_no is not null
),

held as (
    select
        share_no,
        holder_no,
        slot - slot % 86400 as day,
        min(slot) as first_slot,
        max(slot) as last_slot,
        max(fb_used_bytes) as peak_bytes
    from {{ ref('int_gpu_shares') }}
    where holder_no is not null
    group by share_no, holder_no, day
),

engines as (
    select holders.holder_no, load.slot - load.slot % 86400 as day, min(load.slot) as first_slot
    from {{ ref('int_engine_load') }} as load
    inner join holders on load.namespace is not distinct from holders.namespace and load.pod = holders.pod
    where load.requests is not null
    group by holders.holder_no, day
),

-- only the slots that can still be loading are looked at
first_work as (
    select held.share_no, held.holder_no, held.day, min(shares.slot) as ready_slot
    from held
    cross join assumed
    inner join {{ ref('int_gpu_shares') }} as shares
        on held.share_no = shares.share_no
        and held.holder_no = shares.holder_no
        and held.day = shares.slot - shares.slot % 86400
        and shares.slot < held.first_slot + assumed.max_loading_seconds
    where
        not {{ is_still('shares.utilisation_nanos') }}
        or (shares.fb_used_bytes > 1073741824 and shares.fb_used_bytes >= 0.95 * held.peak_bytes)
    group by held.share_no, held.holder_no, held.day
),

places as (
    select distinct share_no, holder_no, gpu_uuid, gpu_instance_id, namespace, pod
    from series
    where holder_no is not null
),

-- the last hour the model itself holds before the batch stands as a day of its own
final as (
    select
        held.share_no,
        held.holder_no,
        held.day,
        held.first_slot,
        held.last_slot,
        coalesce(engines.first_slot, first_work.ready_slot) as ready_slot,
        true as is_in_batch
    from held
    left join engines on held.holder_no = engines.holder_no and held.day = engines.day
    left join first_work
        on held.share_no = first_work.share_no and held.holder_no = first_work.holder_no and held.day = first_work.day

    union all

    select
        places.share_no,
        places.holder_no,
        {{ unix_seconds('cast(own.charge_date as timestamp)') }} as day,
        min({{ unix_seconds('own.held_since') }}) as first_slot,
        max({{ unix_seconds('own.hour_start') }}) as last_slot,
        min({{ unix_seconds('own.ready_at') }}) as ready_slot,
        false as is_in_batch
    from {{ own_earlier_days('int_gpu_observed_states') }} as own
    inner join places
        on own.gpu_uuid = places.gpu_uuid
        and own.gpu_instance_id is not distinct from places.gpu_instance_id
        and own.namespace is not distinct from places.namespace
        and own.pod = places.pod
    group by places.share_no, places.holder_no, own.charge_date
)

select * from final
