-- The ledger rows of every charge sum to the charge in both bases, exactly; no ledger row without its charge.
with charges as (
    select * from {{ ref('fct_charges') }}
    where {{ tested_period('billing_period') }}
),

ledger as (
    select charge_key, sum(billed_cost) as billed_cost, sum(effective_cost) as effective_cost
    from {{ ref('fct_cost_allocations') }}
    where {{ tested_period('billing_period') }}
    group by charge_key
)

select
    charges.billing_period,
    coalesce(charges.charge_key, ledger.charge_key) as charge_key,
    charges.billed_cost,
    ledger.billed_cost as allocated_billed_cost,
    charges.effective_cost,
    ledger.effective_cost as allocated_effective_cost
from charges
full outer join ledger on charges.charge_key = ledger.charge_key
where
    charges.billed_cost is distinct from ledger.billed_cost
    or charges.effective_cost is distinct from ledger.effective_cost
