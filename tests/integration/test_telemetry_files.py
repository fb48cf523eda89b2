"""The GPU and serving telemetry samples load with the values their MANIFEST gives."""

import math
from datetime import datetime

import duckdb
import pytest

from ingest.lake import Lake
from ingest.run import ingest
from ingest.settings import Settings
from ingest.source_config import SourceConfig
from tests.integration.shared_data import SHARED_DATA, deliver, needs_shared_data
from tests.unit.ingest.folder_deliveries import Inbox

GPU = SHARED_DATA / "gpu"
DAY = "2026-03-02"
pytestmark = needs_shared_data


def load(inbox, *names, **options):
    for name in names:
        deliver(GPU / name, inbox.folder / name.rsplit("/", 1)[-1])
    source = SourceConfig(name="bills", type=inbox.type, location=str(inbox.folder), options=options)
    report = ingest(Settings(home=inbox.home, sources=(source,)))
    assert report.is_clean
    return report


@pytest.fixture
def prometheus(tmp_path):
    return Inbox.below(tmp_path, "prometheus")


@pytest.fixture
def prom_text(tmp_path):
    return Inbox.below(tmp_path, "prom_text")


def query(inbox, sql, partition=DAY):
    """Query the partition's rows as ``samples``."""
    lake = Lake(inbox.settings.lake_dir)
    files = [str(lake.root / file.path) for m in lake.manifests() if m.partition == partition for file in m.files]
    with duckdb.connect() as connection:
        connection.from_parquet(files, hive_partitioning=False).create_view("series")
        lists = 'unnest(ts) AS ts, unnest("value") AS "value"'
        connection.execute(f'CREATE VIEW samples AS SELECT * EXCLUDE (ts, "value"), {lists} FROM series')
        return connection.execute(sql).fetchall()


def test_range_answer_with_two_jobs(prometheus):
    load(prometheus, "examples/prom_query_range_two_jobs.json")
    assert query(prometheus, "SELECT count(*), count(DISTINCT (metric, labels)) FROM samples") == [(209, 11)]
    ((points, mean),) = query(
        prometheus,
        "WITH one AS (SELECT ts, max(value) FILTER (NOT isnan(value)) AS v FROM samples"
        " WHERE metric = 'DCGM_FI_DEV_GPU_UTIL' AND gpu_uuid LIKE '%0001' GROUP BY ts)"
        " SELECT count(*), avg(v) / 100 FROM one",
    )
    assert (points, round(mean, 3)) == (20, 0.559)
    ((mean,),) = query(prometheus, "SELECT avg(value) FROM samples WHERE metric LIKE '%GR_ENGINE_ACTIVE'")
    assert round(mean, 4) == 0.3375
    ((increase,),) = query(
        prometheus,
        "WITH steps AS (SELECT value, lag(value) OVER (ORDER BY ts) AS before FROM samples"
        " WHERE metric LIKE '%TOTAL_ENERGY_CONSUMPTION')"
        " SELECT sum(CASE WHEN value >= before THEN value - before ELSE value END) FROM steps"
        " WHERE before IS NOT NULL",
    )
    assert increase == 478_800_000
    ((points, low),) = query(prometheus, "SELECT count(*), min(value) FROM samples WHERE metric = 'DCGM_FI_DEV_MEMORY_TEMP'")
    assert (points, low) == (20, 9223372036854775794.0)


def test_workloads_of_the_range_answer(prometheus):
    load(prometheus, "examples/prom_query_range_two_jobs.json")
    held = query(
        prometheus,
        "SELECT DISTINCT gpu_uuid[-1:], pod, namespace, exporter_generation FROM samples WHERE job = 'dcgm-exporter' ORDER BY 1",
    )
    assert held == [
        ("1", "llm-70b-0", "team-search", "legacy"),
        ("2", None, None, "legacy"),
        ("3", "embed-1", "team-ads", "dcgm_4_7"),
    ]
    assert query(prometheus, "SELECT count(DISTINCT ts) FROM samples WHERE gpu_uuid LIKE '%0002'") == [(15,)]
    found = query(
        prometheus,
        "SELECT metric, avg(value), max(value), max_by(value, ts) - min_by(value, ts) FROM samples"
        " WHERE gpu_uuid LIKE '%0003' GROUP BY 1 ORDER BY 1",
    )
    assert [row[0] for row in found] == [
        "DCGM_FI_DEV_FB_USED_BYTES",
        "DCGM_FI_DEV_GPU_ENERGY_JOULES_TOTAL",
        "DCGM_FI_DEV_GPU_UTIL_RATIO",
    ]
    assert found[0][2] == 40_960 * 1_048_576
    assert found[1][3] == 345_240
    assert round(found[2][1], 3) == 0.357


