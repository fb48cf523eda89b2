"""Writes the OpenAI and Anthropic admin reports as saved pages: usage by key and model, costs by line item.

Daily buckets. OpenAI: input tokens include cached ones, amounts are dollars. Anthropic: buckets are disjoint,
    amounts are cents as text.
Usage pages hold at most 16 buckets and name the next page; every covered day has a bucket.
"""

from __future__ import annotations

import json
from pathlib import Path

from ingest.synthetic.api_calls import searches
from ingest.synthetic.api_traffic import ANTHROPIC_SEARCH_WORKSPACE
from ingest.synthetic.window import Month, day_number
from ingest.synthetic.world import World

BUCKETS_PER_PAGE = 16
_MODEL_NAMES = "case model when 'claude-sonnet-4-6' then 'Claude Sonnet 4.6' else 'Claude Haiku 4.5' end"
_TOKEN_TYPES = (
    "case bucket when 'uncached' then 'uncached_input_tokens' when 'read' then 'cache_read_input_tokens' "
    "when 'write_5m' then 'cache_creation.ephemeral_5m_input_tokens' when 'write_1h' then "
    "'cache_creation.ephemeral_1h_input_tokens' "
    "else 'output_tokens' end"
)

_OPENAI_USAGE = """
    select day, {{
        'object': 'organization.usage.completions.result',
        'input_tokens': uncached + read, 'input_uncached_tokens': uncached, 'input_cached_tokens': read,
        'input_cache_write_tokens': 0, 'input_cache_write_30m_tokens': 0, 'input_cache_write_12h_tokens': 0,
        'output_tokens': output, 'num_model_requests': requests,
        'input_text_tokens': uncached, 'input_cached_text_tokens': read, 'output_text_tokens': output,
        'input_audio_tokens': 0, 'input_cached_audio_tokens': 0, 'output_audio_tokens': 0,
        'input_image_tokens': 0, 'input_cached_image_tokens': 0, 'output_image_tokens': 0,
        'project_id': account, 'user_id': null, 'api_key_id': api_key, 'model': model, 'batch': is_batch,
        'service_tier': 'default', 'api_source': null
    }} as result, row_number() over (order by day, traffic_no) as rank
    from api_usage where provider = 'openai' and not is_embedding"""
_OPENAI_EMBEDDINGS = """
    select day, {{
        'object': 'organization.usage.embeddings.result', 'input_tokens': uncached,
            'num_model_requests': requests,
        'project_id': account, 'user_id': null, 'api_key_id': api_key, 'model': model
    }} as result, row_number() over (order by day, traffic_no) as rank
    from api_usage where provider = 'openai' and is_embedding"""
_OPENAI_COSTS = """
    select day, {{
        'object': 'organization.costs.result', 'amount': {{'value': amount, 'currency': 'usd'}},
        'line_item': coalesce(tool, case when is_batch then 'batch | ' else '' end || model || ', '
            || case bucket when 'uncached' then 'input' when 'read' then 'cached input' else 'output' end),
        'project_id': account, 'user_id': null, 'api_key_id': null, 'api_source': null,
        'quantity': tokens, 'quantity_unit': case when tokens is not null then 'tokens' end
    }} as result, row_number() over (order by day, account, tool, model, is_batch, bucket) as rank
    from api_costs where provider = 'openai'"""
_ANTHROPIC_USAGE = """
    select day, {{
        'uncached_input_tokens': uncached,
        'cache_creation': {{'ephemeral_1h_input_tokens': write_1h, 'ephemeral_5m_input_tokens': write_5m}},
        'cache_read_input_tokens': read, 'output_tokens': output,
            'server_tool_use': {{
                'web_search_requests': case when account = '{search_workspace}' then {searches} else 0 end
            }},
        'api_key_id': api_key, 'workspace_id': account, 'model': model,
        'service_tier': case when is_batch then 'batch' else 'standard' end, 'context_window': '0-200k',
        'inference_geo': 'global', 'account_id': null, 'service_account_id': null
    }} as result, row_number() over (order by day, traffic_no) as rank
    from api_usage where provider = 'anthropic'"""
