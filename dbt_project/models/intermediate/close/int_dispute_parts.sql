{{ config(materialized='table') }}

{#-
    Accepted disputes that no closed month carries yet, two rows each: the credit of the team that disputed and the debit of the
    team that bears it. They sum to zero under a charge of nothing in the open month.
-#}
with accepted as (
    select * from {{ accepted_disputes() }} as disputes
),

parts as (
    select *, 'credit' as part, team_id as party, -{{ money('amount') }} as part_amount from accepted
    union all
    select *, 'debit' as part, bearer_id as party, {{ money('amount') }} as part_amount from accepted
),

final as (
    select
        md5(concat_ws(chr(31), 'dispute', parts.dispute_id, parts.part)) as allocation_key,
        md5(concat_ws(chr(31), 'dispute', parts.dispute_id)) as charge_key,
        {{ booking_period() }} as billing_period,
        cast(parts.period || '-01' as date) as charge_date,
        parts.period as x_original_billing_period,
        nullif(parts.cost_category, '') as x_original_cost_category,
        parts.currency as billing_currency,
        'internal' as service_provider_name,
        'Dispute' as service_name,
        'dispute/' || parts.dispute_id as allocation_path,
        parts.party as team_id,
        teams.cost_center,
        parts.part_amount as billed_cost,
        parts.part_amount as effective_cost
    from parts
    left join {{ ref('teams') }} as teams on parts.party = teams.team_id
)

select * from final
