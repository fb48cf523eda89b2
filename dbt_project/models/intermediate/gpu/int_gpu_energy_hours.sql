{#-
    Energy a GPU drew per hour, from its cumulative counter: the sum of its steps; after a driver reload the counter starts
    again and its new value counts, so what was drawn between the last sample and the restart is lost (a lower bound). Each
    scrape job is followed on its own and the fullest one counts: two jobs read one counter at different moments.
-#}
with samples as (
    select
        x_source,
        job,
        instance,
        coalesce(hostname, instance) as node_id,
        gpu_uuid,
        observed_at,
        max(cast(value as decimal(28, 3))) as energy_joules
    from {{ ref('stg_prometheus__samples') }}
    where measure = 'energy_j' and gpu_uuid is not null and value >= 0
    group by x_source, job, instance, coalesce(hostname, instance), gpu_uuid, observed_at
),

steps as (
    select
        *,
        energy_joules - lag(energy_joules) over (
            partition by x_source, job, instance, node_id, gpu_uuid order by observed_at
        ) as step_joules
    from samples
),

increases as (
    select
        date_trunc('hour', observed_at) as hour_start,
        gpu_uuid,
        max(node_id) as node_id,
        sum(case when step_joules < 0 then energy_joules else coalesce(step_joules, 0) end) as energy_joules,
        sum(case when step_joules < 0 then 1 else 0 end) as counter_resets
    from steps
    group by date_trunc('hour', observed_at), gpu_uuid, x_source, job, instance
),

final as (
    select
        hour_start,
        cast(hour_start as date) as charge_date,
        gpu_uuid,
        max(node_id) as node_id,
        max(energy_joules) as energy_joules,
        max(counter_resets) as counter_resets
    from increases
    group by hour_start, gpu_uuid
)

select * from final
