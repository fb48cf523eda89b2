with source as (
    select * from {{ lake_source('aws_cur_2_0', {
        'line_item_line_item_type': 'varchar',
        'line_item_operation': 'varchar',
        'line_item_usage_type': 'varchar',
        'line_item_resource_id': 'varchar',
        'line_item_usage_account_id': 'varchar',
        'line_item_currency_code': 'varchar',
        'split_line_item_parent_resource_id': 'varchar',
        'resource_tags': 'json',
        'split_line_item_actual_usage': 'money',
        'split_line_item_reserved_usage': 'money',
        'split_line_item_split_usage': 'money',
        'split_line_item_split_cost': 'money',
        'split_line_item_unused_cost': 'money',
        'line_item_usage_start_date': 'timestamp',
        'line_item_usage_end_date': 'timestamp',
    }) }}
),

renamed as (
    select
        -- ids
        x_source,
        partition,
        line_item_resource_id as resource_id,
        split_line_item_parent_resource_id as parent_resource_id,
        line_item_usage_account_id as sub_account_id,

        -- strings: arn:aws:eks:region:account:pod/cluster/namespace/pod/uid, or a task of ECS in its service
        line_item_operation as operation,
        line_item_usage_type as usage_type,
        coalesce(
            nullif(regexp_extract(line_item_resource_id, ':pod/([^/]+)/([^/]+)/([^/]+)', 1), ''),
            {{ aws_tag('resource_tags', 'eks:cluster-name') }},
            {{ aws_tag('resource_tags', 'ecs:clusterName') }}
        ) as cluster,
        coalesce(
            nullif(regexp_extract(line_item_resource_id, ':pod/([^/]+)/([^/]+)/([^/]+)', 2), ''),
            {{ aws_tag('resource_tags', 'eks:namespace') }},
            {{ aws_tag('resource_tags', 'ecs:serviceName') }}
        ) as namespace,
        coalesce(
            nullif(regexp_extract(line_item_resource_id, ':pod/([^/]+)/([^/]+)/([^/]+)', 3), ''),
            {{ aws_tag('resource_tags', 'eks:workload-name') }},
            {{ short_resource_id('line_item_resource_id') }}
        ) as pod,
        line_item_currency_code as billing_currency,

        -- numerics: unit-hours, then money
        split_line_item_actual_usage as actual_usage,
        split_line_item_reserved_usage as reserved_usage,
        split_line_item_split_usage as split_usage,
        split_line_item_split_cost as split_cost,
        split_line_item_unused_cost as unused_cost,

        -- times
        line_item_usage_start_date as charge_period_start,
        line_item_usage_end_date as charge_period_end
    from source
    where line_item_operation in ('EKSPod-EC2', 'ECSTask-EC2')
)

select * from renamed
