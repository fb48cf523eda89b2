"""The truth about GPU time: what every node's paid seconds were, who held them and what they cost.

Facts of gpu_slots only. A slot pays 360 s
    and its share of the hour's price; busy at p percent is p productive and
100 - p under-utilised; a slot without telemetry is unobserved, whatever happened in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from ingest.synthetic.company import UNALLOCATED
from ingest.synthetic.window import Month, day_number
from ingest.synthetic.world import SLOT_SECONDS, World

IDLE_STATES = ("standby", "loading", "warm_idle", "unallocated")


@dataclass(frozen=True, kw_only=True)
class GpuTime:
    """GPU seconds and cost of a node, holder and state in a month. ``holder`` is empty if nobody held it."""

    billing_period: str
    node_id: str
    resource_id: str
    gpu_model: str
    holder: str
    state: str
    gpu_seconds: Decimal
    billed: Decimal
    effective: Decimal

    @property
    def payer(self) -> str:
        """The team that pays under the idle policy ``holder``."""
        if self.state == "unobserved":
            return UNALLOCATED
        return "platform" if self.state == "unallocated" else self.holder

    @property
    def category(self) -> str:
        """Cost category in the ledger."""
        if self.state == "unobserved":
            return "unobserved"
        if self.state in IDLE_STATES:
            return "idle"
        return UNALLOCATED if self.holder == UNALLOCATED else "gpu"


def start_gpu_truth(world: World) -> None:
    """Empty table gpu_truth."""
    world.con.execute(
        """
        create or replace temp table gpu_truth (
            billing_period varchar, node_no integer, holder varchar, state varchar,
            gpu_seconds decimal(38, 2), effective decimal(38, 14)
        )
        """
    )


def add_gpu_truth(world: World, month: Month) -> None:
    """Add what gpu_slots holds now to gpu_truth."""
    seconds = f"{SLOT_SECONDS}::decimal(9, 2)"
    world.con.execute(
        f"""
        insert into gpu_truth
        with slots as (
            select
                node_no, case when observed and state != 'unallocated' then team else '' end as holder,
                case when observed then state else 'unobserved' end as state, count(*) as slots,
                    sum(percent)::bigint as percents,
                sum(rate * slot_factor)::decimal(38, 12) as cost,
                    sum(rate * slot_factor * percent)::decimal(38, 12) as cost_percents
            from gpu_slots inner join (select node_no, slot_factor from nodes) using (node_no)
            where day >= {day_number(month.first)} and day < {day_number(month.end)}
            group by all
        ),
        parts as (
            select * from slots where state != 'busy'
            union all by name
            select * replace ('productive' as state, cost_percents * 0.01::decimal(3, 2) as cost),
                percents * 0.01::decimal(3, 2) as share
            from slots where state = 'busy'
            union all by name
            select * replace ('under_utilised' as state, cost - cost_percents * 0.01::decimal(3, 2) as cost),
                slots - percents * 0.01::decimal(3, 2) as share
            from slots where state = 'busy'
        )
        select '{month.label}', node_no, holder, state, coalesce(share, slots) * {seconds}, cost from parts
        """
    )


def gpu_times(world: World) -> list[GpuTime]:
    """All rows of gpu_truth, summed, with the nodes' names."""
    rows = world.rows(
        """
        select billing_period, hostname, instance_id, gpu_model, holder, state, sum(gpu_seconds)::decimal(38,
            2) as gpu_seconds,
            case when purchase = 'savings_plan' then 0 else sum(effective) end::decimal(38, 14) as billed,
                sum(effective) as effective
        from gpu_truth inner join nodes using (node_no)
        group by billing_period, hostname, instance_id, gpu_model, holder, state, purchase
        having sum(gpu_seconds) > 0
        order by billing_period, hostname, holder, state
        """
    )
    names = (
        "billing_period",
        "node_id",
        "resource_id",
        "gpu_model",
        "holder",
        "state",
        "gpu_seconds",
        "billed",
        "effective",
    )
    return [GpuTime(**dict(zip(names, row, strict=True))) for row in rows]
