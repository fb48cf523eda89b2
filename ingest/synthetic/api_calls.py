"""LLM API calls request by request, and what the vendors bill for them.

Table ``api_calls`` of a month: one row per attempt (past the gateway: per group of ``weight``
equal calls) with disjoint token buckets, outcome and gateway. ``at_provider`` says
whether the vendor saw (and bills) it: failures
    and hits of the gateway's own cache never reach the vendor's reports.
Table ``api_costs``: the vendor's invoice lines, exact to nine decimals of a dollar.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from ingest.synthetic.api_traffic import (
    ANTHROPIC_SEARCH_WORKSPACE,
    BATCH_FACTOR,
    OPENAI_SHARED_PROJECT,
    OPENAI_TOOL_PROJECT,
    PRICES,
    TRAFFIC,
)
from ingest.synthetic.window import day_number
from ingest.synthetic.world import World, values

# in bulk gateway requests grow faster than the GPU fleet, so that the kinds of rows stay comparable
BULK_FACTOR = 20
DIRECT_WEIGHT = 100  # a row of traffic that bypasses the gateway stands for so many equal calls
BUCKETS = ("uncached", "read", "write_5m", "write_1h", "output")


def make_api_tables(world: World) -> None:
    """Constant tables traffic and api_prices (USD per token by model, batch and bucket)."""
    columns = (
        "traffic_no, provider, account, api_key, model, per_day, input_tokens, output_tokens, "
        "read_percent, write_5m_percent, "
        "write_1h_percent, is_batch, is_embedding, gateway, weight"
    )
    rows = [
        (t.number, t.provider, t.account, t.key, t.model, t.per_day, t.input_tokens, t.output_tokens,
         t.read_percent, t.write_5m_percent, t.write_1h_percent, t.is_batch, t.is_embedding, t.gateway,
         1 if t.gateway else DIRECT_WEIGHT * world.scale)
        for t in TRAFFIC
    ]  # fmt: skip
    world.table("traffic", values(columns, rows))
    prices = [
        (model, batch, bucket, f"{_price(model, bucket, batch):.10f}")
        for model in PRICES for batch in (False, True) for bucket in BUCKETS
    ]  # fmt: skip
    world.table(
        "api_prices",
        "select model, is_batch, bucket, price::decimal(12, 10) as price "
        f"from ({values('model, is_batch, bucket, price', prices)})",
    )


def _price(model: str, bucket: str, batch: bool) -> Decimal:
    factor = BATCH_FACTOR if batch else Decimal(1)
    return Decimal(getattr(PRICES[model], bucket)) * factor / Decimal(1_000_000)


def make_api_calls(world: World, first: date, end: date) -> None:
    """Table api_calls for days [first, end)."""
    grown = world.scale * BULK_FACTOR if world.is_bulk else 1
    per_day = f"case when gateway = '' then per_day else per_day * {grown} end"
    key = ("traffic_no", "day", "n")
    world.table(
        "api_calls",
        f"""
        with attempts as (
            select
                t.*, day::integer as day, n::integer as n,
                to_days(day::integer) + timestamp '1970-01-01'
                    + to_milliseconds({world.draw(86_400_000, "at", *key)}) as started_at,
                case when gateway = '' then 50 else {world.draw(100, "outcome", *key)} end as outcome,
                (input_tokens // 2 + {world.draw("input_tokens", "in", *key)})::bigint * weight as total_in,
                case when output_tokens = 0 then 0::bigint
                    else weight * (output_tokens // 2 + {world.draw("output_tokens", "out", *key)})::bigint
                end as total_out
            from traffic as t cross join range({day_number(first)}, {day_number(end)}) as d(day)
                cross join range({per_day}) as r(n)
        ),
        outcomes as (
            select
                *, outcome < 4 as is_failure, outcome between 4 and 9 as is_retried,
                outcome between 10 and 13 as is_cache_hit, outcome between 14 and 15 as is_fallback,
                case when outcome < 4 then 0 else total_in end as counted_in
            from attempts
        )
        select
            *, not is_failure and not is_cache_hit as at_provider,
            counted_in * read_percent // 100 as read, counted_in * write_5m_percent // 100 as write_5m,
            counted_in * write_1h_percent // 100 as write_1h,
            counted_in - counted_in * read_percent // 100 - counted_in * write_5m_percent // 100
                - counted_in * write_1h_percent // 100 as uncached,
            case when is_failure then 0 else total_out end as output,
            started_at + to_milliseconds(400 + {world.draw(7000, "took", *key)}) as ended_at
        from outcomes
        """,
    )


def make_api_costs(world: World) -> None:
    """Tables api_usage (sums at the vendor by day and stream) and api_costs (invoice lines)."""
    sums = ", ".join(f"sum({bucket})::bigint as {bucket}" for bucket in BUCKETS)
    world.table(
        "api_usage",
        f"""
        select traffic_no, provider, account, api_key, model, is_batch, is_embedding, day, {sums},
            sum(weight)::bigint as requests
        from api_calls where at_provider group by all""",
    )
    world.table(
        "api_costs",
        f"""
        with tokens as (
            unpivot (select provider, account, model, is_batch, day, {sums} from api_usage group by all)
            on {", ".join(BUCKETS)} into name bucket value tokens
        ),
        priced as (
            select t.*, (t.tokens * p.price)::decimal(18, 9) as amount, null::varchar as tool
            from tokens as t inner join api_prices as p using (model, is_batch, bucket)
            where t.tokens > 0
        )
        select provider, account, day, model, is_batch, bucket, tokens, amount, tool from priced
        union all by name
        {_tool_lines(world)}
        """,
    )


def searches(world: World) -> str:
    """SQL of the number of web searches of a day (both vendors bill 10 USD per thousand)."""
    return f"(20 + {world.draw(30, 'searches', 'day')})"


def _tool_lines(world: World) -> str:
    """What is billed besides tokens: tools and storage by day, monthly lines that no project explains."""
    searched = searches(world)
    rows = f"""
        select 'openai' as provider, '{OPENAI_TOOL_PROJECT}' as account, day, 'web search tool calls' as tool,
            ({searched} * 0.01::decimal(4, 2))::decimal(18, 9) as amount from days
        union all select 'openai', '{OPENAI_SHARED_PROJECT}', day, 'Vector storage', 0.96 from days
        union all select 'openai', null, day, 'Fine-tuning storage', 4.2 from days where is_first
        union all select 'anthropic', '{ANTHROPIC_SEARCH_WORKSPACE}', day, 'web_search',
            {searched} * 0.01::decimal(4, 2) from days
        union all select 'anthropic', null, day, 'code_execution', 1.25 from days where is_first"""
    return f"""select * from (
        with days as (
            select distinct day, dayofmonth(to_days(day) + date '1970-01-01') = 1 as is_first from api_usage
        ) {rows})"""
