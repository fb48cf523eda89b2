-- the causes of a compared cell sum to its gap, to the last digit
select
    compared, billing_period, charge_date, service_provider_name, account_id, model_id, token_type, billing_currency,
    any_value(right_amount - left_amount) as cell_gap, sum(gap) as explained
from {{ ref('fct_reconciliation_breaks') }}
where {{ tested_period('billing_period') }} and cause != 'unpriced' and compared != 'cost~invoice'
group by all
having any_value(right_amount - left_amount) != sum(gap)
union all
select
    compared, billing_period, charge_date, service_provider_name, account_id, model_id, token_type, billing_currency,
    right_amount - left_amount, gap
from {{ ref('fct_reconciliation_breaks') }}
where {{ tested_period('billing_period') }} and cause != 'unpriced' and compared = 'cost~invoice' and right_amount - left_amount != gap
