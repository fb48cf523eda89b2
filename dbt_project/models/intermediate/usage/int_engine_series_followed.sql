{{ config(materialized='ephemeral') }}

{#-
    The counters of serving engines that are followed, per day: jobs and replicas of Prometheus read one engine at different
    moments, and only the fullest scraper of the day counts.
-#}
with counters as (
    select *, {{ series_key(engine_counter_labels()) }} as series_id
    from {{ ref('stg_prometheus__series') }}
    where measure in {{ engine_counters() }} and {{ touched_or_day_before_by_run('partition') }}
),

series as (
    select
        series_id,
        partition,
        {%- for label in engine_counter_labels() %}
        any_value({{ label }}) as {{ label }},
        {%- endfor %}
        sum(list_count({{ sample_values() }})) as samples
    from counters
    group by series_id, partition
    having samples > 0
),

-- an engine without a pod is known by its address
scrapers as (
    select partition, {{ engine_labels() | join(', ') }}
    from series
    group by partition, {{ engine_labels() | join(', ') }}
    qualify row_number() over (
        partition by partition, namespace, coalesce(pod, instance), engine, served_model_name
        order by sum(samples) desc, x_source, job, instance
    ) = 1
),

final as (
    select series.*
    from series
    inner join scrapers
        on series.partition = scrapers.partition
        {%- for label in engine_labels() %}
        and series.{{ label }} is not distinct from scrapers.{{ label }}
        {%- endfor %}
)

select * from final
