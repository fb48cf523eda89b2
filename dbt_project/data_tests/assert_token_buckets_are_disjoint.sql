-- Token buckets are parts of one whole: none negative, and together exactly the total.
select *
from {{ ref('fct_token_usage') }}
where
    {{ tested_period('billing_period') }}
    and (
        least(
            input_uncached_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_30m_tokens, cache_write_1h_tokens,
            output_tokens
        ) < 0
        or output_reasoning_tokens > output_tokens
        or total_tokens is distinct from
            input_uncached_tokens + cache_read_tokens + cache_write_5m_tokens + cache_write_30m_tokens
            + cache_write_1h_tokens + output_tokens
    )
