"""Ten faults of LLM accounting, to be put into a clean month of API deliveries: one for each cause of a gap.

A fault changes the generator's tables between two steps of making a month (``Stage``) and states what it did in dollars: what
reconciliation has to find, computed from the generator's own facts. Positive dollars: the later side (provider, cost report,
invoice) has more than the earlier one. A time-zone cut moves dollars between days and states the sum of what the days differ by.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from ingest.synthetic.api_traffic import BATCH_FACTOR
from ingest.synthetic.world import World, literal

CUT_HOURS = 5  # the gateway's clock runs so many hours behind UTC
STALE_FACTOR = Decimal("1.25")  # an old price in terms of the present one
HIDDEN_SHARE = "3 // 10"  # of the output is reasoning that the gateway does not count
INVOICE_RATE = Decimal("1.0824")  # USD for a EUR: the rate of 2024, on an invoice of 2026
LEDGER_RATE = Decimal("1.10")  # the rate of 2026 in seeds/prices/fx_rates.csv
_COST = "(c.uncached * p.uncached + c.read * p.read + c.write_5m * p.write_5m + c.write_1h * p.write_1h + c.output * p.output)"
_PRICES = """(pivot (select * from api_prices where not is_batch) on bucket using first(price) group by model) as p
    on c.model = p.model"""


class Stage(StrEnum):
    """After which step a fault is put in: the calls, the gateway's log, the vendors' usage and costs, the invoices."""

    CALLS = "calls"
    LOG = "log"
    COSTS = "costs"
    INVOICES = "invoices"


@dataclass(frozen=True, kw_only=True)
class Fault:
    """A fault.

    Attributes:
        cause: what reconciliation has to call it.
        stage: when it is put in.
        target: the model it is put into, for invoices the provider.
        inject: changes the world's tables for a target; returns the dollars of the gap.
    """

    cause: str
    stage: Stage
    target: str
    inject: Callable[[World, str], Decimal]


def dollars(world: World, expression: str, relation: str, condition: str) -> Decimal:
    """Exact sum over ``relation`` as c with standard prices as p."""
    query = f"select coalesce(sum({expression}), 0) from {relation} as c inner join {_PRICES} where {condition}"
    return Decimal(world.value(query))


def _bypass(world: World, model: str) -> Decimal:
    calls = f"c.model = {literal(model)} and c.at_provider and c.n % 3 = 0 and not c.is_batch"
    missing = dollars(world, _COST, "api_calls", calls)
    world.con.execute(f"update api_calls as c set gateway = '' where {calls}")
    return missing


def _double(world: World, model: str) -> Decimal:
    calls = f"c.model = {literal(model)} and c.at_provider and c.n % 4 = 1 and not c.is_batch"
    twice = dollars(world, "c.spend", "gateway_log", calls)
    world.con.execute(
        f"insert into gateway_log select c.* replace (request_id || '-again' as request_id) from gateway_log as c where {calls}"
    )
    return -twice


def _fresh_reads(world: World, model: str) -> Decimal:
    calls = f"c.model = {literal(model)} and c.at_provider and c.read > 0"
    more = dollars(world, "c.read * (p.uncached - p.read)", "gateway_log", calls)
    world.con.execute(
        f"""update gateway_log as c set uncached = c.uncached + c.read, read = 0,
            spend = c.spend + c.read * (p.uncached - p.read)
        from (pivot api_prices on bucket using first(price) group by model, is_batch) as p
        where {calls} and c.model = p.model and c.is_batch = p.is_batch"""
    )
    return -more


def _hidden_output(world: World, model: str) -> Decimal:
    calls = f"c.model = {literal(model)} and c.at_provider and not c.is_batch"
    hidden = dollars(world, f"c.output * {HIDDEN_SHARE} * p.output", "gateway_log", calls)
    world.con.execute(
        f"""update gateway_log as c set output = c.output - c.output * {HIDDEN_SHARE},
            spend = c.spend - c.output * {HIDDEN_SHARE} * p.price
        from api_prices as p
        where {calls} and c.model = p.model and c.is_batch = p.is_batch and p.bucket = 'output'"""
    )
    return hidden


def _stale_price(world: World, model: str) -> Decimal:
    calls = f"model = {literal(model)} and not is_batch"
    before = world.value(f"select sum(spend) from gateway_log where {calls}")
    world.con.execute(f"update gateway_log set spend = spend * {STALE_FACTOR} where {calls}")
    return before * (1 - STALE_FACTOR)


def _batch_class(world: World, model: str) -> Decimal:
    """The vendor served the calls as batch; the gateway logged and priced them as standard."""
    calls = f"c.model = {literal(model)} and c.at_provider and not c.is_batch and c.n % 2 = 0"
    full = dollars(world, _COST, "gateway_log", calls)
    world.con.execute(f"update api_calls as c set is_batch = true where {calls}")
    return full * (BATCH_FACTOR - 1)


def _failed(world: World, model: str) -> Decimal:
    calls = f"c.model = {literal(model)} and c.at_provider and c.n % 4 = 2 and not c.is_batch"
    billed = dollars(world, _COST, "gateway_log", calls)
    world.con.execute(f"update gateway_log as c set is_failure = true, spend = 0 where {calls}")
    return billed


def _clock(world: World, model: str) -> Decimal:
    calls = f"model = {literal(model)} and not is_batch"
    world.con.execute(
        f"""update gateway_log set started_at = started_at - to_hours({CUT_HOURS}),
            ended_at = ended_at - to_hours({CUT_HOURS}),
            day = cast(date_diff('day', date '1970-01-01', cast(started_at - to_hours({CUT_HOURS}) as date)) as integer)
        where {calls}"""
    )
    buckets = "uncached, read, write_5m, write_1h, output"
    moved = f"""
        with logged as (unpivot (select day, {_sums(buckets)} from gateway_log where {calls} and not is_failure
                and not is_cache_hit group by day) on {buckets} into name bucket value tokens),
            used as (unpivot (select day, {_sums(buckets)} from api_calls where {calls} and at_provider group by day)
                on {buckets} into name bucket value tokens)
        select sum(abs(coalesce(used.tokens, 0) - coalesce(logged.tokens, 0)) * price)
        from used left join logged using (day, bucket) inner join api_prices as p using (bucket)
        where p.model = {literal(model)} and not p.is_batch"""
    return Decimal(world.value(moved))


def _sums(buckets: str) -> str:
    return ", ".join(f"sum({bucket}) as {bucket}" for bucket in buckets.split(", "))


def _fx(world: World, provider: str) -> Decimal:
    billed = Decimal(world.value(f"select sum(amount) from api_costs where provider = {literal(provider)}"))
    euros = (billed / INVOICE_RATE).quantize(Decimal("0.01"))
    world.con.execute(
        f"update api_invoices set currency = 'EUR', invoiced_amount = {euros} where provider = {literal(provider)}"
    )
    return euros * LEDGER_RATE - billed


def _cents(world: World, provider: str) -> Decimal:
    """The invoice is the sum of lines that were rounded to cents one by one."""
    rounded, billed = world.rows(
        f"""select sum(round(line, 2)), sum(line) from (
            select sum(amount) as line from api_costs where provider = {literal(provider)}
            group by day, account, model, is_batch, bucket, tool)"""
    )[0]
    world.con.execute(f"update api_invoices set invoiced_amount = {rounded} where provider = {literal(provider)}")
    return Decimal(rounded) - Decimal(billed)


_4O, _MINI, _SONNET, _HAIKU = (
    "gpt-4o-2024-08-06", "gpt-4o-mini-2024-07-18", "claude-sonnet-4-6", "claude-haiku-4-5-20251001",
)  # fmt: skip
FAULTS = {
    fault.cause: fault
    for fault in (
        Fault(cause="bypassed_traffic", stage=Stage.CALLS, target=_4O, inject=_bypass),
        Fault(cause="double_recorded_call", stage=Stage.LOG, target=_MINI, inject=_double),
        Fault(cause="cached_token_semantics", stage=Stage.LOG, target=_SONNET, inject=_fresh_reads),
        Fault(cause="hidden_tokens", stage=Stage.LOG, target=_HAIKU, inject=_hidden_output),
        Fault(cause="stale_price", stage=Stage.LOG, target=_4O, inject=_stale_price),
        Fault(cause="service_tier_or_batch", stage=Stage.LOG, target=_SONNET, inject=_batch_class),
        Fault(cause="failed_but_billed", stage=Stage.LOG, target=_4O, inject=_failed),
        Fault(cause="time_zone_cut", stage=Stage.LOG, target=_HAIKU, inject=_clock),
        Fault(cause="fx", stage=Stage.INVOICES, target="anthropic", inject=_fx),
        Fault(cause="rounding", stage=Stage.INVOICES, target="openai", inject=_cents),
    )
}
