{#-
    Stage 5: the idle policy. Idle GPU cost stays with its payer (policies `holder` and `platform`, decided in the GPU stage)
    or is spread over the teams by the GPU time they made use of in the same month (`spread`). Always shown apart, as `idle`.
-#}
with gpu as (
    select * from {{ ref('int_allocations_gpu') }}
),

{% if var('idle_policy') == 'spread' -%}
useful_time as (
    select
        strftime(charge_date, '%Y-%m') as billing_period,
        team_id,
        cast(sum(seconds) as decimal(38, 18)) as weight
    from {{ ref('fct_gpu_hours') }}
    where state in ('productive', 'under_utilised') and team_id is not null
    group by all
),

weights as (
    select
        *,
        sum(weight) over (
            partition by billing_period order by team_id rows between unbounded preceding and current row
        ) as running_weight,
        sum(weight) over (partition by billing_period) as total_weight
    from useful_time
    where weight > 0
),

final as (
    select * from gpu
    where cost_category != 'idle'
    union all by name
    select
        gpu.* replace (
            coalesce(weights.team_id, gpu.team_id) as team_id,
            gpu.allocation_path || ' > idle spread' as allocation_path,
            'idle_spread' as driver,
            cast(gpu.share * coalesce(weights.weight / weights.total_weight, 1) as double) as share,
            {{ split_details(
                'gpu.share * coalesce(weights.weight / weights.total_weight, 1)', "'GPU-Hours'", 'weights.weight / 3600',
                gpu_state='gpu.gpu_state'
            ) }} as allocated_method_details,
            weights.team_id as allocated_resource_id,
            cast(null as varchar) as allocated_resource_name,
            case when weights.team_id is not null then '{"team":' || cast(to_json(weights.team_id) as varchar) || '}' end
                as allocated_tags,
            case when weights.weight is null then gpu.billed_cost
                else {{ exact_part('gpu.billed_cost', 'weights.weight', 'weights.running_weight', 'weights.total_weight') }}
            end as billed_cost,
            case when weights.weight is null then gpu.effective_cost
                else {{ exact_part('gpu.effective_cost', 'weights.weight', 'weights.running_weight', 'weights.total_weight') }}
            end as effective_cost
        )
    from gpu
    left join weights on gpu.billing_period = weights.billing_period
    where gpu.cost_category = 'idle'
)
{%- else -%}
final as (
    select * from gpu
)
{%- endif %}

select * from final
