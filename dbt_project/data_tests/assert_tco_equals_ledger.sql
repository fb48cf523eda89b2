-- TCO components that were invoiced or metered sum to the ledger's effective cost; modelled and assumed ones stay out of it.
with ledger as (
    select billing_period, billing_currency, sum(effective_cost) as amount
    from {{ ref('fct_cost_allocations') }}
    group by all
),

tco as (
    select billing_period, billing_currency, sum(amount) as amount
    from {{ ref('fct_tco') }}
    where evidence in ('invoiced', 'metered')
    group by all
)

select ledger.*, tco.amount as tco_amount
from ledger
full outer join tco
    on ledger.billing_period = tco.billing_period and ledger.billing_currency = tco.billing_currency
where ledger.amount is distinct from tco.amount
