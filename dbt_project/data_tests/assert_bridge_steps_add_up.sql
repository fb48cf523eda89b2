-- billed cost plus the steps is effective cost, and both ends are those of fct_charges
with bridge as (
    select
        billing_period, billing_currency,
        sum(amount) filter (where step_no = 1) as billed_cost,
        sum(amount) filter (where step_no < 10) as stepped_cost,
        sum(amount) filter (where step_no = 10) as effective_cost
    from {{ ref('fct_cost_bridge') }}
    where {{ tested_period('billing_period') }}
    group by billing_period, billing_currency
),

charges as (
    select billing_period, billing_currency, sum(billed_cost) as billed_cost, sum(effective_cost) as effective_cost
    from {{ ref('fct_charges') }}
    where {{ tested_period('billing_period') }}
    group by billing_period, billing_currency
)

select *
from bridge
full outer join charges using (billing_period, billing_currency)
where bridge.billed_cost is distinct from charges.billed_cost
    or bridge.stepped_cost is distinct from charges.effective_cost
    or bridge.effective_cost is distinct from charges.effective_cost
