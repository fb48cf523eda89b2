{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        on_schema_change='fail',
        pre_hook="{{ delete_touched_or_next('billing_period') }}",
    )
}}

{#-
    Shapley value of every factor of every part: what the factor explains on average over all orders in which the factors
    could have changed. For a product it is the integral of (now - before) x the others along the straight way from one month
    to the other, a polynomial that five Gauss-Legendre points integrate exactly up to ten factors. No order, no residual,
    and zero and negative amounts need no special case. What binary arithmetic leaves over goes to the part's largest driver.
-#}
with parts as (
    select * from {{ ref('int_cost_change_parts') }}
    where {{ touched_or_next('billing_period') }}
    union all
    select * from {{ ref('int_cost_change_token_parts') }}
    where {{ touched_or_next('billing_period') }}
),

numbered as (
    select *, row_number() over (order by billing_period, billing_currency, team_id, part_id) as part_no from parts
),

points(position, weight) as (
    values
        (0.5 - 0.45308992296933197, 0.11846344252809454), (0.5 - 0.26923465505284155, 0.23931433524968324),
        (0.5, 0.28444444444444444),
        (0.5 + 0.26923465505284155, 0.23931433524968324), (0.5 + 0.45308992296933197, 0.11846344252809454)
),

paths as (
    select
        part_no, factors, weight,
        list_transform(factors, lambda f: f.before + position * (f.now - f.before)) as on_the_way
    from numbered
    cross join points
),

factor_numbers as (
    select part_no, unnest(range(1, len(factors) + 1)) as factor_no, factors from numbered
),

explained as (
    select
        factor_numbers.part_no,
        factors[factor_no].driver as driver,
        case
            when abs(factors[factor_no].now - factors[factor_no].before)
                <= 1e-12 * greatest(abs(factors[factor_no].now), abs(factors[factor_no].before)) then 0
            else (factors[factor_no].now - factors[factor_no].before) * sum(
                weight * coalesce(list_product(list_concat(on_the_way[:factor_no - 1], on_the_way[factor_no + 1:])), 1)
                order by weight, on_the_way
            )
        end as estimate
    from factor_numbers
    inner join paths using (part_no, factors)
    group by factor_numbers.part_no, factor_no, factors
),

rounded as (
    select
        part_no, driver, {{ money_from_double('case when isfinite(estimate) then estimate else 0 end') }} as amount,
        row_number() over (partition by part_no order by abs(estimate) desc, driver) as size_rank
    from explained
),

exact as (
    select
        numbered.billing_period, previous_period, team_id, driver, billing_currency,
        case
            when size_rank > 1 then amount
            else amount + coalesce(cost_now, 0) - coalesce(cost_before, 0) - sum(amount) over (partition by part_no)
        end as amount
    from rounded
    inner join numbered using (part_no)
),

final as (
    select
        billing_period, previous_period, team_id, billing_currency, driver, {{ money('sum(amount)') }} as amount
    from exact
    group by all
    having sum(amount) != 0
)

select * from final
