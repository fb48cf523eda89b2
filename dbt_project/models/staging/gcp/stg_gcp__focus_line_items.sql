with source as (
    select * from {{ lake_source('gcp_focus', focus_lake_columns()) }}
),

renamed as (
    {{ focus_renamed('source', tags='x_Labels') }}
)

select * from renamed
