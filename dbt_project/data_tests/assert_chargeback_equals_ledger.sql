-- Chargeback per period, currency and basis equals the ledger, exactly.
with ledger as (
    select billing_period, billing_currency, 'billed' as cost_basis, sum(billed_cost) as amount
    from {{ ref('fct_cost_allocations') }}
    group by all
    union all
    select billing_period, billing_currency, 'effective' as cost_basis, sum(effective_cost) as amount
    from {{ ref('fct_cost_allocations') }}
    group by all
),

chargeback as (
    select billing_period, billing_currency, cost_basis, sum(amount) as amount
    from {{ ref('fct_chargeback') }}
    group by all
)

select
    coalesce(ledger.billing_period, chargeback.billing_period) as billing_period,
    coalesce(ledger.billing_currency, chargeback.billing_currency) as billing_currency,
    coalesce(ledger.cost_basis, chargeback.cost_basis) as cost_basis,
    ledger.amount as ledger_amount,
    chargeback.amount as chargeback_amount
from ledger
full outer join chargeback
    on ledger.billing_period = chargeback.billing_period
    and ledger.billing_currency = chargeback.billing_currency
    and ledger.cost_basis = chargeback.cost_basis
where ledger.amount is distinct from chargeback.amount
