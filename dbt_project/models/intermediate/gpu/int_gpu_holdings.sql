{{ config(materialized='ephemeral') }}

{#-
    One row per day of the batch, GPU part and pod: since when the pod holds the part, when it was ready, whether it is a
    declared standby. Ready is the first sample of the pod's engine; a pod without one is ready at its first kernel or when
    its memory reaches 95 % of the day's peak. A pod that held the part in the last hour of the day before goes on.
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
    select holder_no, namespace, pod, max(cluster) as cluster
    from series
    where holder_no is not null
    group by holder_no, namespace, pod
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
        shares.utilisation_nanos >= 10000000
        or (shares.fb_used_bytes > 1073741824 and shares.fb_used_bytes >= 0.95 * held.peak_bytes)
    group by held.share_no, held.holder_no, held.day
),

earlier as (
    select held.share_no, held.holder_no, held.day + 86400 as day, held.first_slot, first_work.ready_slot
    from held
    left join first_work
        on held.share_no = first_work.share_no
        and held.holder_no = first_work.holder_no
        and held.day = first_work.day
    where held.last_slot >= held.day + 82800

    union all

    select
        places.share_no,
        places.holder_no,
        {{ unix_seconds('own.hour_start') }} + 3600 as day,
        min({{ unix_seconds('own.held_since') }}) as first_slot,
        min({{ unix_seconds('own.ready_at') }}) as ready_slot
    from {{ own_earlier_days('int_gpu_observed_states') }} as own
    inner join (
        select distinct share_no, holder_no, gpu_uuid, gpu_instance_id, namespace, pod from series
    ) as places
        on own.gpu_uuid = places.gpu_uuid
        and own.gpu_instance_id is not distinct from places.gpu_instance_id
        and own.namespace is not distinct from places.namespace
        and own.pod = places.pod
    where extract(hour from own.hour_start) = 23
    group by places.share_no, places.holder_no, own.hour_start
),

standby as (
    select holders.holder_no, held_days.day, workloads.role = 'standby' as is_standby
    from (select distinct holder_no, day from held) as held_days
    inner join holders on held_days.holder_no = holders.holder_no
    inner join {{ ref('workloads') }} as workloads
        on holders.namespace = workloads.namespace
        and starts_with(holders.pod, coalesce(workloads.pod_prefix, ''))
        and (workloads.cluster is null or workloads.cluster = holders.cluster)
        and cast({{ from_unix_seconds('held_days.day') }} as date) >= workloads.valid_from
        and (workloads.valid_to is null or cast({{ from_unix_seconds('held_days.day') }} as date) < workloads.valid_to)
    qualify row_number() over (
        partition by holders.holder_no, held_days.day
        order by length(coalesce(workloads.pod_prefix, '')) desc, workloads.deployment_id
    ) = 1
),

final as (
    select
        held.share_no,
        held.holder_no,
        held.day,
        coalesce(earlier.first_slot, held.first_slot) as held_since,
        coalesce(engines.first_slot, earlier.ready_slot, first_work.ready_slot) as ready_at,
        assumed.max_loading_seconds,
        coalesce(standby.is_standby, false) as is_standby
    from held
    cross join assumed
    left join earlier
        on held.share_no = earlier.share_no and held.holder_no = earlier.holder_no and held.day = earlier.day
    left join first_work
        on held.share_no = first_work.share_no and held.holder_no = first_work.holder_no and held.day = first_work.day
    left join engines on held.holder_no = engines.holder_no and held.day = engines.day
    left join standby on held.holder_no = standby.holder_no and held.day = standby.day
)

select * from final
