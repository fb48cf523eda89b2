{#-
    By how many hours the gateway's clock stands off the provider's UTC days, per month and model: the smallest offset of -14 to 14
    under which every inner day of the month has the provider's tokens, when some have not without it. At least three inner days.
-#}
with gateway_hours as (
    select billing_period, service_provider_name, model_id, hour_start,
        sum(uncached_input_tokens + cache_read_tokens + cache_write_tokens) as input_tokens, sum(output_tokens) as output_tokens
    from {{ ref('int_gateway_calls') }}
    where record = 'original'
    group by all
),

provider_days as (
    select billing_period, service_provider_name, model_id, charge_date,
        sum(case when token_type != 'output' then provider_tokens else 0 end) as input_tokens,
        sum(case when token_type = 'output' then provider_tokens else 0 end) as output_tokens
    from {{ ref('int_gateway_cells') }}
    group by all
),

inner_days as (
    select * from provider_days
    window days_of_month as (partition by billing_period, service_provider_name, model_id)
    qualify charge_date != min(charge_date) over days_of_month and charge_date != max(charge_date) over days_of_month
),

shifted as (
    select
        hours.billing_period, hours.service_provider_name, hours.model_id, offsets.offset_hours,
        cast(hours.hour_start - to_hours(offsets.offset_hours) as date) as charge_date,
        sum(hours.input_tokens) as input_tokens, sum(hours.output_tokens) as output_tokens
    from gateway_hours as hours
    cross join (select cast(unnest(range(-14, 15)) as integer) as offset_hours) as offsets
    group by all
),

agreement as (
    select
        inner_days.billing_period, inner_days.service_provider_name, inner_days.model_id, shifted.offset_hours,
        count(*) as days,
        count(*) filter (
            where inner_days.input_tokens = shifted.input_tokens and inner_days.output_tokens = shifted.output_tokens
        ) as agreeing_days
    from inner_days
    inner join shifted
        on inner_days.billing_period = shifted.billing_period
        and inner_days.service_provider_name = shifted.service_provider_name
        and inner_days.model_id = shifted.model_id
        and inner_days.charge_date = shifted.charge_date
    group by all
),

final as (
    select
        found.billing_period, found.service_provider_name, found.model_id,
        min_by(found.offset_hours, (abs(found.offset_hours), found.offset_hours)) as offset_hours
    from agreement as found
    inner join agreement as unshifted
        on found.billing_period = unshifted.billing_period
        and found.service_provider_name = unshifted.service_provider_name
        and found.model_id = unshifted.model_id
    where found.days >= 3 and found.agreeing_days = found.days
        and unshifted.offset_hours = 0 and unshifted.agreeing_days < unshifted.days
    group by all
)

select * from final
