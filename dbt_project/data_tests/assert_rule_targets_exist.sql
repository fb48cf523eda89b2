-- Every rule, key, workload and pool share names a team or pool that exists.
with teams as (
    select team_id from {{ ref('teams') }}
),

named as (
    select 'rule ' || rule_id as named_in, target as team_id from {{ ref('rules') }}
    where target_type = 'team' and target != '{value}'
    union all
    select 'api key ' || api_key_id, team_id from {{ ref('api_keys') }}
    union all
    select 'workload ' || deployment_id, team_id from {{ ref('workloads') }}
    union all
    select 'pool share ' || pool_id, team_id from {{ ref('pool_shares') }}
)

select named_in, team_id as missing
from named
where team_id not in (select team_id from teams)
union all
select 'rule ' || rule_id, target
from {{ ref('rules') }}
where target_type = 'pool' and target not in (select pool_id from {{ ref('pools') }})
