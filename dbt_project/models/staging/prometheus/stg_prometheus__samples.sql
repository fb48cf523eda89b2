with series as (
    select * from {{ ref('stg_prometheus__series') }}
)

select * from {{ samples_of('series') }}
