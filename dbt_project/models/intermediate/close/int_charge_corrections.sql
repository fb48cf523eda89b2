{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        on_schema_change='fail',
        pre_hook="{{ delete_touched('x_original_billing_period') }}",
    )
}}

{#-
    One correction charge for every charge of a closed month whose allocation differs from what was issued: its amounts are the
    charge as restated less what was issued of it, zero when only the allocation moved.
-#}
{%- set dimensions = corrected_dimensions() %}
{%- set amounts = charge_amounts() %}
-- not materialized: summed by key first, described only where something differs
with restated as not materialized (
    select
        1 as precedence,
        charge_key as x_original_charge_key,
        billing_period as x_original_billing_period,
        {{ dimensions | join(', ') }},
        {{ amounts | join(', ') }},
        x_line_count
    from {{ ref('int_charges') }}
    where {{ is_compared('billing_period') }}
),

issued as not materialized (
    select
        case when x_original_billing_period is null then 2 else 3 end as precedence,
        coalesce(x_original_charge_key, charge_key) as x_original_charge_key,
        coalesce(x_original_billing_period, billing_period) as x_original_billing_period,
        {{ dimensions | join(', ') }},
        {%- for name in amounts %}
        -{{ name }} as {{ name }},
        {%- endfor %}
        -cast(x_line_count as bigint) as x_line_count
    from
        {{ issued_mart('charges', frozen_columns(
            dimensions, amounts + ['x_line_count'], ['charge_key', 'x_original_charge_key']
        )) }} as frozen
    where x_dataset != 'disputes'
),

adjusted as (
    select distinct x_original_charge_key, x_original_billing_period
    from {{ ref('int_allocation_adjustments') }}
    where {{ is_compared('x_original_billing_period') }}
),

sides as not materialized (
    select sides.*
    from (select * from restated union all select * from issued) as sides
    inner join adjusted
        on sides.x_original_charge_key = adjusted.x_original_charge_key
        and sides.x_original_billing_period = adjusted.x_original_billing_period
),

differences as (
    select
        x_original_charge_key, x_original_billing_period,
        {%- for name in amounts %}
        sum({{ name }}) as {{ name }},
        {%- endfor %}
        sum(x_line_count) as x_line_count
    from sides
    group by x_original_charge_key, x_original_billing_period
),

described as (
    select * from sides
    qualify row_number() over (
        partition by x_original_charge_key, x_original_billing_period order by precedence
    ) = 1
),

final as (
    select
        {{ correction_key('differences.x_original_charge_key', booking_period()) }} as charge_key,
        {{ booking_period() }} as billing_period,
        differences.x_original_billing_period,
        differences.x_original_charge_key,
        'Correction' as charge_class,
        {%- for name in dimensions %}
        described.{{ name }},
        {%- endfor %}
        {%- for name in amounts %}
        cast(differences.{{ name }} as {{ money_type() }}) as {{ name }},
        {%- endfor %}
        cast(differences.x_line_count as bigint) as x_line_count
    from differences
    inner join described
        on differences.x_original_charge_key = described.x_original_charge_key
        and differences.x_original_billing_period = described.x_original_billing_period
)

select * from final
