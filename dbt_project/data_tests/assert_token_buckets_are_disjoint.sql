-- No token bucket is negative: a vendor's inclusive count was split with parts that do not fit.
select *
from {{ ref('fct_token_usage') }}
where
    {{ tested_period('billing_period') }}
    and least(
        input_uncached_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_30m_tokens, cache_write_1h_tokens,
        output_tokens
    ) < 0
