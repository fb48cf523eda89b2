{#-
    Where commitment discounts fall. Policy `as_billed`: with the usage the commitment happened to cover; nothing to do here.
    Policy `spread`: the discount of committed usage (list cost less effective cost) is taken from those who used it and given to
    all who used the same service and instance family in the month, committed or on demand, by list cost. Both halves are rows
    of the committed charge and cancel out, so its ledger rows still sum to it.
-#}
-- depends_on: {{ ref('int_charges') }}, {{ ref('int_allocations_idle') }}, {{ ref('int_allocations_api') }}
-- depends_on: {{ ref('int_allocations_shared') }}
{% if var('commitment_policy') == 'spread' -%}
with charges as (
    select
        charge_key, billing_period, billing_currency, coalesce(service_provider_name, '') as service_provider_name,
        coalesce(service_name, '') as service_name, list_cost,
        coalesce(regexp_extract(x_instance_type, '^[^.-]+'), '') as family,
        case when commitment_discount_status = 'Used' then list_cost - effective_cost else 0 end as discount
    from {{ ref('int_charges') }}
    where
        charge_category = 'Usage' and list_cost > 0 and commitment_discount_status is distinct from 'Unused'
        and pricing_category is distinct from 'Dynamic'
),

allocated as (
    {%- for stage in ['direct', 'idle', 'api', 'shared'] %}
    select
        charge_key, billing_period, allocation_path, team_id, product, model_id, deployment_id, gpu_state, rule_id, pool_id,
        pool_path, share
    from {{ ref('int_allocations_' ~ stage) }}
    where share > 0
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

users as (
    select
        allocated.*,
        charges.* exclude (charge_key, billing_period),
        cast(allocated.share as decimal(38, 18)) as weight,
        sum(cast(allocated.share as decimal(38, 18))) over charge_rows as total_weight,
        sum(cast(allocated.share as decimal(38, 18))) over (
            charge_rows order by allocated.allocation_path, allocated.team_id, allocated.product, allocated.model_id, gpu_state
            rows between unbounded preceding and current row
        ) as running_weight
    from allocated
    inner join charges on allocated.charge_key = charges.charge_key and allocated.billing_period = charges.billing_period
    window charge_rows as (partition by allocated.billing_period, allocated.charge_key)
),

family_users as (
    select
        billing_period, billing_currency, service_provider_name, service_name, family, team_id, product, model_id, deployment_id,
        sum(cast(cast(list_cost as double) * share as decimal(38, 12))) as weight
    from users
    group by all
    having sum(cast(cast(list_cost as double) * share as decimal(38, 12))) > 0
),

family_weights as (
    select
        *,
        sum(weight) over family_rows as total_weight,
        sum(weight) over (
            family_rows order by team_id, product, model_id, deployment_id rows between unbounded preceding and current row
        ) as running_weight
    from family_users
    window family_rows as (partition by billing_period, billing_currency, service_provider_name, service_name, family)
),

discounts as (
    select
        charge_key, billing_period, any_value(discount) as discount,
        any_value(billing_currency) as billing_currency, any_value(service_provider_name) as service_provider_name,
        any_value(service_name) as service_name, any_value(family) as family, min(rule_id) as rule_id, min(pool_id) as pool_id,
        min(pool_path) as pool_path
    from users
    where discount > 0 and total_weight > 0
    group by charge_key, billing_period
),

moved as (
    select
        users.charge_key, users.billing_period, users.allocation_path || ' > commitment:at list cost' as allocation_path, team_id,
        product, model_id, deployment_id, gpu_state as state, users.rule_id, users.pool_id, users.pool_path,
        users.billing_currency, users.discount,
        {{ exact_part('discount', 'weight', 'running_weight', 'total_weight') }} as effective_cost
    from users
    where discount > 0 and total_weight > 0
    union all by name
    select
        discounts.charge_key, discounts.billing_period,
        concat_ws(' > ', 'rule:' || discounts.rule_id, concat_ws(
            ' ', 'commitment:discount spread over', service_name, nullif(family, '')
        )) as allocation_path,
        family_weights.team_id, family_weights.product, family_weights.model_id, family_weights.deployment_id, null as state,
        discounts.rule_id, discounts.pool_id, discounts.pool_path, discounts.billing_currency,
        discounts.discount,
        -{{ exact_part('discounts.discount', 'weight', 'running_weight', 'total_weight') }} as effective_cost
    from discounts
    inner join family_weights using (billing_period, billing_currency, service_provider_name, service_name, family)
),

final as (
    select
        charge_key, billing_period, 'commitment_spread' as stage, 'commitment' as cost_category, allocation_path, team_id,
        product, model_id, deployment_id, cast(null as varchar) as gpu_state, rule_id, pool_id, 'list_cost' as driver,
        cast(effective_cost / discount as double) as share, pool_path, 'commitment:spread' as allocated_method_id,
        {{ split_details('cast(effective_cost / discount as double)', 'billing_currency', 'effective_cost', gpu_state='state') }}
            as allocated_method_details,
        nullif(team_id, 'unallocated') as allocated_resource_id, cast(null as varchar) as allocated_resource_name,
        case when team_id != 'unallocated' then '{"team":' || cast(to_json(team_id) as varchar) || '}' end as allocated_tags,
        {{ money('0') }} as billed_cost, {{ money('effective_cost') }} as effective_cost
    from moved
)

select * from final
{%- else -%}
select {{ allocation_columns() | join(', ') }}
from {{ ref('int_allocations_direct') }}
where false
{%- endif %}
