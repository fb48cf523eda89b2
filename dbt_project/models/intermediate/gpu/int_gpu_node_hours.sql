{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        pre_hook="{{ delete_touched('billing_period') }}",
    )
}}

{#-
    What one GPU machine cost in one hour and how much of the hour was paid. Lines longer than an hour (daily exports) are
    spread evenly over their hours; parts sum to the line exactly.
-#}
with lines as (
    select * from {{ ref('int_charge_lines') }}
    where
        {{ touched('billing_period') }}
        and charge_category = 'Usage'
        -- a correction of an invoiced month moves money, not machine time
        and charge_class is null
        and commitment_discount_status is distinct from 'Unused'
        and x_instance_type in (select instance_type from {{ ref('instance_types') }})
        and resource_id is not null
),

-- one row per node, period of use, and price class
periods as (
    select
        billing_period,
        billing_currency,
        service_provider_name,
        x_dataset,
        {{ short_resource_id('resource_id') }} as resource_id,
        x_instance_type,
        pricing_category,
        charge_period_start,
        charge_period_end,
        greatest(1, cast(ceil(
            date_diff('second', charge_period_start, charge_period_end) / 3600.0
        ) as integer)) as hours_in_period,
        sum(case when consumed_unit in ('Hrs', 'Hours', 'hour') then consumed_quantity end) as machine_hours,
        sum(billed_cost) as billed_cost,
        sum(effective_cost) as effective_cost
    from lines
    group by all
),

exploded as (
    select
        periods.*,
        unnest(range(hours_in_period)) as hour_number
    from periods
),

hourly as (
    select
        billing_period,
        billing_currency,
        service_provider_name,
        resource_id,
        x_instance_type,
        pricing_category,
        date_trunc('hour', charge_period_start) + to_hours(cast(hour_number as integer)) as hour_start,
        case
            when x_dataset in ('aws_cur_2_0', 'aws_focus') and machine_hours is not null
                then cast(machine_hours * 3600 / hours_in_period as decimal(18, 6))
            else cast(least(3600, date_diff('second', charge_period_start, charge_period_end)) as decimal(18, 6))
        end as paid_seconds,
        x_dataset in ('aws_cur_2_0', 'aws_focus') as is_metered_in_hours,
        {{ exact_part('billed_cost', '1', '(hour_number + 1)', 'hours_in_period') }} as billed_cost,
        {{ exact_part('effective_cost', '1', '(hour_number + 1)', 'hours_in_period') }} as effective_cost
    from exploded
),

-- several price classes can share an hour (partly covered, spot price change): their paid parts add up to the hour at most
final as (
    select
        billing_period,
        hour_start,
        resource_id,
        billing_currency,
        any_value(service_provider_name) as service_provider_name,
        max(x_instance_type) as x_instance_type,
        case
            when count(distinct pricing_category) > 1 then 'Mixed' else max(pricing_category)
        end as pricing_category,
        least(
            3600, case when bool_or(is_metered_in_hours) then sum(paid_seconds) else max(paid_seconds) end
        ) as paid_seconds,
        sum(billed_cost) as billed_cost,
        sum(effective_cost) as effective_cost
    from hourly
    group by billing_period, hour_start, resource_id, billing_currency
)

select * from final
