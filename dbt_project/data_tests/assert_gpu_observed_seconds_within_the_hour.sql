-- Observed time of a GPU, its MIG instances and sharing pods together, never exceeds the hour.
{%- set days = touched_list('day') %}
select gpu_uuid, hour_start, sum(seconds) as observed_seconds
from {{ ref('int_gpu_observed_states') }}
where {{ 'cast(charge_date as varchar) in ' ~ days if days else 'true' }}
group by gpu_uuid, hour_start
having sum(seconds) > 3600