def test_vector_answer_of_the_exporters_own_pod(prometheus):
    load(prometheus, "formats/prom_query_vector_upcloud_L40S.json")
    columns = "ts, metric, value, gpu_model_raw, hostname, pod, namespace, container"
    assert prometheus.rows("2026-04-09", columns) == [
        (
            datetime(2026, 4, 9, 8, 2, 27, 82_000),
            "DCGM_FI_DEV_GPU_TEMP",
            32.0,
            "NVIDIA L40S",
            "gpu1-wl8sg",
            None,
            None,
            None,
        )
    ]


def test_victoriametrics_export(prometheus):
    load(prometheus, "examples/victoriametrics_export.jsonl")
    util = "metric = 'DCGM_FI_DEV_GPU_UTIL'"
    assert query(prometheus, f"SELECT count(*), count(value) FROM samples WHERE {util}") == [(12, 11)]
    increases = query(
        prometheus,
        "WITH steps AS (SELECT metric, value, lag(value) OVER (PARTITION BY metric ORDER BY ts) AS before"
        "  FROM samples WHERE metric LIKE 'vllm:%')"
        " SELECT metric, sum(CASE WHEN value >= before THEN value - before ELSE value END) FROM steps"
        " WHERE before IS NOT NULL GROUP BY 1 ORDER BY 1",
    )
    assert increases == [("vllm:generation_tokens_total", 5_200.0), ("vllm:prompt_tokens_total", 25_600.0)]
    served = "SELECT DISTINCT served_model_name, engine, pod, namespace FROM samples WHERE metric LIKE 'vllm:%'"
    assert query(prometheus, served) == [("demo-chat-8b", "0", "llm-8b-0", "team-search")]


def test_scrape_dumps_of_three_exporters(prom_text):
    names = sorted(path.name for path in (GPU / "formats").glob("*.prom"))
    load(prom_text, *(f"formats/{name}" for name in names), observed_at="2026-03-02T10:00:00Z")
    counts = query(
        prom_text,
        "SELECT gpu_model_raw, count(*), count(DISTINCT (metric, labels)) FROM samples GROUP BY 1 ORDER BY 1",
    )
    assert counts == [("GRID A100-40C", 11, 11), ("NVIDIA L4", 46, 23), ("Tesla T4", 20, 20)]
    t4 = dict(query(prom_text, "SELECT metric, value FROM samples WHERE gpu_model_raw = 'Tesla T4'"))
    assert (t4["DCGM_FI_DEV_GPU_UTIL"], t4["DCGM_FI_PROF_GR_ENGINE_ACTIVE"]) == (91.0, 0.156205)
    vgpu = "gpu_model_raw LIKE 'GRID%' AND (metric LIKE '%POWER%' OR metric LIKE '%PROF%')"
    missing = f"SELECT count(*) FROM samples WHERE {vgpu}"
    assert query(prom_text, missing) == [(0,)]
    assert query(prom_text, "SELECT count(pod), count(DISTINCT hostname) FROM samples") == [(0, 3)]


def test_vllm_snapshot(prom_text):
    load(prom_text, "examples/vllm_metrics.prom", observed_at="2026-03-02T10:00:00Z")
    sums = dict(query(prom_text, "SELECT metric, sum(value) FROM samples GROUP BY 1"))
    assert len(prom_text.rows(DAY)) == 70
    assert sums["vllm:prompt_tokens_total"] == 1_200_000
    assert sums["vllm:generation_tokens_total"] == 240_000
    assert sums["vllm:request_success_total"] == 1_200
    by_source = dict(
        query(
            prom_text,
            "SELECT token_source, sum(value) FROM samples WHERE token_source IS NOT NULL GROUP BY 1",
        )
    )
    assert by_source == {"local_compute": 460_000, "local_cache_hit": 740_000, "external_kv_transfer": 0}
    aborted = "SELECT sum(value) FROM samples WHERE finished_reason = 'abort'"
    assert query(prom_text, aborted) == [(7.0,)]
    assert math.isclose(sums["vllm:prompt_tokens_cached_total"] / 1_200_000, 0.617, abs_tol=0.0005)
    assert sums["vllm:iteration_tokens_total_sum"] == 700_000
    assert {row[0] for row in prom_text.rows(DAY, "engine")} == {"0", "1"}


def test_all_examples_together_and_again(prometheus):
    report = load(prometheus, "examples", "formats")
    assert [item.manifest.partition for item in report.committed] == [DAY, "2026-04-09"]
    assert report.committed[0].manifest.rows == 209 + 39
    assert not load(prometheus).committed
