{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        on_schema_change='fail',
        pre_hook="{{ delete_touched('billing_period') }}",
    )
}}

with restated as (
    select *, cast(null as varchar) as x_original_billing_period
    from {{ ref('int_cost_allocations') }}
    where {{ touched('billing_period') }}
)

select * from restated
