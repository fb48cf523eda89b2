{{ config(materialized='ephemeral') }}

{#-
    The GPU series of the batch, one row per day, source and label set: every text once, so that the samples themselves are
    handled by numbers. Utilisation above 1.01 means that the series is in percent although its name says ratio: the
    exporter's whole measure is marked.
-#}
with delivered as (
    select *, {{ sample_key(gpu_series_labels()) }} as series_key
    from {{ ref('stg_prometheus__series') }}
    where
        {{ in_batch('partition') }}
        and measure in ('sm_active', 'gr_engine_active', 'gpu_util', 'fb_used_bytes', 'xid_last_error')
        and gpu_uuid is not null
),

observed as (
    select
        * exclude (raw_values, observed_times),
        case
            when measure in ('sm_active', 'gr_engine_active', 'gpu_util') then list_max({{ sample_values() }})
        end as highest,
        -- no error is no news
        case
            when measure = 'xid_last_error'
                then list_where(observed_times, list_transform({{ sample_values() }}, lambda v: coalesce(v > 0, false)))
            else observed_times
        end as times
    from delivered
),

-- any_value takes the labels the key was made of
labelled as (
    select
        series_key,
        any_value(partition) as partition,
        any_value(x_source) as x_source,
        any_value(gpu_uuid) as gpu_uuid,
        any_value(gpu_instance_id) as gpu_instance_id,
        any_value(coalesce(hostname, instance)) as node_id,
        any_value(namespace) as namespace,
        any_value(pod) as pod,
        any_value(exporter_generation) as exporter_generation,
        max(gpu_index) as gpu_index,
        max(gpu_model_raw) as gpu_model_raw,
        max(gpu_instance_profile) as gpu_instance_profile,
        max(labels) as labels,
        cast(sum(len(times)) as bigint) as samples,
        {{ unix_seconds('min(list_min(times))') }} as first_seen,
        {{ unix_seconds('max(list_max(times))') }} as last_seen,
        coalesce(max(case when measure = 'sm_active' then highest end) > 1.01, false) as is_sm_active_percent,
        coalesce(max(case when measure = 'gr_engine_active' then highest end) > 1.01, false) as is_gr_engine_active_percent,
        coalesce(max(case when measure = 'gpu_util' then highest end) > 1.01, false) as is_gpu_util_percent
    from observed
    where len(times) > 0
    group by series_key
),

final as (
    select
        partition,
        {{ unix_seconds('cast(partition as timestamp)') }} as day,
        x_source,
        series_key,
        cast(dense_rank() over (order by gpu_uuid) as integer) as gpu_no,
        cast(dense_rank() over (order by gpu_uuid, gpu_instance_id) as integer) as share_no,
        cast(dense_rank() over (order by node_id) as integer) as node_no,
        cast(case when pod is not null then dense_rank() over (order by namespace, pod) end as integer) as holder_no,
        gpu_uuid,
        gpu_instance_id,
        node_id,
        namespace,
        pod,
        json_extract_string(labels, '$.cluster') as cluster,
        coalesce(
            json_extract_string(labels, '$.provider_id'), json_extract_string(labels, '$.instance_id')
        ) as provider_id,
        gpu_index,
        gpu_model_raw,
        gpu_instance_profile,
        samples,
        first_seen,
        last_seen,
        bool_or(is_sm_active_percent) over same_exporter as is_sm_active_percent,
        bool_or(is_gr_engine_active_percent) over same_exporter as is_gr_engine_active_percent,
        bool_or(is_gpu_util_percent) over same_exporter as is_gpu_util_percent
    from labelled
    window same_exporter as (partition by partition, gpu_uuid, exporter_generation)
)

select * from final
