"""Writes the gateway's request log: LiteLLM SpendLogs rows, one file a day.

JSON lines, or if asked for Parquet in the lake's schema. Only traffic through the gateway is logged,
and only with the gateway's own key hashes. A failure has no tokens; a hit of the gateway's cache keeps its tokens
but costs nothing; a model without a known price is logged with spend 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

from ingest.synthetic.api_traffic import TRAFFIC, gateway_key
from ingest.synthetic.window import day_number
from ingest.synthetic.world import World, values

_PRICED = """
    select
        case when is_cache_hit then printf('chatcmpl-nw-%d-%d-%d_cache_hit%d', traffic_no, day, n,
            epoch_ms(started_at))
            else printf('chatcmpl-nw-%d-%d-%d', traffic_no, day, n) end as request_id,
        g.api_key as gateway_api_key, g.alias, g.team, c.*,
        (case when is_failure or is_cache_hit then 0
            else c.uncached * p.uncached + c.read * p.read + c.write_5m * p.write_5m
            + c.write_1h * p.write_1h + c.output * p.output end)::decimal(18, 10) as spend,
        c.uncached + c.read + c.write_5m + c.write_1h as prompt
    from api_calls as c inner join gateway_keys as g on c.gateway = g.alias
    inner join (pivot api_prices on bucket using first(price) group by model, is_batch) as p
        on c.model = p.model and c.is_batch = p.is_batch
"""
_JSON = """
    select
        request_id, 'acompletion' as call_type, gateway_api_key as api_key, spend,
            prompt + output as total_tokens,
        prompt as prompt_tokens, output as completion_tokens, strftime(started_at,
            '%Y-%m-%dT%H:%M:%S.%gZ') as "startTime",
        strftime(ended_at, '%Y-%m-%dT%H:%M:%S.%gZ') as "endTime", epoch_ms(ended_at) - epoch_ms(started_at)
            as request_duration_ms,
        model, 'dep_' || traffic_no as model_id, provider || '/' || model as model_group,
            provider as custom_llm_provider,
        '' as api_base, 'svc_' || team as user,
        {{'user_api_key_alias': alias, 'user_api_key_team_id': 'team_' || team,
            'user_api_key_user_email': null, 'status': case when is_failure then 'failure' else 'success' end,
            'attempted_retries': case when is_failure then 2 when is_retried then 1 else 0 end,
                'max_retries': 2,
            'attempted_fallbacks': is_fallback::integer,
            'usage_object': case when not is_failure or prompt > 0
                then {{'prompt_tokens': prompt, 'completion_tokens': output,
                'total_tokens': prompt + output, 'prompt_tokens_details': {{'cached_tokens': read{writes}}},
                'completion_tokens_details': {{'reasoning_tokens': 0}}}} end,
            'error_information': case when is_failure
                then {{'error_code': '429', 'error_class': 'RateLimitError',
                'llm_provider': provider, 'error_message': 'rate limited'}} end}} as metadata,
        case when is_cache_hit then 'True' else 'False' end as cache_hit, ['env:prod', 'feature:'
            || alias] as request_tags,
        'team_' || team as team_id, 'org_northwind' as organization_id, 'customer_' || (n % 97) as end_user,
        'sess_' || traffic_no || '_' || (n // 4) as session_id, case when is_failure then 'failure'
            else 'success' end as status
    from gateway_log where day = {day} order by started_at, request_id"""
_PARQUET = """
    select
        request_id, 'acompletion' as call_type, gateway_api_key as api_key, spend::decimal(38, 18) as spend,
        prompt::bigint as prompt_tokens, output::bigint as completion_tokens,
            (prompt + output)::bigint as total_tokens,
        read::bigint as cache_read_tokens, (write_5m + write_1h)::bigint as cache_write_tokens, started_at,
            ended_at, model,
        provider || '/' || model as model_group, provider as custom_llm_provider, 'team_' || team as team_id,
        'customer_' || (n % 97) as end_user, case when is_failure then 'failure'
            else 'success' end as status, is_cache_hit as cache_hit,
        (case when is_failure then 2 when is_retried then 1 else 0 end)::integer as attempted_retries,
        is_fallback::integer as attempted_fallbacks, '["env:prod","feature:' || alias || '"]' as request_tags,
        'sess_' || traffic_no || '_' || (n // 4) as session_id, 'spend_logs.parquet' as source_file
    from gateway_log where day = {day} order by started_at, request_id"""


def write_litellm(world: World, days: tuple[date, ...], out: Path) -> int:
    """Write one log file per day from table api_calls.

    Returns:
        Number of log rows.
    """
    make_gateway_log(world, [(t.gateway, gateway_key(t.gateway), t.team) for t in TRAFFIC if t.gateway])
    return write_gateway_log(world, days, out)


def make_gateway_log(world: World, keys: Sequence[tuple[str, str, str]]) -> None:
    """Table gateway_log: the calls of api_calls that went through a gateway key, with the gateway's estimate.

    Args:
        world: session with api_calls and api_prices.
        keys: alias, hash and team of every virtual key.
    """
    world.table("gateway_keys", values("alias, api_key, team", keys))
    world.table("gateway_log", _PRICED)


def write_gateway_log(
    world: World, days: tuple[date, ...], out: Path, *, has_writes: bool = False, is_parquet: bool = False
) -> int:
    """Write one file per day from table gateway_log.

    Args:
        world: session with gateway_log.
        days: days to write.
        out: folder of the sample.
        is_parquet: Parquet in the lake's schema instead of JSON lines.
        has_writes: JSON rows tell writes to the prompt cache; otherwise they stand among the fresh input.

    Returns:
        Number of log rows.
    """
    folder = out / "litellm"
    folder.mkdir(parents=True, exist_ok=True)
    writes = ", 'cache_creation_tokens': write_5m + write_1h" if has_writes else ""
    for day in days:
        if is_parquet:
            target, form, shown = folder / f"spend_logs_{day}.parquet", "format parquet, compression zstd", _PARQUET
        else:
            target, form, shown = folder / f"spend_logs_{day}.jsonl", "format json", _JSON
        world.con.execute(f"copy ({shown.format(day=day_number(day), writes=writes)}) to '{target}' ({form})")
    return world.value(f"select count(*) from gateway_log where day between {day_number(days[0])} and {day_number(days[-1])}")
