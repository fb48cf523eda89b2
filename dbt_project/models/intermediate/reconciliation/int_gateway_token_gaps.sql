{#-
    Why the provider counts other tokens than the gateway, per day, model, price class and token type. Each cause takes what its own
    evidence explains and leaves the rest to the next: recorded twice, failed but billed, other day, cache reads counted as fresh
    input, output the gateway does not see, another price class, and calls that never came through the gateway. What the provider
    has in every type and no other cause explains is bypassed traffic; a surplus of the gateway stays unexplained.
-#}
{%- set a_hundredth = 0.01 %}
with cells as (
    select
        cells.*,
        provider_tokens - original_tokens as gap_0,
        shifted.charge_date is not null as is_shifted
    from {{ ref('int_gateway_cells') }} as cells
    left join {{ ref('int_gateway_shifted_days') }} as shifted
        on cells.billing_period = shifted.billing_period
        and cells.service_provider_name = shifted.service_provider_name
        and cells.model_id = shifted.model_id
        and cells.charge_date = shifted.charge_date
),

failed as (
    select
        *,
        case
            when bool_and(failure_tokens <= gap_0) over calls_of_class and sum(failure_tokens) over calls_of_class > 0
                then failure_tokens
            else 0
        end as failed_but_billed
    from cells
    window calls_of_class as (partition by billing_period, service_provider_name, model_id, charge_date, price_class)
),

shifted as (
    select
        *,
        case when is_shifted then gap_0 - failed_but_billed else 0 end as time_zone_cut,
        case when is_shifted then 0 else gap_0 - failed_but_billed end as gap_1
    from failed
),

sums as (
    select
        *,
        coalesce(sum(gap_1) filter (where token_type != 'output') over calls_of_class, 0) as input_gap,
        coalesce(sum(gap_1) filter (where token_type = 'uncached_input') over calls_of_class, 0) as uncached_gap,
        coalesce(sum(gap_1) filter (where token_type = 'cache_read') over calls_of_class, 0) as read_gap,
        coalesce(sum(gap_1) filter (where token_type = 'cache_write') over calls_of_class, 0) as write_gap,
        coalesce(sum(gap_1) filter (where token_type = 'output') over calls_of_class, 0) as output_gap,
        coalesce(sum(provider_tokens) filter (where token_type = 'cache_read') over calls_of_class, 0) as reads,
        coalesce(sum(provider_tokens) filter (where token_type like 'cache_%') over calls_of_class, 0) as cached
    from shifted
    window calls_of_class as (partition by billing_period, service_provider_name, model_id, charge_date, price_class)
),

cached as (
    select
        *,
        abs(input_gap) <= {{ a_hundredth }} * output_gap as is_input_equal,
        case
            when token_type = 'output' then 0
            -- reads and writes stand among the fresh input
            when (read_gap > 0 or write_gap > 0) and abs(input_gap) <= {{ a_hundredth }} * greatest(read_gap, write_gap)
                then gap_1
            -- counted on top of it, or left out of it although the count includes them
            when read_gap = 0 and write_gap = 0 and uncached_gap != 0
                and (abs(uncached_gap) = reads or abs(uncached_gap) = cached) then gap_1
            -- not counted at all
            when uncached_gap = 0 and output_gap = 0 and (read_gap != 0 or write_gap != 0) then gap_1
            else 0
        end as cached_token_semantics
    from sums
),

hidden as (
    select
        *,
        gap_1 - cached_token_semantics as gap_2,
        case when token_type = 'output' and is_input_equal and output_gap > 0 then gap_1 else 0 end as hidden_tokens
    from cached
),

by_class as (
    select
        *,
        gap_2 - hidden_tokens as gap_3,
        sum(greatest(gap_2 - hidden_tokens, 0)) over all_classes as surplus,
        sum(greatest(hidden_tokens - gap_2, 0)) over all_classes as deficit
    from hidden
    window all_classes as (partition by billing_period, service_provider_name, model_id, charge_date, token_type)
),

classed as (
    select
        *,
        case
            when gap_3 > 0 and deficit > 0 then cast(gap_3 * least(1, deficit / surplus) as bigint)
            when gap_3 < 0 and surplus > 0 then cast(gap_3 * least(1, surplus / deficit) as bigint)
            else 0
        end as service_tier_or_batch
    from by_class
),

final as (
    select
        * exclude (gap_0, gap_1, gap_2, gap_3),
        -copy_tokens as double_recorded_call,
        case when bool_and(gap_3 >= service_tier_or_batch) over calls_of_class then gap_3 - service_tier_or_batch else 0 end
            as bypassed_traffic,
        case when bool_and(gap_3 >= service_tier_or_batch) over calls_of_class then 0 else gap_3 - service_tier_or_batch end
            as unexplained
    from classed
    window calls_of_class as (partition by billing_period, service_provider_name, model_id, charge_date, price_class)
)

select * from final
