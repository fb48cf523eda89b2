"""Telemetry that was landed as one row a sample reads like the series of today."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from ingest.lake import Delivery, Lake, Landed
from ingest.manifest import SourceFile
from ingest.run import ingest
from ingest.settings import Settings
from ingest.source_config import SourceConfig
from orchestration.duck import DuckLimits
from orchestration.quality.lake_gate import LakeState, check_landed
from tests.dbt.compiled import run_dbt
from tests.unit.ingest.telemetry_deliveries import DAY, matrix, series

SOURCE, DATASET, PARTITION = "gpus", "prometheus_samples", "2026-03-02"


def today(home: Path) -> Lake:
    """A lake with ten minutes of one GPU, as it is landed now."""
    inbox = home / "inbox"
    inbox.mkdir(parents=True)
    busy = [(DAY + 60 * minute, str(10 * minute)) for minute in range(10)]
    pod = {"pod": "p-1", "namespace": "search"}
    memory = series([(at, "2048") for at, _ in busy], **pod, __name__="DCGM_FI_DEV_FB_USED")
    (inbox / "a.json").write_text(matrix(series(busy, **pod), memory))
    settings = Settings(home=home, sources=(SourceConfig(name=SOURCE, type="prometheus", location=str(inbox), options={}),))
    assert ingest(settings).is_clean
    return Lake(settings.lake_dir)


def earlier(lake: Lake, home: Path) -> Lake:
    """The same samples, one row each."""
    (manifest,) = lake.manifests()
    files = [str(lake.root / file.path) for file in manifest.files]

    def land(folder: Path) -> Landed:
        path = folder / "part-00000.parquet"
        samples = 'SELECT * EXCLUDE (ts, "value"), unnest(ts) AS ts, unnest("value") AS "value" FROM read_parquet(?)'
        with duckdb.connect() as con:
            con.execute(f"COPY ({samples}) TO '{path}' (FORMAT parquet)", [files])
        return Landed((path,), (SourceFile("f", 1, "x"),), manifest.rows, {})

    before = Lake(home / "lake")
    before.commit(Delivery(SOURCE, DATASET, PARTITION, "x", datetime(2026, 3, 3, tzinfo=UTC), ("f",), land))
    before.write_index()
    return before


def built(lake: Lake, home: Path) -> list[list[tuple[Any, ...]]]:
    """Samples and GPU states that dbt makes of a lake."""
    parts = ("--select", "+int_gpu_observed_states", "+stg_prometheus__samples")
    no_tests = ("--exclude-resource-type", "test", "--exclude-resource-type", "unit_test")
    done = run_dbt(home, "build", "--full-refresh", *parts, *no_tests, lake_index=lake.index_path)
    assert done.returncode == 0, done.stdout[-4000:]
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as con:
        return [
            con.execute(f"SELECT * FROM {table} ORDER BY ALL").fetchall()
            for table in ("staging.stg_prometheus__samples", "intermediate.int_gpu_observed_states")
        ]


def test_one_row_a_sample_gives_the_same_states_and_passes_the_gate(tmp_path: Path) -> None:
    now = today(tmp_path / "now")
    before = earlier(now, tmp_path / "before")
    assert before.manifests()[0].rows == now.manifests()[0].rows == 20
    for lake in (now, before):
        state = LakeState(lake.root, tuple(lake.manifests()), lake.root.parent / "gate.json")
        report = check_landed(state, limits=DuckLimits(2, "1GB", tmp_path / "tmp"))
        assert (report.is_passed, report.checked) == (True, 1)
    samples, states = built(now, tmp_path / "now")
    assert len(samples) == 20
    assert sum(row[14] for row in states) == 600
    assert built(before, tmp_path / "before") == [samples, states]
