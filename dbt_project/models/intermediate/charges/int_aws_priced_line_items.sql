{#-
    CUR 2.0 lines with FOCUS charge category and costs. A view of its own, not a CTE: it is read twice (lines, unused parts), and
    a CTE read twice would be written out in full.
-#}
with line_items as (
    select * from {{ ref('stg_aws__cur_line_items') }}
),

charged as (
    select
        *,
        case
            when line_item_type = 'Tax' then 'Tax'
            when line_item_type in ('Credit', 'Refund') then 'Credit'
            when line_item_type in ('SavingsPlanRecurringFee', 'SavingsPlanUpfrontFee', 'RIFee') then 'Purchase'
            when line_item_type = 'Fee' and reservation_arn is not null then 'Purchase'
            when line_item_type in (
                'Usage', 'DiscountedUsage', 'SavingsPlanCoveredUsage', 'Fee', 'FlatRateSubscription'
            ) then 'Usage'
            else 'Adjustment'
        end as charge_category,
        case
            when line_item_type in ('SavingsPlanCoveredUsage', 'DiscountedUsage') then 'Used'
        end as commitment_discount_status,
        case when line_item_type = 'SavingsPlanCoveredUsage' then 0 else unblended_cost end as billed_cost,
        {{ aws_effective_cost() }} as effective_cost,
        case
            when line_item_type in ('Usage', 'DiscountedUsage', 'SavingsPlanCoveredUsage') then public_on_demand_cost
            else unblended_cost
        end as list_cost,
        unblended_cost as contracted_cost
    from line_items
    where line_item_type != 'SavingsPlanNegation'
)

select * from charged
