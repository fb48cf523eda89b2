{#-
    The lines of a month beside those of the month before. A closed month was issued before what is booked elsewhere as its
    adjustment: that is taken off its side, so that both sides are what statements show. `is_moved`: another rule, or other
    shares of the same one, place the charge now.
-#}
with lines as (
    select * from {{ ref('int_cost_change_lines') }}
),

months as (
    select distinct billing_period from lines
),

pairs as (
    select now.billing_period, before.billing_period as previous_period
    from months as now
    inner join months as before on before.billing_period = {{ month_before('now.billing_period') }}
),

sides as (
    select pairs.*, true as is_now, lines.* exclude (billing_period)
    from pairs inner join lines on lines.billing_period = pairs.billing_period
    union all
    select pairs.*, false as is_now, lines.* exclude (billing_period)
    from pairs inner join lines on lines.billing_period = pairs.previous_period
    union all
    select pairs.*, false as is_now, lines.* exclude (billing_period) replace (-lines.effective_cost as effective_cost)
    from pairs inner join lines on lines.kind = 'adjustment' and lines.item = pairs.previous_period
),

by_team as (
    select
        billing_period, billing_currency, identity, team_id,
        cast(sum(effective_cost) filter (is_now) as double) as cost_now,
        cast(sum(effective_cost) filter (not is_now) as double) as cost_before,
        list(distinct rule_id) filter (is_now) as rules_now,
        list(distinct rule_id) filter (not is_now) as rules_before,
        bool_and(kind = 'direct') as is_direct
    from sides
    where kind != 'adjustment'
    group by all
),

by_identity as (
    select
        billing_period, billing_currency, identity,
        sum(cost_now) as total_now,
        sum(cost_before) as total_before,
        list_sort(list_distinct(flatten(list(rules_now)))) as all_rules_now,
        list_sort(list_distinct(flatten(list(rules_before)))) as all_rules_before
    from by_team
    group by all
),

moved as (
    select distinct by_team.billing_period, by_team.billing_currency, by_team.identity, total_now, total_before
    from by_team
    inner join by_identity using (billing_period, billing_currency, identity)
    where
        total_now != 0 and total_before != 0
        and (
            all_rules_now != all_rules_before
            or (is_direct and abs(coalesce(cost_now, 0) / total_now - coalesce(cost_before, 0) / total_before) > 1e-9)
        )
)

select sides.*, moved.identity is not null and kind != 'adjustment' as is_moved
from sides
left join moved using (billing_period, billing_currency, identity)
