{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        on_schema_change='fail',
        pre_hook="{{ delete_touched('billing_period') }}",
    )
}}

with lines as (
    select * from {{ ref('int_charge_lines') }}
    where {{ touched('billing_period') }}
),

-- the heavy step: lines to days, tags still as delivered
daily as (
    select
        billing_period,
        cast(charge_period_start as date) as charge_date,
        {{ charge_dimensions() | join(',\n        ') }},
        raw_tags,
        raw_labels,
        sum(consumed_quantity) as consumed_quantity,
        sum(billed_cost) as billed_cost,
        sum(effective_cost) as effective_cost,
        sum(list_cost) as list_cost,
        sum(contracted_cost) as contracted_cost,
        count(*) as x_line_count
    from lines
    group by all
),

tag_sets as (
    select
        raw_tags,
        raw_labels,
        coalesce({{ normalised_tags('raw_tags') }}, {{ labels_to_tags('raw_labels') }}) as tags
    from (select distinct raw_tags, raw_labels from daily) as tag_texts
),

tagged as (
    select daily.*, tag_sets.tags
    from daily
    inner join tag_sets
        on daily.raw_tags is not distinct from tag_sets.raw_tags
        and daily.raw_labels is not distinct from tag_sets.raw_labels
),

-- two texts of one tag set (other order, other prefix) become one charge
rolled_up as (
    select
        billing_period,
        charge_date,
        {{ charge_dimensions() | join(',\n        ') }},
        tags,
        sum(consumed_quantity) as consumed_quantity,
        sum(billed_cost) as billed_cost,
        sum(effective_cost) as effective_cost,
        sum(list_cost) as list_cost,
        sum(contracted_cost) as contracted_cost,
        sum(x_line_count) as x_line_count
    from tagged
    group by all
),

final as (
    select
        md5(concat_ws(
            chr(31),
            billing_period,
            charge_date,
            {%- for column in charge_dimensions() + ['tags'] %}
            coalesce({{ column }}, chr(30)){{ ',' if not loop.last }}
            {%- endfor %}
        )) as charge_key,
        billing_period,
        charge_date,
        billing_account_id,
        billing_account_name,
        sub_account_id,
        sub_account_name,
        service_provider_name,
        invoice_issuer_name,
        invoice_id,
        service_category,
        service_name,
        sku_id,
        sku_meter,
        charge_category,
        charge_class,
        charge_description,
        pricing_category,
        commitment_discount_id,
        commitment_discount_status,
        commitment_discount_type,
        region_id,
        resource_id,
        resource_type,
        x_instance_type,
        x_model,
        x_token_type,
        x_project_id,
        x_api_key_id,
        tags,
        billing_currency,
        consumed_unit,
        consumed_quantity,
        billed_cost,
        effective_cost,
        list_cost,
        contracted_cost,
        cast(x_line_count as bigint) as x_line_count,
        x_source,
        x_dataset,
        x_evidence
    from rolled_up
)

select * from final
