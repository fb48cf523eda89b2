{# The ledger's name of a provider as a gateway calls it. #}
{% macro provider_of_gateway(provider) -%}
    case {{ provider }} when 'openai' then 'OpenAI' when 'anthropic' then 'Anthropic' else {{ provider }} end
{%- endmacro %}


{# Tokens at a price per token that is a ratio of sums; the part that rounding leaves is given to the cell's largest part. #}
{% macro valued(tokens, unit_price) -%}
    cast(cast({{ tokens }} * {{ unit_price }} as decimal(38, 12)) as {{ money_type() }})
{%- endmacro %}


{#
    Whether a gap counts as a break: above both published thresholds (variables reconciliation_tolerance_amount, in the billing
    currency, and reconciliation_tolerance_share of the larger side).
#}
{% macro is_beyond_tolerance(left_amount, right_amount) -%}
    abs({{ right_amount }} - {{ left_amount }}) > {{ var('reconciliation_tolerance_amount') }}
        and abs({{ right_amount }} - {{ left_amount }})
            > {{ var('reconciliation_tolerance_share') }} * greatest(abs({{ right_amount }}), abs({{ left_amount }}))
{%- endmacro %}


{#
    Whether a call's estimate `spend` (dollars, DOUBLE) is its tokens at a set of prices per million, up to `slack` (millionths of a
    dollar). Cache reads cost the set's price `read_price`; cache writes may cost anything between the shortest and the longest
    lifetime. NULL when a price is missing.
-#}
{% macro is_estimated_at(price_set, read_price) -%}
    1e6 * spend - (
        {{ micro_dollars('input_uncached_tokens', price_set ~ '.usd.uncached_input') }}
        + {{ micro_dollars('cache_read_tokens', price_set ~ '.usd.' ~ read_price) }}
        + {{ micro_dollars('cache_write_tokens', price_set ~ '.usd.cache_write_5m') }}
        + {{ micro_dollars('output_tokens', price_set ~ '.usd.output') }}
    ) between -slack and slack
        + {{ micro_dollars('cache_write_tokens', price_set ~ '.usd.write_range') }}
{%- endmacro %}


{% macro micro_dollars(tokens, usd_per_million) -%}
    case when {{ tokens }} = 0 then 0 else {{ tokens }} * {{ usd_per_million }} end
{%- endmacro %}
