{#- Who a pod works for, per day: its deployment by the workloads seed, else a team by an allocation rule on the namespace. -#}
with pods as (
    select distinct namespace, pod, cluster, charge_date
    from {{ ref('int_gpu_observed_states') }}
    where namespace is not null or pod is not null
    union
    -- an engine counts tokens on days when its GPU sends nothing
    select distinct account_id, pod, cast(null as varchar), charge_date
    from {{ ref('int_engine_usages') }}
    where account_id is not null or pod is not null
    {%- if var('gpu_weights') == 'aws_split' %}
    union
    select distinct namespace, pod, cluster, charge_date from {{ ref('int_gpu_split_costs') }}
    {%- endif %}
),

workloads as (
    select * from {{ ref('workloads') }}
),

models as (
    select model, max(model_id) as model_id
    from {{ ref('models') }}
    where is_self_hosted
    group by model
),

namespace_rules as (
    select * from {{ ref('rules') }}
    where match_field = 'namespace' and target_type = 'team'
),

deployed as (
    select
        pods.*,
        workloads.deployment_id,
        workloads.team_id,
        workloads.product,
        coalesce(models.model_id, workloads.model) as model_id
    from pods
    left join workloads
        on pods.namespace = workloads.namespace
        and starts_with(coalesce(pods.pod, ''), coalesce(workloads.pod_prefix, ''))
        and (workloads.cluster is null or workloads.cluster = pods.cluster)
        and pods.charge_date >= workloads.valid_from
        and (workloads.valid_to is null or pods.charge_date < workloads.valid_to)
    left join models on workloads.model = models.model
    qualify row_number() over (
        partition by pods.namespace, pods.pod, pods.cluster, pods.charge_date
        order by length(coalesce(workloads.pod_prefix, '')) desc, workloads.deployment_id
    ) = 1
),

final as (
    select
        deployed.namespace,
        deployed.pod,
        deployed.charge_date,
        deployed.deployment_id,
        coalesce(deployed.team_id, namespace_rules.target) as team_id,
        coalesce(deployed.product, namespace_rules.product) as product,
        deployed.model_id,
        case when deployed.deployment_id is null then namespace_rules.rule_id end as rule_id
    from deployed
    left join namespace_rules
        on {{ rule_matches('deployed.namespace', 'namespace_rules') }}
        and deployed.charge_date >= namespace_rules.valid_from
        and (namespace_rules.valid_to is null or deployed.charge_date < namespace_rules.valid_to)
    qualify row_number() over (
        partition by deployed.namespace, deployed.pod, deployed.charge_date
        order by deployed.deployment_id, namespace_rules.priority, namespace_rules.rule_id
    ) = 1
)

select * from final
