{{ config(materialized='table') }}

{#-
    Which loads the warehouse was built from. Written after every other model: a run that stops early leaves the old state,
    so the next run rebuilds the same partitions again.
-#}
-- depends_on: {{ ref('fct_chargeback') }}, {{ ref('fct_unit_costs') }}, {{ ref('fct_tco') }}, {{ ref('fct_gpu_waste') }}
-- depends_on: {{ ref('fct_reconciliation_breaks') }}, {{ ref('fct_cost_bridge') }}, {{ ref('fct_cost_changes') }}
-- depends_on: {{ ref('fct_adjustments') }}, {{ ref('fct_reconciliation') }}, {{ ref('fct_crossover') }}, {{ ref('fct_token_usage') }}
with manifests as (
    select * from {{ ref('stg_lake__manifests') }}
),

final as (
    select
        x_source,
        x_dataset,
        partition,
        load_id,
        row_count,
        '{{ run_scope().code_version }}' as code_version
    from manifests
    {%- for load in closes_index().loads %}
    union all
    select
        '{{ load.source }}', '{{ load.dataset }}', '{{ load.partition }}', '{{ load.load_id }}', 0,
        '{{ run_scope().code_version }}'
    {%- endfor %}
)

select * from final
