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


{#
    Tokens at a price per 1,000,000, exact: DECIMAL(22,12) x integer x 1e-6 (the wide price keeps the product out of 64 bits).
    NULL when tokens are used and the price is unknown.
#}
{% macro priced_tokens(tokens, price) -%}
    case when {{ tokens }} = 0 then {{ money('0') }}
        else {{ money('cast(' ~ price ~ ' as decimal(22, 12)) * cast(' ~ tokens ~ ' as decimal(15, 0)) * cast(0.000001 as decimal(6, 6))') }}
    end
{%- endmacro %}


{# A model name without the gateway's provider prefix ('azure/gpt-4o'); fine-tunes ('ft:…') stay models of their own. #}
{% macro bare_model_name(model) -%}
    regexp_replace({{ model }}, '^(openai|azure|anthropic|bedrock|vertex_ai|gemini|mistral|groq)/', '')
{%- endmacro %}


{# The price catalogue's name of a provider as a gateway calls it. #}
{% macro catalogue_provider(gateway_provider) -%}
    case lower({{ gateway_provider }})
        when 'bedrock' then 'aws'
        when 'bedrock_converse' then 'aws'
        when 'azure_ai' then 'azure'
        when 'vertex_ai' then 'google'
        when 'gemini' then 'google'
        when 'together_ai' then 'together'
        when 'fireworks_ai' then 'fireworks'
        when 'xai' then 'x-ai'
        when 'hosted_vllm' then 'self_hosted'
        when 'vllm' then 'self_hosted'
        else lower({{ gateway_provider }})
    end
{%- endmacro %}


{# Whether a time of day lies in [start, end); a window may run over midnight. #}
{% macro in_daily_window(time, window_start, window_end) -%}
    case
        when {{ window_start }} <= {{ window_end }} then {{ time }} >= {{ window_start }} and {{ time }} < {{ window_end }}
        else {{ time }} >= {{ window_start }} or {{ time }} < {{ window_end }}
    end
{%- endmacro %}
