{#- Every charge line of every provider in one shape. A view: bulk rows are read from the lake and never copied. -#}
with aws as (
    select * from {{ ref('int_aws_charge_lines') }}
),

aws_residuals as (
    select * from {{ ref('int_aws_commitment_residuals') }}
),

gcp as (
    select * from {{ ref('int_gcp_charge_lines') }}
),

focus as (
    select * from {{ ref('int_focus_charge_lines') }}
),

api as (
    select * from {{ ref('int_api_charge_lines') }}
),

final as (
    select * from aws
    union all by name
    select * from aws_residuals
    union all by name
    select * from gcp
    union all by name
    select * from focus
    union all by name
    select * from api
)

select * from final
