"""A small fleet whose telemetry a test writes down as spans, run through the compiled GPU models in memory.

A span is one series with one value from minute to minute; it becomes a sample every 60 seconds, as an exporter sends them.
Everything from the samples to the marts is the project's own SQL; only charges are given as machine-hours.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

from tests.dbt.compiled import DBT_PROJECT, ROOT, CompiledModels, run_dbt, warehouse

DAY = "2026-10-05"
PERIOD = "2026-10"
GPU_MODELS = DBT_PROJECT / "models" / "intermediate" / "gpu"
CHAIN = (
    ("int_gpu_observed_states", "intermediate"), ("int_gpu_paid_hours", "intermediate"), ("int_gpu_holders", "intermediate"),
    ("fct_gpu_hours", "marts"), ("fct_gpu_waste", "marts"), ("fct_unmatched_nodes", "marts"),
)
REAL_SEEDS = ("gpu_names", "xid_errors", "instance_types")
STAGED = """x_source varchar, partition varchar, job varchar, instance varchar, hostname varchar, gpu_index varchar,
    gpu_uuid varchar, gpu_instance_id varchar,
    namespace varchar, pod varchar, container varchar, engine varchar, metric varchar, measure varchar,
    kind varchar, unit varchar, exporter_generation varchar, gpu_model_raw varchar, gpu_instance_profile varchar,
    served_model_name varchar, finished_reason varchar, token_source varchar, labels varchar, raw_values double[],
    factor double, has_blanks boolean, observed_times timestamp[]"""
NODE_HOURS = """billing_period varchar, hour_start timestamp, resource_id varchar, billing_currency varchar,
    service_provider_name varchar, x_instance_type varchar, pricing_category varchar, paid_seconds decimal(18, 6),
    billed_cost decimal(38, 18), effective_cost decimal(38, 18)"""


@dataclass(frozen=True, kw_only=True)
class Span:
    """One series from minute `start` to minute `end` of the day (half open); without a GPU it is an engine's."""

    measure: str
    value: float
    hostname: str = "host-a"
    gpu: str | None = None
    pod: str | None = None
    instance: str | None = None
    profile: str | None = None
    labels: str = "{}"
    start: int = 0
    end: int = 1440


