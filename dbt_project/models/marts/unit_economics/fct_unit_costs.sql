{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        on_schema_change='fail',
        pre_hook="{{ delete_touched('billing_period') }}",
    )
}}

with usage as (
    select
        strftime(charge_date, '%Y-%m') as billing_period,
        charge_date,
        deployment_id,
        case when deployment_id is null then model_id end as api_model_id,
        coalesce(team_id, 'unallocated') as team_id,
        max(model_id) as model_id,
        cast(sum(total_tokens) as bigint) as total_tokens,
        cast(sum(output_tokens) as bigint) as output_tokens,
        cast(sum(requests) as bigint) as requests,
        case when bool_or(is_unpriced) then null else sum(list_cost) end as list_cost
    from {{ ref('fct_token_usage') }}
    where is_primary and {{ touched("strftime(charge_date, '%Y-%m')") }}
    group by all
),

allocations as (
    select
        billing_period,
        charge_date,
        deployment_id,
        case when deployment_id is null then model_id end as api_model_id,
        team_id,
        max(model_id) as model_id,
        billing_currency,
        min(x_evidence) as x_evidence,
        sum(billed_cost) as billed_cost,
        sum(effective_cost) as effective_cost
    from {{ ref('fct_cost_allocations') }}
    where
        {{ touched('billing_period') }} and x_original_billing_period is null
        and (deployment_id is not null or (stage = 'api_pool' and model_id is not null))
    group by all
),

loaded as (
    select
        billing_period,
        charge_date,
        case when workload_type = 'deployment' then workload_id end as deployment_id,
        case when workload_type = 'api' then workload_id end as api_model_id,
        team_id,
        billing_currency,
        sum(amount) as amount
    from {{ ref('fct_tco') }}
    where {{ touched('billing_period') }} and workload_type in ('deployment', 'api')
    group by all
),

costs as (
    select billing_period, charge_date, deployment_id, api_model_id, team_id, model_id, 'billed' as cost_basis, billing_currency,
        billed_cost as cost, x_evidence
    from allocations
    union all by name
    select billing_period, charge_date, deployment_id, api_model_id, team_id, model_id, 'effective' as cost_basis, billing_currency,
        effective_cost as cost, x_evidence
    from allocations
    union all by name
    select billing_period, charge_date, deployment_id, api_model_id, team_id, 'fully_loaded' as cost_basis, billing_currency,
        amount as cost, 'modelled' as x_evidence
    from loaded
    union all by name
    select billing_period, charge_date, deployment_id, api_model_id, team_id, model_id, 'list' as cost_basis, 'USD' as billing_currency,
        list_cost as cost, 'modelled' as x_evidence
    from usage
    where deployment_id is null
),

joined as (
    select
        costs.charge_date,
        costs.billing_period,
        coalesce(usage.model_id, costs.model_id, costs.api_model_id) as model_id,
        costs.deployment_id,
        costs.team_id,
        costs.cost_basis,
        costs.billing_currency,
        costs.cost,
        usage.total_tokens,
        usage.output_tokens,
        usage.requests,
        costs.x_evidence
    from costs
    -- what is billed in another month than it was used in has no tokens of its own month to be divided by
    left join usage
        on costs.billing_period = usage.billing_period
        and costs.charge_date = usage.charge_date
        and costs.team_id = usage.team_id
        and costs.deployment_id is not distinct from usage.deployment_id
        and costs.api_model_id is not distinct from usage.api_model_id
),

final as (
    select
        charge_date,
        billing_period,
        model_id,
        deployment_id,
        team_id,
        cost_basis,
        billing_currency,
        cost,
        total_tokens,
        output_tokens,
        requests,
        {{ rate('cost', 'total_tokens', 1000000) }} as usd_per_million_tokens,
        {{ rate('cost', 'output_tokens', 1000000) }} as usd_per_million_output_tokens,
        {{ rate('cost', 'requests') }} as usd_per_request,
        x_evidence
    from joined
)

select * from final
