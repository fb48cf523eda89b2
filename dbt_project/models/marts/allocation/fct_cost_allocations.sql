{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        on_schema_change='fail',
        pre_hook="{{ delete_touched('billing_period') }}",
    )
}}

with restated as (
    select * from {{ ref('int_cost_allocations') }}
    where {{ touched('billing_period') }}
),

-- what closed months are adjusted by, in the open month that books it
adjusted as (
    select
        *,
        md5(concat_ws(chr(31), 'adjustment', x_original_allocation_key, billing_period)) as allocation_key,
        {{ correction_key('x_original_charge_key', 'billing_period') }} as charge_key,
        'adjustment' as stage,
        'adjustment' as cost_category
    from {{ ref('int_allocation_adjustments') }}
    where {{ touched('billing_period') }}
),

disputed as (
    select *, 'dispute' as stage, 'dispute' as cost_category, 'Adjustment' as charge_category, 'assumed' as x_evidence
    from {{ ref('int_dispute_parts') }}
    where {{ touched('billing_period') }}
),

final as (
    select * from restated
    union all by name
    select * from adjusted
    union all by name
    select * from disputed
)

select * from final
