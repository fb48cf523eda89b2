{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        pre_hook="{{ delete_touched('billing_period') }}",
    )
}}

{#-
    A provider's usage at list price against its own cost report, per day, account, model and token type, with what each cause would
    explain. Lines without a token type (tools, storage, fees) have no usage to compare with. `quantity` is the report's own count.
-#}
with usage as (
    select
        billing_period, charge_date, service_provider_name, account_id, model_id, token_type,
        sum(tokens) as tokens,
        case when count(*) = count(list_cost) then sum(list_cost) end as list_cost,
        max(price_class) filter (where price_class != 'standard') as other_class
    from {{ ref('int_provider_token_costs') }}
    where {{ touched('billing_period') }}
    group by all
),

aliases as (
    select provider, lower(alias) as alias, max(model) as model_id
    from {{ ref('model_aliases') }}
    group by provider, lower(alias)
),

lines as (
    select
        charges.billing_period, charges.charge_date, charges.service_provider_name, charges.x_project_id as account_id,
        coalesce(aliases.model_id, lower(charges.service_provider_name) || '/' || charges.x_model) as model_id,
        charges.x_token_type as token_type, charges.billing_currency, charges.sku_meter, charges.billed_cost,
        charges.consumed_quantity * case charges.consumed_unit when 'tokens' then 1 when '1000_tokens' then 1000 end as quantity
    from {{ ref('int_charges') }} as charges
    left join aliases
        on lower(charges.service_provider_name) = aliases.provider and lower(charges.x_model) = aliases.alias
    where {{ touched('charges.billing_period') }}
        and charges.x_dataset in ('openai_costs', 'anthropic_costs')
        and charges.x_model is not null
        and charges.x_token_type in ('{{ token_buckets().keys() | join("', '") }}')
),

costs as (
    select
        billing_period, charge_date, service_provider_name, account_id, model_id, token_type, billing_currency,
        sum(billed_cost) as billed_cost,
        case when count(*) = count(quantity) then cast(sum(quantity) as double) end as quantity,
        count(*) as line_count,
        bool_or(contains(sku_meter, 'long context')) as has_long_context,
        list({
            'sku_meter': sku_meter, 'quantity': cast(quantity as double), 'billed_cost': cast(billed_cost as varchar)
        } order by billed_cost desc, sku_meter, quantity)[:3] as sample_lines
    from lines
    group by all
),

compared as (
    select distinct billing_period, service_provider_name from usage
    intersect
    select distinct billing_period, service_provider_name from costs
),

prices as (
    select distinct charge_date, model_id, price_class, {{ token_buckets().keys() | join('_price, ') }}_price
    from {{ ref('int_usage_prices') }}
    where {{ touched('billing_period') }} and context_band = 0
),

class_prices as (
    {%- for token_type in token_buckets() %}
    select
        charge_date, model_id, '{{ token_type }}' as token_type,
        list(cast({{ token_type }}_price as double) / 1e6 order by price_class) filter (where {{ token_type }}_price is not null)
            as prices_of_classes,
        max(cast(uncached_input_price as double) / 1e6) filter (where price_class = 'standard') as fresh_input_price
    from prices
    group by charge_date, model_id
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

cells as (
    select
        coalesce(usage.billing_period, costs.billing_period) as billing_period,
        coalesce(usage.charge_date, costs.charge_date) as charge_date,
        coalesce(usage.service_provider_name, costs.service_provider_name) as service_provider_name,
        coalesce(usage.account_id, costs.account_id) as account_id,
        coalesce(usage.model_id, costs.model_id) as model_id,
        coalesce(usage.token_type, costs.token_type) as token_type,
        coalesce(costs.billing_currency, 'USD') as billing_currency,
        coalesce(cast(usage.tokens as double), 0) as tokens,
        case when usage.tokens is null then {{ money('0') }} else usage.list_cost end as left_amount,
        coalesce(costs.billed_cost, 0) as right_amount,
        costs.quantity, costs.line_count, costs.has_long_context, costs.sample_lines, usage.other_class
    from usage
    full outer join costs
        on usage.billing_period = costs.billing_period
        and usage.charge_date = costs.charge_date
        and usage.service_provider_name = costs.service_provider_name
        and coalesce(usage.account_id, '') = coalesce(costs.account_id, '')
        and usage.model_id = costs.model_id
        and usage.token_type = costs.token_type
),

final as (
    select cells.*, class_prices.prices_of_classes, class_prices.fresh_input_price
    from cells
    semi join compared using (billing_period, service_provider_name)
    left join class_prices
        on cells.charge_date = class_prices.charge_date
        and cells.model_id = class_prices.model_id
        and cells.token_type = class_prices.token_type
    where left_amount is null or left_amount != right_amount
)

select * from final
