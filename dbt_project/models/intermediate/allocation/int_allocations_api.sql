{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        pre_hook="{{ delete_touched('billing_period') }}",
    )
}}

{#-
    Stage 3: a provider's cost of one day, account, model and token type over the keys that used it, by their tokens (equal
    prices, so token shares are list-price shares). A line without a token type, or one no usage explains, goes over the
    account's keys of that day by list cost; what then has no usage at all is unallocated, by name.
-#}
with pooled as (
    select
        charges.charge_key, charges.billing_period, charges.charge_date, charges.billing_currency, charges.service_provider_name,
        charges.x_project_id, charges.x_model, charges.x_token_type, charges.billed_cost,
        charges.effective_cost, matched.rule_id, matched.pool_id
    from {{ ref('int_charges') }} as charges
    inner join {{ ref('int_charges_matched') }} as matched on charges.charge_key = matched.charge_key
    where {{ touched('charges.billing_period') }} and {{ touched('matched.billing_period') }} and matched.pool_driver = 'api'
),

usage_weights as (
    select * from {{ ref('int_api_usage_weights') }}
    where charge_date in (select charge_date from pooled)
),

summed as (
    select
        *,
        sum(weight) over driver_group as total_weight,
        sum(weight) over (
            driver_group order by team_id, api_key_id, model_id, model_raw
            rows between unbounded preceding and current row
        ) as running_weight
    from usage_weights
    window driver_group as (
        partition by
            driver, service_provider_name, charge_date, account_id,
            case when driver = 'tokens' then model_raw end, token_type
    )
),

-- whose product a key served on the day
products as (
    select keys.service_provider_name, keys.api_key_id, keys.charge_date, max(api_keys.product) as product
    from (select distinct service_provider_name, api_key_id, charge_date from usage_weights) as keys
    inner join {{ ref('api_keys') }} as api_keys
        on keys.api_key_id = api_keys.api_key_id and lower(keys.service_provider_name) = api_keys.provider
    where keys.charge_date >= api_keys.valid_from and (api_keys.valid_to is null or keys.charge_date < api_keys.valid_to)
    group by all
),

weights as (
    select
        summed.*,
        products.product,
        cast(weight / total_weight as double) as share,
        {{ split_details(
            'weight / total_weight', "case driver when 'tokens' then 'Tokens' else 'USD' end", 'weight'
        ) }} as allocated_method_details,
        {{ allocated_tags('summed.team_id', 'teams.cost_center') }} as allocated_tags
    from summed
    left join {{ ref('teams') }} as teams on summed.team_id = teams.team_id
    left join products
        on summed.service_provider_name = products.service_provider_name
        and summed.api_key_id = products.api_key_id
        and summed.charge_date = products.charge_date
),

explained as (
    select pooled.charge_key, bool_or(weights.total_weight is not null) as is_explained_by_tokens
    from pooled
    left join weights
        on weights.driver = 'tokens'
        and pooled.service_provider_name = weights.service_provider_name
        and pooled.charge_date = weights.charge_date
        and pooled.x_project_id is not distinct from weights.account_id
        and pooled.x_model = weights.model_raw
        and pooled.x_token_type = weights.token_type
    group by pooled.charge_key
),

split as (
    select pooled.*, weights.driver, weights.api_key_id, weights.team_id, weights.model_id, weights.weight,
        weights.running_weight, weights.total_weight, weights.share, weights.allocated_method_details, weights.allocated_tags,
        weights.product
    from pooled
    inner join explained on pooled.charge_key = explained.charge_key
    left join weights
        on weights.driver = case when explained.is_explained_by_tokens then 'tokens' else 'list_cost' end
        and pooled.service_provider_name = weights.service_provider_name
        and pooled.charge_date = weights.charge_date
        and pooled.x_project_id is not distinct from weights.account_id
        and (
            not explained.is_explained_by_tokens
            or (pooled.x_model = weights.model_raw and pooled.x_token_type = weights.token_type)
        )
),

final as (
    select
        charge_key,
        billing_period,
        case when weight is null then 'residual' else 'api_pool' end as stage,
        case when weight is null or team_id = 'unallocated' then 'unallocated' else 'api' end as cost_category,
        concat_ws(
            ' > ', 'rule:' || rule_id, 'pool:' || pool_id,
            'account:' || coalesce(x_project_id, 'default'),
            case when weight is null then 'unallocated: no usage of this account and day'
                else 'key:' || coalesce(api_key_id, 'none') end
        ) as allocation_path,
        coalesce(team_id, 'unallocated') as team_id,
        product,
        coalesce(model_id, x_model) as model_id,
        cast(null as varchar) as deployment_id,
        cast(null as varchar) as gpu_state,
        rule_id,
        pool_id,
        coalesce(driver, 'none') as driver,
        coalesce(share, 1) as share,
        pool_id as pool_path,
        'pool:' || pool_id as allocated_method_id,
        coalesce(allocated_method_details, {{ split_details('1', 'cast(null as varchar)', 'null') }}) as allocated_method_details,
        case when team_id != 'unallocated' then api_key_id end as allocated_resource_id,
        cast(null as varchar) as allocated_resource_name,
        allocated_tags,
        case when weight is null then billed_cost
            else {{ exact_part('billed_cost', 'weight', 'running_weight', 'total_weight') }} end as billed_cost,
        case when weight is null then effective_cost
            else {{ exact_part('effective_cost', 'weight', 'running_weight', 'total_weight') }} end as effective_cost
    from split
)

select * from final
