with instance_types as (
    select * from {{ ref('instance_types') }}
),

offers as (
    select * from {{ ref('gpu_offers') }}
),

machines as (
    select
        gpu_model,
        max(gpu_memory_gib_each) as gpu_memory_gib,
        count(distinct instance_type) as instance_types
    from instance_types
    group by gpu_model
),

offered as (
    select
        gpu_model,
        count(*) as offers,
        count(distinct provider) as providers,
        min(usd_per_gpu_hour) filter (where channel = 'on_demand') as min_on_demand_usd_per_gpu_hour,
        median(usd_per_gpu_hour) filter (where channel = 'on_demand') as median_on_demand_usd_per_gpu_hour
    from offers
    where gpu_model is not null
    group by gpu_model
),

final as (
    select
        coalesce(machines.gpu_model, offered.gpu_model) as gpu_model,
        cast(machines.gpu_memory_gib as decimal(9, 3)) as gpu_memory_gib,
        coalesce(machines.instance_types, 0) as instance_types,
        coalesce(offered.offers, 0) as offers,
        coalesce(offered.providers, 0) as providers,
        cast(offered.min_on_demand_usd_per_gpu_hour as decimal(18, 9)) as min_on_demand_usd_per_gpu_hour,
        cast(offered.median_on_demand_usd_per_gpu_hour as decimal(18, 9)) as median_on_demand_usd_per_gpu_hour
    from machines
    full outer join offered on machines.gpu_model = offered.gpu_model
)

select * from final
