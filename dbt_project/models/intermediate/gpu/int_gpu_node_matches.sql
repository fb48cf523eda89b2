{{ config(materialized='ephemeral') }}

{#-
    Which machine of the bill a telemetry node is, per node and day: what the node map says, else the provider id the exporter
    sends, else the node's name, else its first part (i-0ab1.ec2.internal, vm-1.c.project.internal). Ids and names count only
    when the bill names them; a node without a row is on no bill we know.
-#}
with nodes as (
    select
        node_id,
        charge_date,
        lower(regexp_replace(node_id, ':\d+$', '')) as node_name,
        lower({{ short_resource_id('max(provider_id)') }}) as provider_resource_id
    from {{ ref('int_gpu_observed_states') }}
    where {{ in_days_of_run(
        'charge_date',
        'select cast(hour_start as date) from ' ~ ref('int_gpu_node_hours') ~ ' where ' ~ touched_by_run('billing_period')
    ) }}
    group by node_id, charge_date
),

billed as (
    select resource_id, lower(resource_id) as billed_name
    from {{ ref('int_gpu_node_hours') }}
    group by resource_id
),

node_map as (
    select * from {{ ref('node_map') }}
),

candidates as (
    select nodes.node_id, nodes.charge_date, 1 as step, 'node_map' as matched_by, node_map.provider_resource_id as resource_id
    from nodes
    inner join node_map
        on nodes.node_id = node_map.hostname
        and nodes.charge_date >= node_map.valid_from
        and (node_map.valid_to is null or nodes.charge_date < node_map.valid_to)

    union all

    select nodes.node_id, nodes.charge_date, 2, 'provider_id', billed.resource_id
    from nodes
    inner join billed on nodes.provider_resource_id = billed.billed_name

    union all

    select nodes.node_id, nodes.charge_date, 3, 'name', billed.resource_id
    from nodes
    inner join billed on nodes.node_name = billed.billed_name

    union all

    select nodes.node_id, nodes.charge_date, 4, 'first part of the name', billed.resource_id
    from nodes
    inner join billed on split_part(nodes.node_name, '.', 1) = billed.billed_name
),

final as (
    select node_id, charge_date, matched_by, resource_id
    from candidates
    qualify row_number() over (partition by node_id, charge_date order by step, resource_id) = 1
)

select * from final
