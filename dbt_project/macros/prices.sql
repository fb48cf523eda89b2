{#
    The highest input-token threshold of any tiered price that a request is strictly above (0 when none): the finest band in
    which prices cannot differ by context tier. Thresholds are those of seeds/prices (a data test checks that none is missing).
#}
{% macro context_thresholds() -%}
    {{ return([100000, 128000, 199999, 200000, 256000, 272000, 512000]) }}
{%- endmacro %}


{% macro context_band(total_input_tokens) -%}
    case
        {%- for threshold in context_thresholds() | reverse %}
        when {{ total_input_tokens }} > {{ threshold }} then {{ threshold }}
        {%- endfor %}
        else 0
    end
{%- endmacro %}


{# Tokens at a price per 1,000,000, exact: DECIMAL(15,12) x integer x 1e-6. NULL when tokens are used and the price is unknown. #}
{% macro priced_tokens(tokens, price) -%}
    case when {{ tokens }} = 0 then {{ money('0') }}
        else {{ money(price ~ ' * cast(' ~ tokens ~ ' as decimal(15, 0)) * cast(0.000001 as decimal(6, 6))') }}
    end
{%- endmacro %}
