{{ config(materialized='ephemeral') }}

{#-
    The differing cells of provider usage and cost report, and whether the same dollars stand on a neighbouring day: the gaps of a
    run of differing days sum to nothing.
-#}
with cells as (
    select
        *,
        right_amount - left_amount as cell_gap,
        row_number() over (order by billing_period, charge_date, service_provider_name, account_id, model_id, token_type)
            as cell_no
    from {{ ref('int_usage_cost_gaps') }}
    where left_amount is not null
),

-- every differing day and the day before it, which may agree
days as (
    select
        billing_period, service_provider_name, account_id, model_id, token_type, charge_date,
        sum(gap) as gap, count(*) filter (where gap != 0) as is_differing
    from (
        select billing_period, service_provider_name, account_id, model_id, token_type, charge_date, cell_gap as gap from cells
        union all
        select billing_period, service_provider_name, account_id, model_id, token_type, charge_date - 1, 0 from cells
    ) as days_and_eves
    group by all
),

running as (
    select
        *,
        round(sum(gap) over up_to_day, 4) as gap_to_date,
        sum(is_differing) over up_to_day as differing_days
    from days
    window up_to_day as (
        partition by billing_period, service_provider_name, account_id, model_id, token_type order by charge_date
    )
),

runs as (
    select
        * exclude (gap, is_differing, differing_days, gap_to_date),
        lag(charge_date) over same_sum as day_before
    from running
    window same_sum as (
        partition by billing_period, service_provider_name, account_id, model_id, token_type, gap_to_date order by charge_date
    )
    qualify charge_date - lag(charge_date) over same_sum >= 2
        and differing_days - lag(differing_days) over same_sum = charge_date - lag(charge_date) over same_sum
),

shifted as (
    select distinct cells.cell_no
    from cells
    inner join runs
        on cells.billing_period = runs.billing_period
        and cells.service_provider_name = runs.service_provider_name
        and coalesce(cells.account_id, '') = coalesce(runs.account_id, '')
        and cells.model_id = runs.model_id
        and cells.token_type = runs.token_type
        and cells.charge_date > runs.day_before
        and cells.charge_date <= runs.charge_date
),

final as (
    select cells.*, shifted.cell_no is not null as is_shifted
    from cells
    left join shifted on cells.cell_no = shifted.cell_no
)

select * from final
