{#-
    A team's API cost per model and token type as a product in both months: requests x share of the model x calls per request
    x tokens per call x share of input or output x share of the token type in it x list price x exchange rate x billed over
    list. A provider that reports no requests is measured in tokens.
-#}
with lines as (
    select
        billing_period, previous_period, billing_currency, team_id, item as model_id, token_type_or_state as token_type,
        {{ side_sum('effective_cost', false) }} as cost_before, {{ side_sum('effective_cost', true) }} as cost_now,
        {{ side_sum('quantity', false) }} as quantity_before, {{ side_sum('quantity', true) }} as quantity_now
    from {{ ref('int_cost_change_sides') }}
    where kind = 'api' and not is_moved
    group by all
),

usages as (
    select *, token_type = 'output' as is_output from {{ ref('int_cost_change_usages') }}
),

{%- for side, period in [('before', 'previous_period'), ('now', 'billing_period')] %}

usage_{{ side }} as (
    select
        *,
        sum(tokens) over (partition by billing_period, team_id, model_id, is_output) as group_tokens
    from usages
),
{%- endfor %}

joined as (
    select
        lines.*,
        {%- for side in ['before', 'now'] %}
        usage_{{ side }}.tokens as tokens_{{ side }},
        {%- for name in ['total_tokens', 'requests', 'list_cost', 'calls_per_request'] %}
        max(usage_{{ side }}.{{ name }}) over model as {{ name }}_{{ side }},
        {%- endfor %}
        cast(sum(cost_{{ side }}) over model as double) as model_cost_{{ side }},
        max(usage_{{ side }}.group_tokens) over model_group as any_group_{{ side }},
        {%- endfor %}
        not (coalesce(cost_before, 0) != 0 and coalesce(usage_before.tokens, 0) <= 0
            or coalesce(cost_now, 0) != 0 and coalesce(usage_now.tokens, 0) <= 0) as is_measured
    from lines
    {%- for side, period in [('before', 'previous_period'), ('now', 'billing_period')] %}
    left join usage_{{ side }}
        on lines.{{ period }} = usage_{{ side }}.billing_period and lines.team_id = usage_{{ side }}.team_id
        and lines.model_id = usage_{{ side }}.model_id and lines.token_type = usage_{{ side }}.token_type
    {%- endfor %}
    window
        model as (partition by lines.billing_period, billing_currency, lines.team_id, lines.model_id),
        model_group as (
            partition by lines.billing_period, billing_currency, lines.team_id, lines.model_id, lines.token_type = 'output'
        )
),

active as (
    select
        *,
        not (coalesce(total_tokens_before, 0) > 0 and coalesce(requests_before, 0) <= 0
            or coalesce(total_tokens_now, 0) > 0 and coalesce(requests_now, 0) <= 0) as has_requests,
        not (coalesce(model_cost_before, 0) != 0 and not {{ is_sound_ratio('model_cost_before', 'list_cost_before') }}
            or coalesce(model_cost_now, 0) != 0 and not {{ is_sound_ratio('model_cost_now', 'list_cost_now') }}) as has_list,
        not (coalesce(total_tokens_before, 0) > 0 and calls_per_request_before is null
            or coalesce(total_tokens_now, 0) > 0 and calls_per_request_now is null) as has_calls,
        row_number() over (
            partition by billing_period, billing_currency, team_id, model_id order by is_measured desc, token_type
        ) as model_rank
    from joined
),

shared as (
    select
        *,
        {%- for side in ['before', 'now'] %}
        case when has_calls then coalesce(calls_per_request_{{ side }}, calls_per_request_before, calls_per_request_now, 1)
            else 1 end as calls_{{ side }},
        case when has_list then {{ ratio('model_cost_' ~ side, 'list_cost_' ~ side) }} end as discount_{{ side }},
        coalesce(case when has_requests then requests_{{ side }} / calls_{{ side }} else total_tokens_{{ side }} end, 0)
            as activity_{{ side }},
        sum(activity_{{ side }}) filter (model_rank = 1 and is_measured) over (
            partition by billing_period, billing_currency, team_id, has_requests
            order by model_id rows between unbounded preceding and unbounded following
        ) as team_activity_{{ side }}{{ ',' if not loop.last }}
        {%- endfor %}
    from active
)

select
    billing_period, previous_period, billing_currency, team_id, 'api ' || model_id || ' ' || token_type as part_id,
    cost_before, cost_now,
    case when is_measured then [
        {{ factor("case when has_requests then 'requests' else 'usage_volume' end",
            'coalesce(team_activity_before, 0)', 'coalesce(team_activity_now, 0)') }},
        {{ factor("'model_mix'", ratio('activity_before', 'team_activity_before'), ratio('activity_now', 'team_activity_now')) }},
        {{ factor("'retries'", 'case when has_requests then calls_before end', 'case when has_requests then calls_now end') }},
        {{ factor("'tokens_per_request'",
            'case when has_requests then ' ~ ratio('total_tokens_before', 'requests_before') ~ ' end',
            'case when has_requests then ' ~ ratio('total_tokens_now', 'requests_now') ~ ' end') }},
        {{ factor("'input_output_mix'", ratio('coalesce(any_group_before, 0)', 'total_tokens_before'),
            ratio('coalesce(any_group_now, 0)', 'total_tokens_now')) }},
        {{ factor("'cache_hit_rate'", ratio('coalesce(tokens_before, 0)', 'any_group_before'),
            ratio('coalesce(tokens_now, 0)', 'any_group_now')) }},
        {{ factor("'list_price'",
            ratio('cost_before', 'tokens_before') ~ ' / nullif(coalesce(discount_before, 1), 0) / coalesce(per_dollar_before, 1)',
            ratio('cost_now', 'tokens_now') ~ ' / nullif(coalesce(discount_now, 1), 0) / coalesce(per_dollar_now, 1)') }},
        {{ factor("'fx'", 'per_dollar_before', 'per_dollar_now') }},
        {{ factor("'discount_or_commitment'", 'discount_before', 'discount_now') }}
    ] else [
        {{ factor("'usage_volume'", 'coalesce(cast(cost_before as double), 0)', 'coalesce(cast(cost_now as double), 0)') }}
    ] end as factors
from shared
left join {{ ref('int_cost_change_fx') }} as fx using (billing_period, previous_period, billing_currency)
