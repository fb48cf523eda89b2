{#-
    Why the gateway's estimate differs from its own tokens at list price, per day and model. A call estimated with cache reads at the
    price of fresh input is a matter of cached tokens. Other estimates are a stale price when, over the month's calls of one key,
    they are a fixed multiple of list cost, or of the input's and the output's (least squares, error below 1 %, five calls or more);
    an estimate of 0 for a model that has a price is one that lacks the price.
-#}
with calls as (
    select *, uncached_input_cost + cache_read_cost + cache_write_cost + output_cost as list_cost
    from {{ ref('int_gateway_costs') }}
    where record != 'failure' and price_verdict != 'unpriced'
),

compared as (
    select distinct billing_period, service_provider_name from {{ ref('int_gateway_cells') }}
),

fit_sums as (
    select
        billing_period, service_provider_name, model_id, api_key_id,
        sum(calls) as calls,
        sum(fit_xx) as xx, sum(fit_xy) as xy, sum(fit_yy) as yy, sum(fit_xs) as xs, sum(fit_ys) as ys, sum(fit_ss) as ss
    from calls
    where price_verdict = 'other'
    group by all
),

solved as (
    select
        *,
        ss - (xs + ys) * (xs + ys) / nullif(xx + 2 * xy + yy, 0) as error_of_one_ratio,
        case when xx * yy - xy * xy > 1e-9 * xx * yy
            then ss - (xs * (xs * yy - ys * xy) + ys * (ys * xx - xs * xy)) / (xx * yy - xy * xy)
        end as error_of_two_ratios
    from fit_sums
),

fits as (
    select
        billing_period, service_provider_name, model_id, api_key_id,
        calls >= 5 and least(error_of_one_ratio, error_of_two_ratios) <= 1e-4 * ss as is_fixed_ratio
    from solved
),

causes as (
    select
        calls.billing_period, calls.charge_date, calls.service_provider_name, calls.model_id,
        case
            when calls.price_verdict = 'listed' then 'rounding'
            when calls.price_verdict = 'reads_as_input' then 'cached_token_semantics'
            when calls.price_verdict = 'missing' or coalesce(fits.is_fixed_ratio, false) then 'stale_price'
            else 'unexplained'
        end as cause,
        calls.estimate,
        calls.list_cost
    from calls
    semi join compared
        on calls.billing_period = compared.billing_period
        and calls.service_provider_name = compared.service_provider_name
    left join fits
        on calls.billing_period = fits.billing_period
        and calls.service_provider_name = fits.service_provider_name
        and calls.model_id = fits.model_id
        and calls.api_key_id is not distinct from fits.api_key_id
),

final as (
    select
        billing_period, charge_date, service_provider_name, model_id, cause,
        sum(estimate) as left_amount,
        sum(list_cost) as right_amount,
        sum(list_cost) - sum(estimate) as gap
    from causes
    group by all
)

select * from final
