{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        on_schema_change='fail',
        pre_hook="{{ delete_touched('billing_period') }}",
    )
}}

with provider_samples as (
    select
        billing_period, charge_date, service_provider_name, model_id,
        list({'account': account_id, 'api_key': api_key_id, 'price_class': price_class, 'tokens': tokens}
            order by tokens desc, account_id, api_key_id, price_class)[:3] as samples
    from (
        select
            billing_period, charge_date, service_provider_name, model_id, account_id, api_key_id, price_class,
            cast(sum(tokens) as bigint) as tokens
        from {{ ref('int_provider_token_costs') }}
        where {{ touched('billing_period') }}
        group by all
    ) as keys
    group by all
),

gateway_gaps as (
    select
        gaps.*,
        cast(case
            when sample_requests is not null then to_json(list_transform(sample_requests, lambda r: {'request_id': r}))
            else to_json(provider_samples.samples)
        end as varchar) as sample_rows
    from {{ ref('int_gateway_gaps') }} as gaps
    left join provider_samples
        on gaps.billing_period = provider_samples.billing_period
        and gaps.charge_date = provider_samples.charge_date
        and gaps.service_provider_name = provider_samples.service_provider_name
        and gaps.model_id = provider_samples.model_id
    where {{ touched('gaps.billing_period') }}
),

parts as (
    select
        billing_period, charge_date, service_provider_name, account_id, model_id, token_type, cause, compared, left_amount,
        right_amount, gap, billing_currency, sample_rows
    from gateway_gaps
    union all
    select
        billing_period, charge_date, service_provider_name, account_id, model_id, token_type, cause, 'usage~cost', left_amount,
        right_amount, gap, billing_currency, cast(to_json(sample_lines) as varchar)
    from {{ ref('int_usage_cost_causes') }}
    where {{ touched('billing_period') }}
    union all
    select
        billing_period, charge_date, service_provider_name, account_id, model_id, token_type, 'unpriced', 'usage~cost', null,
        right_amount, null, billing_currency, cast(to_json(sample_lines) as varchar)
    from {{ ref('int_usage_cost_gaps') }}
    where left_amount is null and {{ touched('billing_period') }}
    union all
    select
        billing_period, null, invoice_issuer_name, null, null, null, cause, 'cost~invoice', left_amount, right_amount, gap,
        billing_currency,
        cast(to_json([{'invoice_id': invoice_id, 'invoiced_amount': cast(invoiced_amount as varchar), 'currency': invoice_currency,
            'rate': rate}]) as varchar)
    from {{ ref('int_invoice_gaps') }}
    where cause is not null and {{ touched('billing_period') }}
),

-- a split by ratios leaves a remainder far below any tolerance: the cell's largest part takes it
ranked as (
    select
        *,
        row_number() over (cell order by abs(gap) desc, cause) as size_rank,
        right_amount - left_amount - sum(gap) over cell as remainder
    from parts
    where cause = 'unpriced' or abs(gap) > 0.000001 or compared = 'cost~invoice'
    window cell as (
        partition by
            compared, billing_period, charge_date, service_provider_name, account_id, model_id, token_type, billing_currency,
            case when compared = 'cost~invoice' then sample_rows end
    )
),

final as (
    select
        billing_period,
        charge_date,
        service_provider_name,
        account_id,
        model_id,
        token_type,
        cause,
        compared,
        {{ money('left_amount') }} as left_amount,
        {{ money('right_amount') }} as right_amount,
        {{ money('gap + case when size_rank = 1 then remainder else 0 end') }} as gap,
        billing_currency,
        coalesce(sample_rows, '[]') as sample_rows,
        cause not in ('unexplained', 'unpriced') as is_explained,
        -- an invoice has cents, no share
        coalesce(abs(gap) > {{ var('reconciliation_tolerance_amount') }} and (
            compared = 'cost~invoice' or {{ is_beyond_tolerance('left_amount', 'right_amount') }}
        ), false) as is_break
    from ranked
)

select * from final
