-- Hours and money of the waste mart equal fct_gpu_hours per period, exactly.
with gpu_hours as (
    select billing_period, billing_currency, sum(gpu_hours) as gpu_hours, sum(effective_cost) as effective_cost
    from {{ ref('fct_gpu_hours') }}
    group by all
),

waste as (
    select billing_period, billing_currency, sum(gpu_hours) as gpu_hours, sum(effective_cost) as effective_cost
    from {{ ref('fct_gpu_waste') }}
    group by all
)

select gpu_hours.*, waste.gpu_hours as waste_gpu_hours, waste.effective_cost as waste_effective_cost
from gpu_hours
full outer join waste
    on gpu_hours.billing_period = waste.billing_period
    and gpu_hours.billing_currency is not distinct from waste.billing_currency
where
    gpu_hours.gpu_hours is distinct from waste.gpu_hours
    or gpu_hours.effective_cost is distinct from waste.effective_cost
