{#-
    Dollars of every cause between the gateway's estimate and the provider's usage at list price. The token cells (gateway tokens at
    list price against provider tokens at list price) and one cell per day and model without a token type (the estimate against the
    gateway's own tokens at list price) add up to estimate -> provider usage.
-#}
{%- set token_causes = ['double_recorded_call', 'failed_but_billed', 'time_zone_cut', 'cached_token_semantics', 'hidden_tokens',
    'service_tier_or_batch', 'bypassed_traffic', 'unexplained'] %}
with token_gaps as (
    select
        *,
        original_cost + copy_cost as left_amount,
        provider_cost as right_amount
    from {{ ref('int_gateway_token_gaps') }}
),

token_parts as (
    {%- for cause in token_causes %}
    select
        billing_period, charge_date, service_provider_name, model_id, price_class, token_type, '{{ cause }}' as cause,
        {% if cause == 'double_recorded_call' -%} -copy_cost
        {%- else -%} {{ valued(cause, 'unit_cost') }}
        {%- endif %} as gap
    from token_gaps
    where {{ cause }} != 0 and not is_unpriced
    union all
    {%- endfor %}
    -- tokens at unequal prices: the context tier is known per call only; the mix of cache writes is not, and stays with their gap
    select
        billing_period, charge_date, service_provider_name, model_id, price_class, token_type,
        case when has_long_context then 'service_tier_or_batch' else 'unexplained' end as cause,
        right_amount - left_amount + copy_cost - {{ valued('(provider_tokens - original_tokens)', 'unit_cost') }} as gap
    from token_gaps
    where not is_unpriced and (token_type != 'cache_write' or provider_tokens = original_tokens)
),

token_cells as (
    select
        billing_period, charge_date, service_provider_name, model_id, token_type,
        bool_or(is_unpriced) as is_unpriced,
        bool_or(is_unpriced and provider_tokens != original_tokens) as has_unpriced_gap,
        sum(left_amount) as left_amount,
        sum(right_amount) as right_amount
    from token_gaps
    group by all
),

price_gaps as (
    select * from {{ ref('int_gateway_price_gaps') }}
),

gaps as (
    select
        cells.billing_period, cells.charge_date, cells.service_provider_name, cells.model_id, cells.token_type, parts.cause,
        cells.left_amount, cells.right_amount, sum(parts.gap) as gap
    from token_cells as cells
    inner join token_parts as parts
        on cells.billing_period = parts.billing_period
        and cells.charge_date = parts.charge_date
        and cells.service_provider_name = parts.service_provider_name
        and cells.model_id = parts.model_id
        and cells.token_type = parts.token_type
    where not cells.is_unpriced
    group by all
    union all
    select
        billing_period, charge_date, service_provider_name, model_id, token_type, 'unpriced', null, null, null
    from token_cells
    where has_unpriced_gap
    union all
    select
        billing_period, charge_date, service_provider_name, model_id, null, cause,
        sum(left_amount) over (partition by billing_period, charge_date, service_provider_name, model_id),
        sum(right_amount) over (partition by billing_period, charge_date, service_provider_name, model_id),
        gap
    from price_gaps
),

samples as (
    select
        billing_period, charge_date, service_provider_name, model_id,
        list_sort(flatten(list(sample_requests) filter (where record = 'copy')))[:3] as copies,
        list_sort(flatten(list(sample_requests) filter (where record = 'failure')))[:3] as failures,
        list_sort(flatten(list(sample_requests) filter (where record = 'original' and price_verdict != 'listed')))[:3]
            as misestimated,
        list_sort(flatten(list(sample_requests) filter (where record = 'original')))[:3] as originals
    from {{ ref('int_gateway_calls') }}
    group by all
),

final as (
    select
        gaps.billing_period, gaps.charge_date, gaps.service_provider_name, cast(null as varchar) as account_id, gaps.model_id,
        gaps.token_type, gaps.cause, 'gateway~provider' as compared, gaps.left_amount, gaps.right_amount, gaps.gap,
        'USD' as billing_currency,
        case
            when gaps.cause = 'double_recorded_call' then samples.copies
            when gaps.cause = 'failed_but_billed' then samples.failures
            when gaps.cause in ('bypassed_traffic', 'service_tier_or_batch') and gaps.token_type is not null then null
            when gaps.token_type is null then samples.misestimated
            else samples.originals
        end as sample_requests
    from gaps
    left join samples
        on gaps.billing_period = samples.billing_period
        and gaps.charge_date = samples.charge_date
        and gaps.service_provider_name = samples.service_provider_name
        and gaps.model_id = samples.model_id
)

select * from final
