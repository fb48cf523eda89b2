{#-
    What a team's cost consists of besides tokens, each part as a product of factors in both months: quantity x price x
    discount of what rules place directly, share x total of pools, hours x price of GPUs, share of a moved charge.
-#}
with sides as (
    select
        *,
        case
            when is_moved then 'moved'
            when kind = 'other' then 'direct'
            else kind
        end as part,
        case when is_moved then identity else item end as part_id
    from {{ ref('int_cost_change_sides') }}
    where kind != 'api' or is_moved
),

by_team as (
    select
        billing_period, previous_period, billing_currency, team_id, part, part_id,
        case when part = 'direct' then unmeasured_driver end as own_driver,
        max(unmeasured_driver) as unmeasured_driver,
        {{ side_sum('effective_cost', false) }} as cost_before, {{ side_sum('effective_cost', true) }} as cost_now,
        {{ side_sum('list_cost', false) }} as list_before, {{ side_sum('list_cost', true) }} as list_now,
        {{ side_sum('quantity', false) }} as quantity_before, {{ side_sum('quantity', true) }} as quantity_now,
        {{ side_sum('quantity', false, "token_type_or_state = 'productive'") }} as productive_before,
        {{ side_sum('quantity', true, "token_type_or_state = 'productive'") }} as productive_now
    from sides
    group by all
),

-- pools and moved charges are shares of a total; everything else is its own total
totals as (
    select
        *,
        {%- for name in ['cost', 'list', 'quantity'] %}
        {%- for side in ['before', 'now'] %}
        cast(
            case when part in ('pool', 'moved') then sum({{ name }}_{{ side }}) over whole
                else {{ name }}_{{ side }} end as double
        ) as total_{{ name }}_{{ side }},
        {%- endfor %}
        {%- endfor %}
        not bool_or(coalesce(cost_before, 0) != 0 and coalesce(quantity_before, 0) <= 0
            or coalesce(cost_now, 0) != 0 and coalesce(quantity_now, 0) <= 0) over whole as has_quantity,
        -- ratios of next to nothing would explain a change by huge amounts that cancel
        not bool_or(coalesce(cost_before, 0) != 0 and not {{ is_sound_ratio('cost_before', 'list_before') }}
            or coalesce(cost_now, 0) != 0 and not {{ is_sound_ratio('cost_now', 'list_now') }}) over whole as has_list,
        coalesce(cost_before, 0) = 0 or productive_before >= 0.02 * quantity_before as was_productive,
        coalesce(cost_now, 0) = 0 or productive_now >= 0.02 * quantity_now as is_productive
    from by_team
    window whole as (
        partition by billing_period, billing_currency, part, part_id, own_driver,
            case when part not in ('pool', 'moved') then team_id end
    )
),

measured as (
    select
        totals.*,
        per_dollar_before,
        per_dollar_now,
        case when has_quantity then 'usage_volume' else unmeasured_driver end as volume_driver,
        {%- for side in ['before', 'now'] %}
        coalesce(case when has_quantity then total_quantity_{{ side }} when has_list then total_list_{{ side }}
            else total_cost_{{ side }} end, 0) as volume_{{ side }},
        case when has_quantity then {{ ratio('case when has_list then total_list_' ~ side ~ ' else total_cost_' ~ side ~ ' end',
            'total_quantity_' ~ side) }} / coalesce(per_dollar_{{ side }}, 1) end as price_{{ side }},
        case when has_list then {{ ratio('total_cost_' ~ side, 'total_list_' ~ side) }} end as discount_{{ side }},
        coalesce({{ ratio('cost_' ~ side, 'total_cost_' ~ side) }}, case when total_cost_{{ side }} != 0 then 0 end)
            as share_{{ side }}{{ ',' if not loop.last }}
        {%- endfor %}
    from totals
    left join {{ ref('int_cost_change_fx') }} as fx using (billing_period, previous_period, billing_currency)
)

select
    billing_period, previous_period, billing_currency, team_id, concat_ws(' ', part, part_id, own_driver) as part_id,
    cost_before, cost_now,
    case part
        when 'adjustment' then [
            {{ factor("'adjustments'", 'coalesce(cast(cost_before as double), 0)', 'coalesce(cast(cost_now as double), 0)') }}
        ]
        when 'pool' then [
            {{ factor("'shared_pool_cost'", 'coalesce(total_cost_before, 0)', 'coalesce(total_cost_now, 0)') }},
            {{ factor("'allocation_key'", 'share_before', 'share_now') }}
        ]
        else list_concat(
            case
                when part = 'moved' then [
                    {{ factor("'rule_or_team_change'", 'share_before', 'share_now') }},
                    {{ factor('volume_driver', 'volume_before', 'volume_now') }}
                ]
                when part = 'gpu_busy' and was_productive and is_productive and has_quantity then [
                    {{ factor("'usage_volume'", 'coalesce(cast(productive_before as double), 0)',
                        'coalesce(cast(productive_now as double), 0)') }},
                    {{ factor("'gpu_utilisation'", ratio('quantity_before', 'productive_before'),
                        ratio('quantity_now', 'productive_now')) }}
                ]
                when part = 'gpu_idle' then [{{ factor("'idle'", 'volume_before', 'volume_now') }}]
                else [{{ factor('volume_driver', 'volume_before', 'volume_now') }}]
            end,
            [
                {{ factor("'list_price'", 'price_before', 'price_now') }},
                {{ factor("'fx'", 'case when has_quantity then per_dollar_before end',
                    'case when has_quantity then per_dollar_now end') }},
                {{ factor("'discount_or_commitment'", 'discount_before', 'discount_now') }}
            ]
        )
    end as factors
from measured
