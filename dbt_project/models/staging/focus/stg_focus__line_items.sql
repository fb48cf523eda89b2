with source as (
    select * from {{ lake_source('focus', focus_lake_columns()) }}
),

renamed as (
    {{ focus_renamed('source', tags='Tags') }}
)

select * from renamed
