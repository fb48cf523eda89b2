{#-
    Why a provider bills other dollars than its usage at list price, one row per cause of a differing cell. In this order: the same
    dollars on a neighbouring day, more tokens billed than reported (by the report's own quantity), cache reads at the price of fresh
    input, all tokens at the price of another class or context tier, a fixed ratio over the month (a stale price), output above usage
    without a ratio (hidden tokens where the report counts none), cents per line.
-#}
with counted as (
    select
        *,
        case
            when is_shifted then 0
            when tokens = 0 then cell_gap
            when quantity > tokens then {{ valued('(quantity - tokens)', '(left_amount / tokens)') }}
            else 0
        end as hidden_gap
    from {{ ref('int_usage_cost_shifts') }}
),

rest as (
    select
        *,
        cell_gap - hidden_gap as rest_gap,
        cast(right_amount - hidden_gap as double) as rest_amount,
        -- a delivered amount may be in cents
        greatest(0.005 * coalesce(line_count, 1), 1e-4 * abs(cast(right_amount as double))) as slack
    from counted
),

judged as (
    select
        *,
        case
            when is_shifted then 'time_zone_cut'
            when abs(rest_gap) <= 0.000001 then 'rounding'
            when token_type = 'cache_read' and abs(rest_amount - tokens * fresh_input_price) <= least(slack, 0.01 * rest_amount)
                then 'cached_token_semantics'
            when len(list_filter(prices_of_classes, lambda p: abs(rest_amount - tokens * p) <= least(slack, 0.01 * rest_amount))) > 0
                or (has_long_context and rest_gap > 0) or (right_amount = 0 and other_class = 'priority')
                then 'service_tier_or_batch'
        end as cause
    from rest
),

ratios as (
    select
        *,
        count(*) filter (where cause is null) over price as cells_of_price,
        sum(rest_amount) filter (where cause is null) over price
            / nullif(sum(cast(left_amount as double)) filter (where cause is null) over price, 0) as ratio
    from judged
    window price as (partition by billing_period, service_provider_name, model_id, token_type)
),

ruled as (
    select
        *,
        bool_and(abs(rest_amount - ratio * cast(left_amount as double)) <= least(slack, 0.01 * abs(rest_amount)))
            filter (where cause is null) over price as is_fixed_ratio
    from ratios
    window price as (partition by billing_period, service_provider_name, model_id, token_type)
),

causes as (
    select
        *,
        case
            when cause is not null then cause
            when right_amount != 0 and is_fixed_ratio and (cells_of_price >= 3 or abs(quantity - tokens) <= 0.001 * tokens)
                then 'stale_price'
            when token_type = 'output' and rest_gap > 0 and quantity is null then 'hidden_tokens'
            when abs(rest_gap) <= 0.005 * line_count then 'rounding'
            else 'unexplained'
        end as rest_cause
    from ruled
)

select * exclude (cause), rest_cause as cause, rest_gap as gap from causes where rest_gap != 0
union all by name
select * exclude (cause, rest_cause), 'hidden_tokens' as cause, hidden_gap as gap from causes where hidden_gap != 0