_ANTHROPIC_COSTS = """
    select day, {{
        'currency': 'USD', 'amount': trim_number(amount * 100), 'workspace_id': account,
        'description': case tool when 'web_search' then 'Web Search Usage' when 'code_execution'
            then 'Code Execution Usage'
            else {names} || ' Usage - ' || {types} end,
        'cost_type': coalesce(tool, 'tokens'), 'context_window': case when tool is null then '0-200k' end,
            'model': model,
        'service_tier': case when tool is null then case when is_batch then 'batch' else 'standard' end end,
        'token_type': case when tool is null then {types} end, 'inference_geo': null
    }} as result, row_number() over (order by day, account, tool, model, is_batch, bucket) as rank
    from api_costs where provider = 'anthropic'"""


def write_api_pages(world: World, month: Month, out: Path) -> dict[str, int]:
    """Write the month's pages from api_usage and api_costs.

    Returns:
        Rows per data set (openai_usage, openai_costs, anthropic_usage, anthropic_costs).
    """
    openai, anthropic = out / "openai", out / "anthropic"
    label = month.label
    rows = {
        "openai_usage": _write(world, month, _OPENAI_USAGE, openai / f"usage_completions_{label}", is_openai=True)
        + _write(world, month, _OPENAI_EMBEDDINGS, openai / f"usage_embeddings_{label}", is_openai=True),
        "openai_costs": _write(world, month, _OPENAI_COSTS, openai / f"costs_{label}", is_openai=True),
        "anthropic_usage": _write(world, month, _ANTHROPIC_USAGE, anthropic / f"usage_report_{label}", is_openai=False),
        "anthropic_costs": _write(world, month, _ANTHROPIC_COSTS, anthropic / f"cost_report_{label}", is_openai=False),
    }
    return rows


def _write(world: World, month: Month, query: str, stem: Path, *, is_openai: bool) -> int:
    results = query.format(
        names=_MODEL_NAMES,
        types=_TOKEN_TYPES,
        search_workspace=ANTHROPIC_SEARCH_WORKSPACE,
        searches=searches(world),
    )
    first, end = day_number(month.first), day_number(month.end)
    if is_openai:
        frame = "'object': 'bucket', 'start_time': d.day * 86400, 'end_time': (d.day + 1) * 86400, "
    else:
        at = "strftime(to_days({}::integer) + timestamp '1970-01-01', '%Y-%m-%dT%H:%M:%SZ')"
        frame = f"'starting_at': {at.format('d.day')}, 'ending_at': {at.format('d.day + 1')}, "
    buckets = world.rows(
        f"""
        with results as ({results}),
        lists as (select day, list(result order by rank) as results, count(*) as n from results group by day)
        select to_json({{{frame}'results': coalesce(l.results, [])}})::varchar, coalesce(l.n, 0)
        from (select unnest(range({first}, {end})) as day) as d left join lists as l using (day)
            order by d.day
        """
    )
    stem.parent.mkdir(parents=True, exist_ok=True)
    pages = [buckets[at : at + BUCKETS_PER_PAGE] for at in range(0, len(buckets), BUCKETS_PER_PAGE)]
    for index, page in enumerate(pages):
        last = index == len(pages) - 1
        head = {"object": "page"} if is_openai else {}
        tail = {"has_more": not last, "next_page": None if last else f"page_{stem.name}_{index + 2}"}
        body = ",\n".join(bucket for bucket, _ in page)
        parts = [json.dumps(head)[1:-1], f'"data": [\n{body}\n]', json.dumps(tail)[1:-1]]
        text = "{" + ",\n".join(part for part in parts if part) + "}\n"
        stem.with_name(f"{stem.name}_page{index + 1}.json").write_text(text, encoding="utf-8")
    return sum(count for _, count in buckets)
