-- The targets of a rule, and the members of a fixed pool, share exactly the whole.
select 'rule ' || rule_id as rule_or_pool, sum(share) as share
from {{ ref('rules') }}
group by rule_id
having sum(share) != 1
union all
select 'pool ' || pools.pool_id, sum(pool_shares.share)
from {{ ref('pools') }} as pools
inner join {{ ref('pool_shares') }} as pool_shares on pools.pool_id = pool_shares.pool_id
where pools.driver = 'fixed'
group by pools.pool_id
having sum(pool_shares.share) != 1
