"""The same causes on the other side: here the vendor's cost report, or the gateway's own pricing, is the odd one.

Used beside ``faults`` to see that a cause is told from its evidence wherever it enters. Same contract.
"""

from __future__ import annotations

from decimal import Decimal

from ingest.synthetic.faults import STALE_FACTOR, Fault, Stage, dollars
from ingest.synthetic.world import World, literal

_MINI, _SONNET, _HAIKU = "gpt-4o-mini-2024-07-18", "claude-sonnet-4-6", "claude-haiku-4-5-20251001"
_EMBEDDING = "text-embedding-3-small"


def _billed(world: World, condition: str, *, factor: str) -> Decimal:
    """Multiplies billed amounts; returns what that adds."""
    before = world.value(f"select sum(amount) from api_costs where {condition}")
    world.con.execute(f"update api_costs set amount = amount * {factor} where {condition}")
    return world.value(f"select sum(amount) from api_costs where {condition}") - before


def _reads_priced_as_input(world: World, model: str) -> Decimal:
    calls = f"c.model = {literal(model)} and c.at_provider and c.read > 0 and not c.is_batch"
    more = dollars(world, "c.read * (p.uncached - p.read)", "gateway_log", calls)
    world.con.execute(
        f"""update gateway_log as c set spend = c.spend + c.read * (p.uncached - p.read)
        from (pivot api_prices on bucket using first(price) group by model, is_batch) as p
        where {calls} and c.model = p.model and c.is_batch = p.is_batch"""
    )
    return -more


def _more_tokens_billed(world: World, model: str) -> Decimal:
    """A fifth more output on the cost report than in usage, in quantity and amount."""
    lines = f"model = {literal(model)} and not is_batch and bucket = 'output'"
    world.con.execute(f"update api_costs set tokens = tokens + tokens // 5 where {lines}")
    before = world.value(f"select sum(amount) from api_costs where {lines}")
    world.con.execute(
        f"""update api_costs set amount = tokens * (
            select p.price from api_prices as p
            where p.model = api_costs.model and p.is_batch = api_costs.is_batch and p.bucket = api_costs.bucket)
        where {lines}"""
    )
    return world.value(f"select sum(amount) from api_costs where {lines}") - before


def _uneven_output_billed(world: World, model: str) -> Decimal:
    """More output dollars than usage explains, every day another share; the report counts no tokens."""
    return _billed(world, f"model = {literal(model)} and bucket = 'output'", factor="(1.05 + (day % 7) * 0.03)::decimal(4, 2)")


def _billed_at_old_price(world: World, model: str) -> Decimal:
    return _billed(world, f"model = {literal(model)} and not is_batch", factor=str(STALE_FACTOR))


def _billed_as_batch(world: World, model: str) -> Decimal:
    return _billed(world, f"model = {literal(model)} and not is_batch", factor="0.5")


def _billed_a_day_late(world: World, model: str) -> Decimal:
    """A tenth of every fifth day is billed on the day after; returns what the days differ by."""
    world.table(
        "moved_lines",
        f"""select a.account, a.bucket, a.model, a.day, round(a.amount / 10, 9)::decimal(18, 9) as amount from api_costs as a
        inner join api_costs as b on a.day + 1 = b.day and a.model = b.model and a.bucket = b.bucket
            and a.account is not distinct from b.account and a.is_batch = b.is_batch
        where a.model = {literal(model)} and not a.is_batch and a.day % 5 = 0""",
    )
    for sign, shift in (("-", 0), ("+", 1)):
        world.con.execute(
            f"""update api_costs set amount = api_costs.amount {sign} m.amount from moved_lines as m
            where api_costs.day = m.day + {shift} and api_costs.model = m.model and api_costs.bucket = m.bucket
                and api_costs.account is not distinct from m.account and not api_costs.is_batch"""
        )
    return 2 * world.value("select sum(amount) from moved_lines")


BILLED_FAULTS = {
    name: Fault(cause=cause, stage=stage, target=target, inject=inject)
    for name, cause, stage, target, inject in (
        ("reads_priced_as_input", "cached_token_semantics", Stage.LOG, _MINI, _reads_priced_as_input),
        ("more_tokens_billed", "hidden_tokens", Stage.COSTS, _MINI, _more_tokens_billed),
        ("uneven_output_billed", "hidden_tokens", Stage.COSTS, _HAIKU, _uneven_output_billed),
        ("billed_at_old_price", "stale_price", Stage.COSTS, _EMBEDDING, _billed_at_old_price),
        ("billed_as_batch", "service_tier_or_batch", Stage.COSTS, _HAIKU, _billed_as_batch),
        ("billed_a_day_late", "time_zone_cut", Stage.COSTS, _SONNET, _billed_a_day_late),
    )
}
