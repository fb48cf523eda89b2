"""Runs the models behind fct_reconciliation_breaks on a month of API deliveries: real ingestion, real SQL.

dbt only compiles, once, against the lake of a first month; another month is ingested into a lake of its own and its
files take the place of the first month's in the compiled text.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from ingest.run import ingest
from ingest.settings import PROJECT_SEEDS, Settings
from ingest.source_config import SourceConfig
from ingest.synthetic.api_month import SOURCES, Invoice
from tests.dbt.compiled import run_dbt, warehouse

TARGETS = ("fct_reconciliation_breaks",)
_FILES = re.compile(r"read_parquet\(\s*\[([^\]]*)\]")


@dataclass(frozen=True)
class Lake:
    """A month's lake: its index, and the files of each dataset."""

    index: Path
    files: dict[str, tuple[str, ...]]


@dataclass(frozen=True)
class CompiledMonth:
    """The models the targets need, in building order: name, schema and SQL; and the seeds they read."""

    models: tuple[tuple[str, str, str], ...]
    seeds: tuple[dict[str, Any], ...]


def load(month: Path, home: Path) -> Lake:
    """Ingests a month's deliveries."""
    sources = tuple(
        SourceConfig.model_validate({"name": name, "type": kind, "location": str(month / location)})
        for name, kind, location in SOURCES
        # a log in the lake's own schema would be landed byte for byte, day by day: it is read where it lies
        if not list((month / location).glob("*.parquet"))
    )
    settings = Settings(home=home.resolve(), sources=sources)
    assert ingest(settings).is_clean
    index = settings.lake_dir / "index.json"
    files: dict[str, list[str]] = {}
    for manifest in json.loads(index.read_text()):
        paths = [str(settings.lake_dir / file["path"]) for file in manifest["files"]]
        files.setdefault(manifest["dataset"], []).extend(paths)
    for log in sorted((month / "litellm").glob("*.parquet")):
        day = log.stem.removeprefix("spend_logs_")
        landed = home.resolve() / "gateway" / "litellm_spend_logs" / f"partition={day}" / "part-00000.parquet"
        landed.parent.mkdir(parents=True)
        landed.hardlink_to(log)
        files.setdefault("litellm_spend_logs", []).append(str(landed))
    return Lake(index, {name: tuple(sorted(paths)) for name, paths in files.items()})


def compile_month(lake: Lake, home: Path) -> CompiledMonth:
    """Compiles the targets and all they need against a lake."""
    home.mkdir(parents=True, exist_ok=True)
    done = run_dbt(home, "compile", "--select", *(f"+{name}" for name in TARGETS), lake_index=lake.index)
    assert done.returncode == 0, done.stdout[-3000:]
    nodes = json.loads((home / "target" / "manifest.json").read_text())["nodes"]
    texts = {path.stem: path.read_text() for path in (home / "target" / "compiled").rglob("*.sql")}
    ordered: list[str] = []

    def visit(key: str) -> None:
        if key in ordered or key not in nodes:
            return
        for parent in nodes[key]["depends_on"].get("nodes", []):
            visit(parent)
        ordered.append(key)

    for name in TARGETS:
        visit(f"model.inference_tco.{name}")
    chosen = [nodes[key] for key in ordered]
    models = tuple((node["name"], node["schema"], texts[node["name"]]) for node in chosen if node["resource_type"] == "model")
    return CompiledMonth(models, tuple(node for node in chosen if node["resource_type"] == "seed"))


def build(compiled: CompiledMonth, lake: Lake, invoices: tuple[Invoice, ...] = ()) -> duckdb.DuckDBPyConnection:
    """Builds every model on the files of a lake and these invoices; returns the database."""
    con = warehouse()
    con.execute("set threads = 2")
    for seed in compiled.seeds:
        file = PROJECT_SEEDS.parent / "dbt_project" / seed["original_file_path"]
        types = seed["config"]["column_types"]
        con.execute(
            f"create table warehouse.{seed['schema']}.{seed['name']} as"
            f" select * from read_csv('{file}', header = true, types = {types!r}, nullstr = '')"
        )
    if invoices:
        con.execute("delete from warehouse.seeds.invoices")
        con.executemany(
            "insert into warehouse.seeds.invoices values (?, ?, null, ?, ?, 'test')",
            [[row.billing_period, row.invoice_issuer_name, row.currency, row.invoiced_amount] for row in invoices],
        )
    for name, schema, sql in compiled.models:
        con.execute(f"create table warehouse.{schema}.{name} as {_on_files(sql, lake)}")
    return con


def _on_files(sql: str, lake: Lake) -> str:
    """The SQL with the lists of files replaced by those of the same dataset."""

    def replaced(found: re.Match[str]) -> str:
        dataset = next(name for name in lake.files if f"/{name}/partition=" in found.group(1))
        return "read_parquet([" + ", ".join(f"'{path}'" for path in lake.files[dataset]) + "]"

    return _FILES.sub(replaced, sql)
