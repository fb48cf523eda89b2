"""The allocation engine alone: a million charges through pools that feed pools, five levels deep.

What is measured is the SQL dbt compiles of the stages: they write their tables into a database file, as dbt does, and the split
of the pools' charges, a view, is read whole and posted per team and path. Every second charge enters at the first level, the
others at the levels below; each level gives a part to a team of its own and the rest to the next, the last one to four teams.
Writing the ledger itself (fct_cost_allocations) is part of the daily run's measurement, not of this one.
"""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from pathlib import Path

import duckdb

from orchestration.dbt_functions import register_functions
from tests.dbt.compiled import DBT_PROJECT, CompiledModels, column_types, run_dbt
from tests.dbt.seed_tables import create_seeds

STAGES = (
    "int_charges_matched", "int_allocations_direct", "int_allocations_gpu", "int_api_usage_weights", "int_allocations_api",
    "int_pool_weights",
)  # fmt: skip
SPLIT = "int_allocations_shared"
LEVELS = 5
CHARGES = """
    insert into warehouse.intermediate.int_charges by name
    select
        md5('charge ' || i) as charge_key, '2026-10' as billing_period,
        date '2026-10-01' + cast(i % 31 as integer) as charge_date, 'AWS' as service_provider_name,
        'level_' || case when i % 2 = 0 then 1 else 2 + (i // 2) % {below} end as service_name,
        'Usage' as charge_category, 'USD' as billing_currency, 'invoiced' as x_evidence,
        cast(((i * 7919) % 1000003) / 1000.0 as decimal(38, 18)) as billed_cost,
        cast(((i * 104729) % 1000003) / 1000.0 as decimal(38, 18)) as effective_cost
    from range({count}) as r(i)
"""
POLICY = """
    create temp table levels as select i, 'level_' || i as pool_id from range(1, {levels} + 1) as r(i);
    insert into warehouse.seeds.teams by name select 'team_' || i as team_id, 'CC' as cost_center from range(8) as r(i);
    insert into warehouse.seeds.pools by name select pool_id, 'fixed' as driver from levels;
    insert into warehouse.seeds.rules by name
    select pool_id as rule_id, i as priority, date '2020-01-01' as valid_from, 'service' as match_field, 'exact' as match_type,
        pool_id as match_value, 'pool' as target_type, pool_id as target, 1 as share
    from levels;
    insert into warehouse.seeds.pool_shares by name
    select pool_id, 'pool' as target_type, 'level_' || (i + 1) as target, 0.7 as share from levels where i < {levels}
    union all by name
    select pool_id, 'team' as target_type, 'team_' || (i - 1) as target, 0.3 as share from levels where i < {levels}
    union all by name
    select pool_id, 'team' as target_type, 'team_' || t as target, 0.25 as share
    from levels, range(4, 8) as r(t)
    where i = {levels};
"""
POSTED = """
    select count(*), sum(lines), sum(billed), sum(effective)
    from (
        select team_id, pool_path, count(*) as lines, sum(billed_cost) as billed, sum(effective_cost) as effective
        from ({split}) as parts
        group by all
    ) as posted
"""


@dataclass(frozen=True)
class Allocated:
    """What allocating cost: wall seconds of every stage, processor seconds of all, and the rows the charges became."""

    stage_seconds: dict[str, float]
    cpu_seconds: float
    ledger_rows: int

    @property
    def seconds(self) -> float:
        """Wall seconds of all stages."""
        return sum(self.stage_seconds.values())


def allocate(out: Path, *, charges: int = 1_000_000, threads: int = 2) -> Allocated:
    """Allocates made-up charges.

    Raises:
        RuntimeError: dbt does not compile, or what is posted to teams does not sum to the charges.
    """
    shutil.rmtree(out, ignore_errors=True)
    (out / "dbt").mkdir(parents=True)
    done = run_dbt(out / "dbt", "compile", "--select", "path:models/intermediate/allocation")
    if done.returncode != 0:
        raise RuntimeError(done.stdout[-2000:])
    models = CompiledModels(out / "dbt" / "target")
    con = duckdb.connect()
    con.execute(f"set threads = {threads}")
    con.execute("set memory_limit = '3GB'")
    con.execute("set preserve_insertion_order = false")
    con.execute(f"set temp_directory = '{out / 'spill'}'")
    con.execute(f"attach '{out / 'bench.duckdb'}' as warehouse")
    register_functions(con)
    _fill(con, charges)
    seconds: dict[str, float] = {}
    cpu = time.process_time()
    for name in STAGES:
        started = time.monotonic()
        models.build(con, name, schema="intermediate")
        seconds[name] = time.monotonic() - started
    started = time.monotonic()
    posted = con.execute(POSTED.format(split=models.sql(SPLIT))).fetchone()
    seconds[f"{SPLIT}, posted to teams"] = time.monotonic() - started
    cpu = time.process_time() - cpu
    charged = con.execute("select sum(billed_cost), sum(effective_cost) from warehouse.intermediate.int_charges").fetchone()
    if posted is None or posted[2:] != charged:
        raise RuntimeError(f"the teams' amounts do not sum to the charges: {posted} against {charged}")
    return Allocated(seconds, cpu, posted[1])


def _fill(con: duckdb.DuckDBPyConnection, charges: int) -> None:
    for schema in ("intermediate", "marts", "seeds"):
        con.execute(f"create schema warehouse.{schema}")
    create_seeds(con)
    con.execute(POLICY.format(levels=LEVELS))
    models = DBT_PROJECT / "models"
    for path in ("intermediate/charges/int_charges", "marts/gpu/fct_gpu_hours", "marts/usage/fct_token_usage"):
        types = column_types(models / f"{path}.yml")
        schema, name = path.split("/")[0], path.split("/")[-1]
        con.execute(f"create table warehouse.{schema}.{name} ({', '.join(f'{c} {t}' for c, t in types.items())})")
    con.execute(CHARGES.format(count=charges, below=LEVELS - 1))
    con.execute("checkpoint warehouse")
