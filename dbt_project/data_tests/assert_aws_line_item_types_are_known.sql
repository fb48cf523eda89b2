-- A line item type AWS adds must be classified before its money is believed.
select partition as billing_period, line_item_type, count(*) as line_count, sum(unblended_cost) as unblended_cost
from {{ ref('stg_aws__cur_line_items') }}
where
    {{ tested_period('partition') }}
    and line_item_type not in (
        'Usage', 'DiscountedUsage', 'SavingsPlanCoveredUsage', 'SavingsPlanNegation', 'SavingsPlanRecurringFee',
        'SavingsPlanUpfrontFee', 'RIFee', 'Fee', 'Tax', 'Credit', 'Refund', 'EdpDiscount', 'PrivateRateDiscount',
        'BundledDiscount', 'RiVolumeDiscount', 'FlatRateSubscription'
    )
group by all
