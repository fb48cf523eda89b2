"""The generator's DuckDB session: company tables, and the seeded draw every event is made from.

A draw is ``hash(seed, tag, columns…) % n``: the same for the same seed and DuckDB version,
    whatever ran before.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from ingest.synthetic.company import NODES, PODS, PROFILES, busy_by_hour

SLOT_SECONDS = 360
SLOTS_PER_DAY = 240
MONEY = "decimal(18, 9)"  # SQL type of every amount the generator makes
_NODE_COLUMNS = (
    "base_node, instance_id, hostname, instance_type, gpu_raw, gpu_model, gpus, purchase, schedule, "
    "on_demand_rate, paid_rate, has_profiling, address, slot_factor"
)
_POD_COLUMNS = (
    "pod_no, base_node, deployment, team, namespace, stem, container, profile, fb_mib, engine_model, "
    "is_standby, office_hours, gen_rate, prompt_ratio, cached_percent, output_per_request"
)
# a decimal as text without trailing zeros
_TRIM_NUMBER = """
create temp macro trim_number(x) as rtrim(regexp_replace(cast(x as varchar), '(\\.[0-9]*?)0+$', '\\1'), '.')
"""
_REPLICATED_NODES = """
select
    base_node, replica, (replica * 1000 + base_node)::integer as node_no,
    case when replica = 0 then instance_id else printf('i-0b%011x%04x', replica,
        base_node) end as instance_id,
    case when replica = 0 then hostname else printf('i-0b%011x%04x', replica, base_node) end as hostname,
    instance_type, gpu_raw, gpu_model, gpus, purchase, schedule, on_demand_rate::decimal(9,
        4) as on_demand_rate,
    paid_rate::decimal(9, 4) as paid_rate, has_profiling, address, slot_factor::decimal(9, 8) as slot_factor
from ({kinds}) cross join (select unnest(range({scale}))::integer as replica)
"""


@dataclass(frozen=True, kw_only=True)
class World:
    """One generator run: an open DuckDB session and the parameters every event depends on."""

    con: duckdb.DuckDBPyConnection
    seed: int
    scale: int
    step_seconds: int  # between two scrapes; divides a slot
    is_bulk: bool  # requests and CPU lines outnumber the GPU fleet's growth

    @property
    def scrapes_per_slot(self) -> int:
        """How often Prometheus reads the exporters in a slot."""
        return SLOT_SECONDS // self.step_seconds

    def draw(self, n: int | str, tag: str, *columns: str) -> str:
        """SQL of an integer in [0, n), fixed by seed, tag and the values of the columns."""
        keys = ", ".join(columns)
        return f"cast(hash({self.seed}, '{tag}', {keys}) % {n} as integer)"

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of a small query."""
        return self.con.execute(sql, list(parameters)).fetchall()

    def value(self, sql: str) -> Any:
        """The single value of a query."""
        return self.rows(sql)[0][0]

    def table(self, name: str, sql: str) -> None:
        """(Re)make a temporary table."""
        self.con.execute(f"create or replace temp table {name} as {sql}")


def literal(value: object) -> str:
    """A Python constant as SQL. Only for the company's own constants, never for input."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    return "'" + str(value).replace("'", "''") + "'"


def values(columns: str, rows: Iterable[Sequence[object]]) -> str:
    """A SELECT over company constants with the named columns (comma separated)."""
    listed = ", ".join("(" + ", ".join(literal(cell) for cell in row) + ")" for row in rows)
    return f"select * from (values {listed}) as constants({columns})"


def open_world(
    *,
    seed: int,
    scale: int,
    step_seconds: int = SLOT_SECONDS,
    is_bulk: bool = False,
    memory_limit: str = "2GB",
    threads: int = 2,
) -> World:
    """A session in memory with the company's tables.

    Raises:
        ValueError: scale below 1.
    """
    if scale < 1:
        raise ValueError(f"scale must be at least 1, found {scale}")
    con = duckdb.connect()
    con.execute(f"set memory_limit = '{memory_limit}'; set threads = {int(threads)}; set timezone = 'UTC'")
    con.execute("set enable_progress_bar = false")
    con.execute(_TRIM_NUMBER)
    kinds = [
        (n.number, n.instance_id, n.hostname, n.instance_type, n.gpu_raw, n.gpu_model, n.gpus, n.purchase,
         n.schedule,
         n.on_demand_rate, n.paid_rate, n.has_profiling, n.address, f"{1 / (10 * n.gpus):.8f}")
        for n in NODES
    ]  # fmt: skip
    pods = [
        (p.number, p.node, p.deployment, p.team, p.namespace, p.stem, p.container, p.profile, p.fb_mib,
         p.engine_model,
         p.is_standby, p.office_hours, p.gen_rate, p.prompt_ratio, p.cached_percent, p.output_per_request)
        for p in PODS
    ]  # fmt: skip
    hours = ((profile, *row) for profile in PROFILES for row in busy_by_hour(profile))
    places = ((pod.number, pod.node, gpu) for pod in PODS for gpu in pod.gpus)
    tables = {
        "nodes": _REPLICATED_NODES.format(kinds=values(_NODE_COLUMNS, kinds), scale=int(scale)),
        "pods": values(_POD_COLUMNS, pods),
        "gpu_places": values("pod_no, base_node, gpu", places),
        "profiles": values("profile, hour, busy, level", hours),
    }
    for name, sql in tables.items():
        con.execute(f"create temp table {name} as {sql}")
    return World(con=con, seed=int(seed), scale=int(scale), step_seconds=int(step_seconds), is_bulk=is_bulk)
