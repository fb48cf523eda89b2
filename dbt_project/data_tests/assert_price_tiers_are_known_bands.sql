-- Every context tier of a price is a band that usage is grouped by (macro context_thresholds), or it would never apply.
select distinct tier_above_input_tokens
from {{ ref('int_token_prices') }}
where tier_above_input_tokens not in (0, {{ context_thresholds() | join(', ') }})
