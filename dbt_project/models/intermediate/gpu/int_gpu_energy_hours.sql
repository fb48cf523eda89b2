{#-
    Energy a GPU drew per hour, from its cumulative counter: the sum of its steps; after a driver reload the counter starts
    again and its new value counts, so what was drawn between the last sample and the restart is lost (a lower bound). Of
    several scrapers of one GPU the fullest of the day is followed: they read the counter at different moments.
-#}
with series as (
    select
        x_source, job, instance, coalesce(hostname, instance) as node_id, gpu_uuid, factor, has_blanks, raw_values, observed_times
    from {{ ref('stg_prometheus__series') }}
    where measure = 'energy_j' and gpu_uuid is not null
),

samples as (
    select x_source, job, instance, node_id, gpu_uuid, observed_at, max(cast(value as decimal(28, 3))) as energy_joules
    from {{ samples_of('series') }}
    where value >= 0
    group by x_source, job, instance, node_id, gpu_uuid, observed_at
),

steps as (
    select
        *,
        energy_joules - lag(energy_joules) over (
            partition by x_source, job, instance, node_id, gpu_uuid order by observed_at
        ) as step_joules
    from samples
),

followed as (
    select x_source, job, instance, node_id, gpu_uuid, cast(observed_at as date) as charge_date
    from samples
    group by x_source, job, instance, node_id, gpu_uuid, cast(observed_at as date)
    qualify row_number() over (
        partition by gpu_uuid, cast(observed_at as date) order by count(*) desc, x_source, job, instance, node_id
    ) = 1
),

final as (
    select
        date_trunc('hour', steps.observed_at) as hour_start,
        followed.charge_date,
        steps.gpu_uuid,
        max(steps.node_id) as node_id,
        sum(case when steps.step_joules < 0 then steps.energy_joules else coalesce(steps.step_joules, 0) end) as energy_joules,
        sum(case when steps.step_joules < 0 then 1 else 0 end) as counter_resets
    from steps
    inner join followed
        on steps.gpu_uuid = followed.gpu_uuid
        and cast(steps.observed_at as date) = followed.charge_date
        and steps.x_source = followed.x_source
        and steps.job is not distinct from followed.job
        and steps.instance is not distinct from followed.instance
        and steps.node_id is not distinct from followed.node_id
    group by date_trunc('hour', steps.observed_at), followed.charge_date, steps.gpu_uuid
)

select * from final
