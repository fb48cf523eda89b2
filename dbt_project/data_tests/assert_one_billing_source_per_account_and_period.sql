-- Two exports of one account and month (CUR and FOCUS, two exports of one table) would count its bill twice.
select
    billing_period,
    billing_account_id,
    service_provider_name,
    string_agg(distinct x_source || '.' || x_dataset, ', ') as sources
from {{ ref('int_charges') }}
group by billing_period, billing_account_id, service_provider_name
having count(distinct x_source || '.' || x_dataset) > 1
