-- The drivers of a team sum to what its cost changed by; a closed month counts as issued, without what is booked elsewhere for it.
with ledger as (
    select billing_period, team_id, billing_currency, sum(effective_cost) as amount
    from {{ ref('fct_cost_allocations') }}
    group by all
),

booked as (
    select x_original_billing_period as billing_period, team_id, billing_currency, sum(effective_cost) as amount
    from {{ ref('fct_cost_allocations') }}
    where cost_category = 'adjustment'
    group by all
),

periods as (
    select now.billing_period, before.billing_period as previous_period
    from (select distinct billing_period from ledger) as now
    inner join (select distinct billing_period from ledger) as before
        on before.billing_period = {{ month_before('now.billing_period') }}
    where {{ tested_period('now.billing_period') }}
),

expected as (
    select billing_period, team_id, billing_currency, sum(amount) as amount
    from (
        select billing_period, team_id, billing_currency, amount from ledger semi join periods using (billing_period)
        union all
        select periods.billing_period, team_id, billing_currency, -amount
        from ledger inner join periods on ledger.billing_period = periods.previous_period
        union all
        select periods.billing_period, team_id, billing_currency, amount
        from booked inner join periods on booked.billing_period = periods.previous_period
    ) as sides
    group by all
),

explained as (
    select billing_period, team_id, billing_currency, sum(amount) as amount
    from {{ ref('fct_cost_changes') }}
    where {{ tested_period('billing_period') }}
    group by all
)

select
    coalesce(expected.billing_period, explained.billing_period) as billing_period,
    coalesce(expected.team_id, explained.team_id) as team_id,
    expected.amount as changed_by,
    explained.amount as explained
from expected
full outer join explained
    on expected.billing_period = explained.billing_period
    and expected.team_id = explained.team_id
    and expected.billing_currency = explained.billing_currency
where coalesce(expected.amount, 0) != coalesce(explained.amount, 0)
