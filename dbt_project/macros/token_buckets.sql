{# Token type, as prices name it -> column of fct_token_usage: the disjoint buckets that together are all tokens. #}
{% macro token_buckets() -%}
    {{ return({
        'uncached_input': 'input_uncached_tokens',
        'cache_read': 'cache_read_tokens',
        'cache_write_5m': 'cache_write_5m_tokens',
        'cache_write_30m': 'cache_write_30m_tokens',
        'cache_write_1h': 'cache_write_1h_tokens',
        'output': 'output_tokens',
    }) }}
{%- endmacro %}
