"""The invented telemetry examples, from the delivered file through dbt: the MANIFEST's waterfall, energy and token counts.

Reads the shared sample data (skipped without it); everything written lies below pytest's temporary folder.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ingest.run import ingest
from ingest.settings import Settings
from ingest.source_config import SourceConfig
from tests.dbt.compiled import run_dbt
from tests.integration.shared_data import SHARED_DATA, deliver, needs_shared_data

pytestmark = needs_shared_data
EXAMPLES = SHARED_DATA / "gpu" / "examples"
USD_PER_GPU_HOUR = Decimal(6)
MODELS = ("+int_gpu_observed_states", "+int_gpu_energy_hours", "+int_engine_usages")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse of the telemetry models over the two example files, each a source of its own."""
    home = tmp_path_factory.mktemp("home")
    sources = []
    for name in ("prom_query_range_two_jobs.json", "victoriametrics_export.jsonl"):
        source = name.split(".")[0]
        deliver(EXAMPLES / name, home / "inbox" / source / name)
        sources.append(SourceConfig(name=source, type="prometheus", location=str(home / "inbox" / source), options={}))
    assert ingest(Settings(home=home, sources=tuple(sources))).is_clean
    build(home, "--full-refresh")
    return home


def build(home: Path, *arguments: str) -> None:
    """Builds the telemetry models and their seeds; their tests run with the whole project."""
    done = run_dbt(
        home, "build", "--select", *MODELS, "--exclude-resource-type", "test", "--exclude-resource-type", "unit_test", *arguments
    )
    assert done.returncode == 0, done.stdout[-4000:]


def rows(home: Path, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as con:
        return con.execute(sql).fetchall()


def test_waterfall_of_three_gpus_sums_to_the_paid_time(home: Path) -> None:
    found = {
        (gpu, state): seconds * USD_PER_GPU_HOUR / 3600
        for gpu, state, seconds in rows(
            home,
            "select right(gpu_uuid, 2), state, sum(seconds) from intermediate.int_gpu_observed_states"
            " where node_id is not null group by all",
        )
    }
    assert found == {
        ("01", "loading"): Decimal("0.3"),
        ("01", "warm_idle"): Decimal("0.5"),
        ("01", "productive"): Decimal("0.675"),
        ("01", "under_utilised"): Decimal("0.525"),
        ("02", "unallocated"): Decimal("1.5"),
        ("03", "productive"): Decimal("0.714"),
        ("03", "under_utilised"): Decimal("1.286"),
    }
    unobserved_usd = Decimal("0.5")  # five missing points of the second GPU
    assert sum(found.values()) + unobserved_usd == 6


def test_energy_counter_restart_is_not_negative(home: Path) -> None:
    assert rows(
        home, "select right(gpu_uuid, 2), energy_joules, counter_resets from intermediate.int_gpu_energy_hours order by 1"
    ) == [("01", Decimal(478_800), 1), ("03", Decimal(345_240), 0)]


def test_token_counters_restart_with_their_engine(home: Path) -> None:
    assert rows(
        home, "select pod, input_uncached_tokens + cache_read_tokens, output_tokens from intermediate.int_engine_usages"
    ) == [("llm-8b-0", 25_600, 5_200)]


def test_a_day_built_again_is_the_same_day(home: Path) -> None:
    everything = "select * from intermediate.int_gpu_observed_states order by all"
    before = rows(home, everything)
    build(home, "--vars", '{touched_days: ["2026-03-02"], touched_months: ["2026-03"]}')
    assert rows(home, everything) == before
