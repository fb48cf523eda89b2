"""The truth about tokens: who pays the LLM vendors' invoices; token and request counts of every source."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from fractions import Fraction
from typing import Any

from ingest.synthetic.api_traffic import TRAFFIC, UNKNOWN_MODEL, team_of
from ingest.synthetic.fleet import COUNTERS
from ingest.synthetic.ledger import amount
from ingest.synthetic.truth import Truth, decimal_text
from ingest.synthetic.window import EPOCH, Month, day_number
from ingest.synthetic.world import World

_BUCKET_NAMES = {
    "uncached": "input_uncached",
    "read": "cache_read",
    "write_5m": "cache_write_5m",
    "write_1h": "cache_write_1h",
    "output": "output",
}
_BUCKETS = ", ".join(_BUCKET_NAMES)
_PRICED_USAGE = f"""
    with usage as (
        unpivot (select provider, account, day, model, is_batch, traffic_no, {_BUCKETS} from api_usage)
        on {_BUCKETS} into name bucket value tokens
    )
    select provider, account, day, model, is_batch, bucket, traffic_no, tokens,
        case when model = '{UNKNOWN_MODEL}' then 0 else tokens * price end as list_cost
    from usage inner join api_prices using (model, is_batch, bucket)
    where tokens > 0
"""
# every logged call counts, failed and cached ones too; Anthropic reports no calls, vendors no failures
_REQUESTS = """
    select provider, model, case provider when 'openai' then requests::varchar else '' end, '', '', ''
    from (select provider, model, sum(requests)::bigint as requests from api_usage group by all)
    union all
    select 'litellm', model, count(*)::varchar, count(*) filter (is_failure)::varchar,
        count(*) filter (is_retried or is_failure)::varchar, count(*) filter (is_cache_hit)::varchar
    from api_calls where gateway != '' group by all
"""


def add_api_truth(world: World, truth: Truth, month: Month) -> None:
    """Invoice lines over the teams behind the keys: by tokens of the line's type, else by list cost."""
    streams = {stream.number: stream for stream in TRAFFIC}
    tokens: dict[tuple[Any, ...], dict[str, Fraction]] = defaultdict(lambda: defaultdict(Fraction))
    listed: dict[tuple[Any, ...], dict[str, Fraction]] = defaultdict(lambda: defaultdict(Fraction))
    for provider, account, day, model, batch, bucket, number, count, list_cost in world.rows(_PRICED_USAGE):
        team = team_of(streams[number], EPOCH + timedelta(days=day))
        tokens[provider, account, day, model, batch, bucket][team] += Fraction(count)
        listed[provider, account, day][team] += Fraction(list_cost)
    costs = "select provider, account, day, model, is_batch, bucket, sum(amount) from api_costs group by all"
    for *key, cost in world.rows(costs):
        weights = tokens.get(tuple(key)) or listed.get(tuple(key[:3]), {})
        truth.ledgers[month.label].split("api", amount(cost), weights)


def add_usage_truth(world: World, truth: Truth, month: Month) -> None:
    """Tokens and requests per source and model: the vendors' reports and the gateway's log."""
    sums = ", ".join(f"sum({bucket})::bigint as {bucket}" for bucket in _BUCKET_NAMES)
    logged = "(select * from api_calls where gateway != '' and not is_cache_hit)"
    for source, relation in (("provider", "api_usage"), ("'litellm'", logged)):
        totals = f"select {source} as origin, model, {sums} from {relation} group by all"
        for origin, model, bucket, count in world.rows(f"unpivot ({totals}) on {_BUCKETS} into name b value n"):
            if count:
                truth.rows["tokens"].append((month.label, origin, model, _BUCKET_NAMES[bucket], count))
    truth.rows["requests"] += [(month.label, *row) for row in world.rows(_REQUESTS)]
    unpriced = f"""
        select sum(tokens)::bigint, sum(amount) from api_costs
            where model = '{UNKNOWN_MODEL}' having sum(tokens) > 0
    """
    truth.rows["unpriced"] += [
        (month.label, "openai", UNKNOWN_MODEL, count, decimal_text(cost)) for count, cost in world.rows(unpriced)
    ]


def start_engine_truth(world: World) -> None:
    """Empty table engine_truth."""
    columns = ", ".join(f"{name} bigint" for name in COUNTERS)
    world.con.execute(f"create or replace temp table engine_truth (billing_period varchar, engine_model varchar, {columns})")


def collect_engine_truth(world: World, month: Month) -> None:
    """Add what engine_slots holds now to engine_truth."""
    sums = ", ".join(f"sum({name})::bigint" for name in COUNTERS)
    world.con.execute(
        f"""
        insert into engine_truth
        select '{month.label}', engine_model, {sums} from engine_slots
        where day >= {day_number(month.first)} group by engine_model
        """
    )


def add_engine_truth(world: World, truth: Truth, month: Month) -> None:
    """Tokens and requests of the self-hosted engines."""
    sums = ", ".join(f"sum({name})::bigint" for name in COUNTERS)
    query = f"select engine_model, {sums} from engine_truth where billing_period = ? group by engine_model"
    for model, prompt, generated, cached, stop, length, error in world.rows(query, [month.label]):
        for bucket, count in (
            ("input_uncached", prompt - cached),
            ("cache_read", cached),
            ("output", generated),
        ):
            if count:
                truth.rows["tokens"].append((month.label, "vllm", model, bucket, count))
        truth.rows["requests"].append((month.label, "vllm", model, stop + length + error, error, "", ""))
