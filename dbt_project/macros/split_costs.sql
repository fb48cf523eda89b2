{#
    FOCUS 1.3 AllocatedMethodDetails of one allocated row, as JSON text. `ratio` is the row's part of its origin charge (DOUBLE);
    `unit` and `quantity` say what was measured and may be null. A `gpu_state` is added as x_IdleState.
    Meant for the few rows that weights have, not for every charge.
#}
{% macro split_details(ratio, unit, quantity, gpu_state=none) -%}
    '{"Elements":[{"AllocatedRatio":' || cast(cast({{ ratio }} as double) as varchar)
    || coalesce(
        ',"UsageUnit":' || cast(to_json({{ unit }}) as varchar)
        || ',"UsageQuantity":' || cast(cast({{ quantity }} as double) as varchar),
        ''
    )
    || '}]'
    {%- if gpu_state %} || coalesce(',"x_IdleState":' || cast(to_json({{ gpu_state }}) as varchar), ''){% endif %} || '}'
{%- endmacro %}


{# FOCUS 1.3 AllocatedTags: a JSON object with sorted keys, without the keys that have no value; null without a team. #}
{% macro allocated_tags(team_id, cost_center, product='null', deployment_id='null', namespace='null') -%}
    case when {{ team_id }} is not null and {{ team_id }} != 'unallocated' then '{' || concat_ws(
        ',',
        '"cost_center":' || cast(to_json({{ cost_center }}) as varchar),
        '"deployment":' || cast(to_json({{ deployment_id }}) as varchar),
        '"namespace":' || cast(to_json({{ namespace }}) as varchar),
        '"product":' || cast(to_json({{ product }}) as varchar),
        '"team":' || cast(to_json({{ team_id }}) as varchar)
    ) || '}' end
{%- endmacro %}


{# The columns of an allocation stage's rows, in the order of the ledger. #}
{% macro allocation_columns() -%}
    {{ return([
        'charge_key', 'billing_period', 'stage', 'cost_category', 'allocation_path', 'team_id', 'product', 'model_id',
        'deployment_id', 'gpu_state', 'rule_id', 'pool_id', 'driver', 'share', 'pool_path', 'allocated_method_id',
        'allocated_method_details', 'allocated_resource_id', 'allocated_resource_name', 'allocated_tags', 'billed_cost',
        'effective_cost'
    ]) }}
{%- endmacro %}
