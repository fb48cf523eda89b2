"""The dbt project on its own: every unit test passes, and an empty lake builds empty marts that tie out."""

from __future__ import annotations

import json
import re
from pathlib import Path

import duckdb
import pytest

from tests.dbt.compiled import run_dbt


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with an empty lake, built once with unit tests and data tests."""
    home = tmp_path_factory.mktemp("home")
    done = run_dbt(home, "build")
    assert done.returncode == 0, done.stdout[-4000:]
    return home


def test_every_model_and_every_unit_test_passes(home: Path) -> None:
    results = json.loads((home / "target" / "run_results.json").read_text())["results"]
    statuses = {result["unique_id"]: result["status"] for result in results}
    unit_tests = [name for name in statuses if name.startswith("unit_test.")]
    assert len(unit_tests) >= 26
    assert {statuses[name] for name in unit_tests} == {"pass"}
    assert set(statuses.values()) <= {"pass", "success"}


def test_an_empty_lake_gives_empty_marts_and_dimensions_from_seeds(home: Path) -> None:
    con = duckdb.connect(str(home / "warehouse.duckdb"), read_only=True)
    assert con.execute("select count(*), sum(billed_cost) from marts.fct_charges").fetchone() == (0, None)
    assert con.execute("select count(*) from marts.fct_chargeback").fetchone() == (0,)
    assert con.execute("select count(*) from marts.dim_teams").fetchone() == (8,)
    models, providers = con.execute(
        "select count(*), count(distinct provider) from marts.dim_models where not is_self_hosted"
    ).fetchone() or (0, 0)
    assert models >= 55 and providers >= 8
    gpus, offering = con.execute(
        "select count(distinct gpu_model), count(distinct provider) from seeds.gpu_offers where usd_per_gpu_hour > 0"
    ).fetchone() or (0, 0)
    assert gpus >= 15 and offering >= 6


def test_only_tables_that_can_be_built_partially_ask_what_was_touched(home: Path) -> None:
    """Elsewhere touched() is true for every month, and an incremental reader would append all of them again."""
    nodes = json.loads((home / "target" / "manifest.json").read_text())["nodes"].values()
    asking = {
        node["name"]: node["config"]["materialized"]
        for node in nodes
        if node["resource_type"] == "model" and re.search(r"\btouched(_or_next|_or_day_before)?\(", node["raw_code"])
    }
    assert len(asking) > 20
    asking.pop("int_gpu_split_costs")  # a table, so built partially, only where the setting gpu_weights reads it
    assert {name: kind for name, kind in asking.items() if kind not in ("incremental", "day_batches")} == {}
