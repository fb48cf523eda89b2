{{ config(materialized='ephemeral') }}

{#- Which pods of the batch are declared standbys, per day: the workload with the longest matching prefix says so. -#}
with holders as (
    select day, holder_no, namespace, pod, max(cluster) as cluster
    from {{ ref('int_gpu_series') }}
    where holder_no is not null
    group by day, holder_no, namespace, pod
),

workloads as (
    select * from {{ ref('workloads') }}
),

final as (
    select holders.day, holders.holder_no, coalesce(workloads.role = 'standby', false) as is_standby
    from holders
    inner join workloads
        on holders.namespace = workloads.namespace
        and starts_with(holders.pod, coalesce(workloads.pod_prefix, ''))
        and (workloads.cluster is null or workloads.cluster = holders.cluster)
        and cast({{ from_unix_seconds('holders.day') }} as date) >= workloads.valid_from
        and (workloads.valid_to is null or cast({{ from_unix_seconds('holders.day') }} as date) < workloads.valid_to)
    qualify row_number() over (
        partition by holders.holder_no, holders.day
        order by length(coalesce(workloads.pod_prefix, '')) desc, workloads.deployment_id
    ) = 1
)

select * from final
