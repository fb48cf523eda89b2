"""What Prometheus read from the exporters: the scrapes inside each slot of gpu_slots and engine_slots.

A slot is cut into ``World.scrapes_per_slot`` equal steps. The scrapes of a slot agree with it exactly: a GPU's percents
swing around the slot's percent and cancel out, an engine's counters rise in parts that sum to the slot's increment. With one
scrape a slot they are the slot.
"""

from __future__ import annotations

from ingest.synthetic.fleet import COUNTERS
from ingest.synthetic.world import SLOT_SECONDS, World

SWING = 3  # percent points up or down; a busy slot has 5 to 97 percent


def gpu_scrapes(world: World) -> str:
    """SQL of the observed gpu_slots with ``scraped_at`` (epoch seconds) and the scrape's percent."""
    count = world.scrapes_per_slot
    pair = f"least(part, {count - 1} - part)"
    drawn = world.draw(2 * SWING + 1, "swing", "node_no", "gpu", "abs", pair)
    swing = f"sign({count - 1} - 2 * part) * ({drawn} - {SWING})"
    return f"""
        select * replace (case when percent = 0 then 0 else percent + {swing} end as percent), {_at(world)}
        from gpu_slots cross join range({count}) as p(part) where observed"""


def engine_scrapes(world: World) -> str:
    """SQL of engine_slots with ``scraped_at`` (epoch seconds) and the counters the scrape saw."""
    count = world.scrapes_per_slot
    seen = ", ".join(f"{c}_total - {c} + {c} * (part + 1) // {count} as {c}_total" for c in COUNTERS)
    return f"""
        select * replace ({seen}), {_at(world)}
        from engine_slots cross join range({count}) as p(part)"""


def _at(world: World) -> str:
    return f"abs::bigint * {SLOT_SECONDS} + part * {world.step_seconds} as scraped_at"
