{#-
    Days of a model whose tokens stand on a neighbouring day at the gateway: a run of days that all differ and together agree (the
    running sum of the gap comes back to a value it had), or every day of a month in which the gateway's clock is off.
-#}
with cells as (
    select * from {{ ref('int_gateway_cells') }}
),

days as (
    select
        billing_period, service_provider_name, model_id, charge_date,
        sum(provider_tokens - original_tokens) as gap,
        -- a second sum with a weight by token type: a gap that only moves between types is no shift
        sum((provider_tokens - original_tokens)
            * case token_type when 'uncached_input' then 1 when 'cache_read' then 3 when 'cache_write' then 7 else 13 end
        ) as weighted_gap
    from cells
    group by all
),

with_start as (
    select * from days
    union all
    select billing_period, service_provider_name, model_id, min(charge_date) - 1, 0, 0
    from days
    group by all
),

running as (
    select
        *,
        sum(gap) over up_to_day as gap_to_date,
        sum(weighted_gap) over up_to_day as weighted_gap_to_date,
        count(*) filter (where gap != 0) over up_to_day as differing_days
    from with_start
    window up_to_day as (partition by billing_period, service_provider_name, model_id order by charge_date)
),

returns as (
    select
        billing_period, service_provider_name, model_id, charge_date as last_day,
        lag(charge_date) over same_sum as day_before,
        differing_days - lag(differing_days) over same_sum as differing_days
    from running
    window same_sum as (
        partition by billing_period, service_provider_name, model_id, gap_to_date, weighted_gap_to_date order by charge_date
    )
),

runs as (
    select * from returns
    where last_day - day_before >= 2 and differing_days = last_day - day_before
),

final as (
    select days.billing_period, days.service_provider_name, days.model_id, days.charge_date
    from days
    inner join runs
        on days.billing_period = runs.billing_period
        and days.service_provider_name = runs.service_provider_name
        and days.model_id = runs.model_id
        and days.charge_date > runs.day_before
        and days.charge_date <= runs.last_day
    union
    select days.billing_period, days.service_provider_name, days.model_id, days.charge_date
    from days
    inner join {{ ref('int_gateway_clocks') }} as clocks
        on days.billing_period = clocks.billing_period
        and days.service_provider_name = clocks.service_provider_name
        and days.model_id = clocks.model_id
)

select * from final