class Fleet:
    """An in-memory warehouse with the fleet's samples, bill and seeds."""

    def __init__(self, models: CompiledModels) -> None:
        self.models = models
        self.con = warehouse()
        for name in REAL_SEEDS:
            self._seed_from_csv(name)
        self._seed("assumptions", "assumption_id varchar, scope varchar, value double, valid_to date")
        self._seed("models", "model varchar, model_id varchar, is_self_hosted boolean")
        self._seed(
            "rules",
            "rule_id varchar, priority integer, valid_from date, valid_to date, match_field varchar, match_key varchar,"
            " match_type varchar, match_value varchar, match_case varchar, target_type varchar, target varchar, product varchar",
        )
        self._seed("node_map", "hostname varchar, provider_resource_id varchar, valid_from date, valid_to date")
        self._seed(
            "workloads",
            "deployment_id varchar, cluster varchar, namespace varchar, pod_prefix varchar, model varchar, team_id varchar,"
            " product varchar, role varchar, valid_from date, valid_to date",
        )
        self.con.execute(f"create table warehouse.staging.stg_prometheus__series ({STAGED})")
        self.con.execute(f"create table warehouse.intermediate.int_gpu_node_hours ({NODE_HOURS})")
        self.con.execute(
            "create table warehouse.intermediate.int_engine_usages (account_id varchar, pod varchar, charge_date date)"
        )
        self.con.execute(f"create table warehouse.intermediate.int_gpu_observed_states ({_observed_columns()})")

    def observe(self, spans: Iterable[Span]) -> None:
        """Adds a sample for every minute of every span."""
        rows = [asdict(span) | {"number": number} for number, span in enumerate(spans)]
        fields = list(rows[0])
        self.con.execute("create or replace temp table spans as select * from (select unnest(?, recursive := true))", [rows])
        assert {name for name, *_ in self.con.execute("describe spans").fetchall()} == set(fields)
        self.con.execute(
            f"""insert into warehouse.staging.stg_prometheus__series by name
            select 's' as x_source, '{DAY}' as partition, 'dcgm' as job, 'i' as instance, hostname, '0' as engine,
                measure as metric, measure, [value] as raw_values, 1.0 as factor, false as has_blanks,
                'legacy' as exporter_generation, gpu as gpu_uuid,
                regexp_extract(gpu, '(\\d+)$', 1) as gpu_index,
                spans.instance as gpu_instance_id, profile as gpu_instance_profile, 'ns' as namespace, pod, labels,
                'NVIDIA H100 80GB HBM3' as gpu_model_raw,
                [timestamp '{DAY}' + to_minutes(cast(minute as bigint))] as observed_times
            from spans, unnest(range(spans.start, spans.end)) as minutes (minute)"""
        )
        self.con.execute(
            "update warehouse.staging.stg_prometheus__series set namespace = null where pod is null;"
            "update warehouse.staging.stg_prometheus__series set gpu_index = null where gpu_uuid is null"
        )

    def bill(self, resource_id: str, instance_type: str, cost: str, *, hours: int = 24, currency: str = "USD") -> None:
        """Adds machine-hours of the day at `cost` an hour, billed at half of it."""
        self.con.execute(
            f"""insert into warehouse.intermediate.int_gpu_node_hours
            select '{PERIOD}', timestamp '{DAY}' + to_hours(hour), ?, ?, 'AWS', ?, 'Standard', 3600,
                cast(? as decimal(38, 18)), cast(? as decimal(38, 18))
            from range({hours}) as hours (hour)""",
            [resource_id, currency, instance_type, str(Decimal(cost) / 2), cost],
        )

    def map_node(self, hostname: str, resource_id: str) -> None:
        """Adds a row to the node map."""
        self.con.execute("insert into warehouse.seeds.node_map values (?, ?, '2020-01-01', null)", [hostname, resource_id])

    def build(self) -> None:
        """Runs the chain from samples to marts anew."""
        self.con.execute("delete from warehouse.intermediate.int_gpu_observed_states")
        for name, schema in CHAIN:
            sql = self.models.sql(name).replace("'batch days'", f"'{DAY}'")
            if name == "int_gpu_observed_states":
                self.con.execute(f"insert into warehouse.{schema}.{name} by name {sql}")
            else:
                self.con.execute(f"create or replace table warehouse.{schema}.{name} as {sql}")

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Returns the rows of a query; marts are named `marts.<name>`."""
        return self.con.execute(sql.replace("marts.", "warehouse.marts.")).fetchall()

    def seconds(self, where: str = "true") -> dict[str, Decimal]:
        """Returns the GPU seconds per state of fct_gpu_hours."""
        return dict(self.rows(f"select state, sum(seconds) from marts.fct_gpu_hours where {where} group by state"))

    def _seed(self, name: str, columns: str) -> None:
        self.con.execute(f"create table warehouse.seeds.{name} ({columns})")

    def _seed_from_csv(self, name: str) -> None:
        path = ROOT / "seeds" / "gpu" / f"{name}.csv"
        exact = "* replace (cast(gpu_count as decimal(9, 4)) as gpu_count, cast(memory_gib as decimal(12, 3)) as memory_gib)"
        columns = exact if name == "instance_types" else "*"
        self.con.execute(f"create table warehouse.seeds.{name} as select {columns} from read_csv('{path}', header = true)")


def _observed_columns() -> str:
    described = yaml.safe_load((GPU_MODELS / "_gpu_states.yml").read_text(encoding="utf-8"))["models"]
    columns = next(model["columns"] for model in described if model["name"] == "int_gpu_observed_states")
    return ", ".join(f"{column['name']} {column['data_type']}" for column in columns)


def compiled(home: Path, *arguments: str) -> CompiledModels:
    """Compiles the GPU models, with dbt's `arguments` (such as --vars)."""
    names = [name for name, _ in CHAIN] + ["int_gpu_split_costs", "int_gpu_split_hours", "stg_aws__cur_line_items"]
    done = run_dbt(home, "compile", "--select", *names, "int_gpu_node_hours", *arguments)
    assert done.returncode == 0, done.stdout[-4000:]
    return CompiledModels(home / "target")
