-- The targets of a rule version, of a product and of a fixed pool (on every day its members change) share exactly the whole.
with pool_days as (
    select pool_id, coalesce(valid_from, date '0001-01-01') as day from {{ ref('pools') }} where driver = 'fixed'
    union
    select pools.pool_id, shares.valid_from
    from {{ ref('pools') }} as pools
    inner join {{ ref('pool_shares') }} as shares
        on pools.pool_id = shares.pool_id and {{ is_valid_on('pools', 'shares.valid_from') }}
    where pools.driver = 'fixed'
)

select 'rule ' || rule_id as shared_by, sum(share) as share
from {{ ref('rules') }}
group by rule_id, valid_from
having sum(share) != 1
union all
select 'product ' || product, sum(share)
from {{ ref('product_teams') }}
group by product
having sum(share) != 1
union all
select 'pool ' || pool_days.pool_id || ' on ' || pool_days.day, sum(shares.share)
from pool_days
left join {{ ref('pool_shares') }} as shares
    on pool_days.pool_id = shares.pool_id and {{ is_valid_on('shares', 'pool_days.day') }}
group by pool_days.pool_id, pool_days.day
having sum(shares.share) is distinct from 1
