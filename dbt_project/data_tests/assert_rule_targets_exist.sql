-- Every rule, key, workload, product and pool share names a team, pool, product or cost centre that exists.
with targets as (
    select target_type, target from ({{ target_teams() }}) as team_targets
    union
    select 'pool', pool_id from {{ ref('pools') }}
),

named as (
    select 'rule ' || rule_id as named_in, target_type, target from {{ ref('rules') }}
    where target != '{value}'
    union all
    select 'api key ' || api_key_id, 'team', team_id from {{ ref('api_keys') }}
    union all
    select 'workload ' || deployment_id, 'team', team_id from {{ ref('workloads') }}
    union all
    select 'product ' || product, 'team', team_id from {{ ref('product_teams') }}
    union all
    select 'pool share ' || pool_id, coalesce(target_type, 'team'), target from {{ ref('pool_shares') }}
)

select named.named_in, named.target_type, named.target as missing
from named
left join targets on named.target_type = targets.target_type and lower(named.target) = lower(targets.target)
where targets.target is null
