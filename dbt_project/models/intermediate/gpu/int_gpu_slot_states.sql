{{ config(materialized='ephemeral') }}

{#-
    The idle waterfall: every scrape slot of a GPU part in exactly one state, first match wins. `busy` is cut into
    productive and under-utilised later, by the hour. A held slot whose work nobody measured is left out: unobserved.
-#}
with shares as (
    select * from {{ ref('int_gpu_shares') }}
),

holdings as (
    select * from {{ ref('int_gpu_holdings') }}
),

-- engine samples on the grid of their day; a GPU slot looks its pod's value up
engine_load as (
    select holders.holder_no, load.slot, load.interval_seconds, load.requests, load.is_failing
    from {{ ref('int_engine_load') }} as load
    inner join (
        select distinct holder_no, namespace, pod from {{ ref('int_gpu_series') }} where holder_no is not null
    ) as holders on load.namespace is not distinct from holders.namespace and load.pod = holders.pod
),

-- a container seen waiting after a failure stands for its five minutes: it is scraped less often than the GPU
failing_pods as (
    select distinct holder_no, slot - slot % 300 as bucket from engine_load where is_failing
),

engine_grids as (
    select slot - slot % 86400 as day, max(interval_seconds) as interval_seconds
    from engine_load
    group by day
),

joined as (
    select
        shares.*,
        holdings.held_since,
        holdings.ready_at,
        holdings.is_standby,
        engine_load.requests,
        {{ is_still('shares.utilisation_nanos') }} as is_still,
        shares.slot >= holdings.broken_from and shares.slot < holdings.broken_until as is_broken,
        holdings.xid as broken_xid,
        failing_pods.holder_no is not null as is_failing,
        shares.slot < holdings.held_since + holdings.max_loading_seconds
            and (holdings.ready_at is null or shares.slot < holdings.ready_at) as is_loading
    from shares
    left join holdings
        on shares.share_no = holdings.share_no
        and shares.holder_no = holdings.holder_no
        and shares.slot - shares.slot % 86400 = holdings.day
    left join engine_grids on shares.slot - shares.slot % 86400 = engine_grids.day
    left join engine_load
        on shares.holder_no = engine_load.holder_no
        and {{ slot_start('shares.slot', 'engine_grids.interval_seconds') }} = engine_load.slot
    left join failing_pods
        on shares.holder_no = failing_pods.holder_no and shares.slot - shares.slot % 300 = failing_pods.bucket
),

classified as (
    select
        *,
        case
            when holder_no is null then 'unallocated'
            when (is_broken or is_failing) and coalesce(is_still, true) then 'failed'
            when is_standby and coalesce(is_still, true) and coalesce(requests, 0) = 0 then 'standby'
            when is_loading then 'loading'
            when requests = 0 then 'warm_idle'
            when requests is null and is_still then 'warm_idle'
            when utilisation_nanos is not null then 'busy'
        end as state
    from joined
),

final as (
    select
        gpu_no,
        share_no,
        node_no,
        holder_no,
        slot,
        {{ slot_seconds('slot', 'interval_seconds') }} as slot_seconds,
        numerator,
        denominator,
        utilisation_nanos,
        ladder_step,
        state,
        case
            when state = 'unallocated' and share_no is null then 'stranded'
            when state = 'failed' then case when is_broken then 'xid ' || broken_xid else 'pod failing' end
            when state = 'warm_idle' and requests is null and fb_used_bytes <= 1073741824 then 'empty'
            when state = 'busy' and requests > 0 and is_still then 'stalled'
        end as sub_state,
        held_since,
        ready_at
    from classified
    where state is not null
)

select * from final
