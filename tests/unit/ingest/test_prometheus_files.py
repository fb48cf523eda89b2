"""Saved Prometheus answers, exports and Parquet become day partitions of the telemetry lake."""

import gzip
import json
import math
import os
from datetime import datetime

import duckdb
import pytest

from ingest.lake import Lake
from ingest.sources import prometheus_answers, telemetry_files
from ingest.sources.telemetry_rows import SCHEMA
from tests.unit.ingest.folder_deliveries import Inbox
from tests.unit.ingest.telemetry_deliveries import DAY, answer, export_line, matrix, series

NEXT_DAY = DAY + 86_400
WORKLOAD = {"exported_pod": "llm-0", "exported_namespace": "search", "exported_container": "server"}
OWN = {"pod": "dcgm-exporter-x7k2p", "namespace": "monitoring", "container": "exporter"}


@pytest.fixture
def inbox(tmp_path):
    return Inbox.below(tmp_path, "prometheus")


def labels_of(inbox, columns, *found, partition="2026-03-02"):
    inbox.put("labels.json", matrix(*found))
    assert inbox.load().is_clean
    return inbox.rows(partition, columns)


def test_a_matrix_becomes_rows_of_the_lake_schema(inbox):
    inbox.put("a.json", matrix(series([(DAY, "1"), (DAY + 0.125, "2.5")])))
    assert inbox.loaded() == ["2026-03-02"]
    (manifest,) = Lake(inbox.settings.lake_dir).manifests()
    assert {column.name: column.type for column in manifest.columns} == dict(SCHEMA)
    rows = inbox.rows("2026-03-02", "ts, metric, value, gpu_index, gpu_uuid, gpu_model_raw, hostname, labels")
    assert rows == [
        (
            datetime(2026, 3, 2, 0, 0, 0, micro),
            "DCGM_FI_DEV_GPU_UTIL",
            value,
            "0",
            "GPU-1",
            "NVIDIA L4",
            "node-1",
            '{"Hostname":"node-1","UUID":"GPU-1","gpu":"0","modelName":"NVIDIA L4"}',
        )
        for micro, value in ((0, 1.0), (125_000, 2.5))
    ]


def test_every_carrier_of_the_same_samples_gives_the_same_rows(inbox):
    one, pairs = series([(DAY, "1"), (DAY + 60, "2")]), [(1, DAY), (2, DAY + 60)]
    vectors = [{"metric": one["metric"], "value": list(pair)} for pair in one["values"]]
    carriers = {
        "matrix.json": matrix(one),
        "pretty.json": json.dumps(answer(one), indent=2),
        "zipped.json.gz": gzip.compress(matrix(one).encode()),
        "vectors.json": json.dumps([answer(vector, kind="vector") for vector in vectors]),
        "export.jsonl": export_line([v for v, _ in pairs], [at for _, at in pairs]),
        "lines.jsonl.gz": gzip.compress("".join(export_line([v], [at]) for v, at in pairs).encode()),
    }
    for name, content in carriers.items():
        path = inbox.put(name, content)
        assert inbox.load().is_clean, name
        assert sorted(inbox.rows("2026-03-02", "epoch(ts)::INT, value, labels")) == [
            (DAY, 1.0, '{"Hostname":"node-1","UUID":"GPU-1","gpu":"0","modelName":"NVIDIA L4"}'),
            (DAY + 60, 2.0, '{"Hostname":"node-1","UUID":"GPU-1","gpu":"0","modelName":"NVIDIA L4"}'),
        ], name
        path.unlink()


def test_raw_values_stay_raw(inbox):
    sentinel = "9223372036854775794"
    texts = ["NaN", "+Inf", "-Inf", sentinel, None, "1e-3"]
    inbox.put("a.json", matrix(series([(DAY + n, text) for n, text in enumerate(texts)])))
    inbox.put("b.jsonl", export_line([None, "Infinity"], [DAY + 10, DAY + 11]))
    assert inbox.load().is_clean
    values = [value for _, value in sorted(inbox.rows("2026-03-02", "ts, value"))]
    assert math.isnan(values[0])
    assert values[1:] == [math.inf, -math.inf, 9223372036854775794.0, None, 0.001, None, math.inf]


def test_the_closing_midnight_belongs_to_the_next_day(inbox):
    inbox.put("2026-03-02/a.json", matrix(series([(DAY, "1"), (NEXT_DAY - 0.001, "2"), (NEXT_DAY, "3")])))
    assert inbox.loaded() == ["2026-03-02", "2026-03-03"]
    assert inbox.rows("2026-03-02", "value") == [(1.0,), (2.0,)]
    assert inbox.rows("2026-03-03", "value") == [(3.0,)]
    inbox.put("2026-03-03/a.json", matrix(series([(NEXT_DAY, "3"), (NEXT_DAY + 60, "4")])))
    assert inbox.loaded() == ["2026-03-03"]
    assert sorted(inbox.rows("2026-03-03", "value")) == [(3.0,), (3.0,), (4.0,)]


def test_a_file_of_many_days_is_converted_once(inbox, monkeypatch):
    split, read = telemetry_files.split_file, []
    monkeypatch.setattr("ingest.sources.telemetry_landing.split_file", lambda *args, **kw: read.append(1) or split(*args, **kw))
    values = [(DAY + hour * 3600, str(hour)) for hour in range(240)]
    inbox.put("all.json", matrix(series(values), series(values, gpu="1")))
    assert len(inbox.loaded()) == 10
    assert read == [1]
    assert inbox.rows("2026-03-11", "count(*), min(value), max(value)") == [(48, 216.0, 239.0)]


def test_files_of_one_day_form_one_partition_with_duplicates_kept(inbox):
    inbox.put("a.json", matrix(series([(DAY, "1")])))
    inbox.put("sub/b.json", matrix(series([(DAY, "1")])))
    inbox.put("c.jsonl", export_line([7], [DAY]))
    assert inbox.loaded() == ["2026-03-02"]
    assert sorted(inbox.rows("2026-03-02", "value")) == [(1.0,), (1.0,), (7.0,)]


def test_exported_labels_name_the_workload_and_a_bare_pod_of_that_job_is_the_exporters(inbox):
    rows = labels_of(
        inbox,
        "gpu_index, pod, namespace, container",
        series([(DAY, "1")], gpu="0", job="dcgm", **OWN, **WORKLOAD),
        series([(DAY, "1")], gpu="1", job="dcgm", pod="gpu-metrics-abc", namespace="monitoring"),
        series([(DAY, "1")], gpu="2", job="honours", pod="llm-9", namespace="ads", container="server"),
        series([(DAY, "1")], gpu="3", job="other", **OWN),
        series([(DAY, "1")], gpu="4", job="old", pod_name="llm-1", pod_namespace="old", container_name="c"),
    )
    assert sorted(rows) == [
        ("0", "llm-0", "search", "server"),
        ("1", None, None, None),
        ("2", "llm-9", "ads", "server"),
        ("3", None, None, None),
        ("4", "llm-1", "old", "c"),
    ]


def test_a_serving_engine_in_the_same_scrape_job_keeps_its_pod(inbox):
    engine = {"__name__": "vllm:prompt_tokens_total", "model_name": "chat-8b", "engine": "0", "job": "pods"}
    rows = labels_of(
        inbox,
        "pod, namespace, served_model_name, gpu_model_raw, engine, token_source",
        series([(DAY, "1")], job="pods", **OWN, **WORKLOAD),
        {
            "metric": {**engine, "pod": "vllm-0", "namespace": "ads", "source": "local_compute"},
            "values": [[DAY, "5"]],
        },
    )
    assert ("vllm-0", "ads", "chat-8b", None, "0", "local_compute") in rows


@pytest.mark.parametrize(
    ("metric", "labels", "generation"),
    [
        ("DCGM_FI_DEV_GPU_UTIL", {}, "legacy"),
        ("DCGM_FI_DEV_GPU_UTIL_RATIO", {}, "dcgm_4_7"),
        ("DCGM_FI_DEV_GPU_UTIL_RATIO", {"DCGM_FI_DRIVER_VERSION": "570"}, "legacy"),
        ("DCGM_FI_PROF_PCIE_TX_BYTES", {}, "legacy"),
        ("DCGM_FI_DEV_FB_USED_BYTES", {}, "dcgm_4_7"),
        ("DCGM_FI_PROF_PCIE_TX_BYTES_TOTAL", {}, "dcgm_4_7"),
        ("DCGM_FI_DEV_XID_ERRORS", {"DCGM_FI_SYSTEM_DRIVER_VERSION": "580"}, "dcgm_4_7"),
        ("node_load1", {}, None),
    ],
)
def test_the_exporter_generation_comes_from_the_driver_label_or_the_name(inbox, metric, labels, generation):
    found = series([(DAY, "1")], __name__=metric, **labels)
    assert labels_of(inbox, "exporter_generation", found) == [(generation,)]


def test_spellings_of_a_label_are_one_column_and_odd_text_survives(inbox):
    nasty = '<b>"=1+1"\n]]}]},{"metric":{😀'
    metric = {"__name__": "DCGM_FI_DEV_FB_USED", "gpu_uuid": "GPU-9", "hostname": "n", "model_name": "H100"}
    mig = {"GPU_I_ID": "3", "GPU_I_PROFILE": "1g.10gb", "vgpu": "2", "device": "nvidia0", "team": nasty}
    rows = labels_of(
        inbox,
        "gpu_uuid, hostname, gpu_model_raw, gpu_instance_id, gpu_instance_profile, vgpu, device, labels",
        {"metric": {**metric, **mig}, "values": [[DAY, "1"]]},
    )
    assert rows[0][:7] == ("GPU-9", "n", "H100", "3", "1g.10gb", "2", "nvidia0")
    assert json.loads(rows[0][7])["team"] == nasty


def test_a_second_run_opens_nothing_and_an_overlay_with_the_old_time_is_seen(inbox, monkeypatch):
    path = inbox.put("a.json", matrix(series([(DAY, "1")])))
    before = path.stat()
    assert inbox.loaded() == ["2026-03-02"]
    with monkeypatch.context() as patch:
        patch.setattr(prometheus_answers, "_pieces", lambda *_: pytest.fail("opened"))
        assert inbox.loaded() == []
    path.write_text(matrix(series([(DAY, "2")])))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert inbox.loaded() == ["2026-03-02"]
    assert inbox.rows("2026-03-02", "value") == [(2.0,)]


def parquet(path, *days):
    rows = " UNION ALL ".join(
        "SELECT 'm' AS metric, "
        + "".join(f"NULL::VARCHAR AS {name}, " for name, kind in list(SCHEMA.items())[1:] if kind == "VARCHAR")
        + f"[TIMESTAMP '{day} 12:00:00'] AS ts, [1.5::DOUBLE] AS value"
        for day in days
    )
    duckdb.sql(f"COPY ({rows}) TO '{path}' (FORMAT parquet)")


def test_parquet_in_the_lake_schema_is_landed_byte_for_byte(inbox):
    path = inbox.folder / "samples.parquet"
    parquet(path, "2026-03-02")
    assert inbox.loaded() == ["2026-03-02"]
    (manifest,) = Lake(inbox.settings.lake_dir).manifests()
    assert (inbox.settings.lake_dir / manifest.files[0].path).read_bytes() == path.read_bytes()
    parquet(path, "2026-03-02", "2026-03-03", "2026-03-03")
    assert inbox.loaded() == ["2026-03-03"] or inbox.rows("2026-03-03", "count(*)") == [(2,)]
    assert inbox.rows("2026-03-02", "count(*)") == [(1,)]


def test_parquet_with_other_columns_is_refused(inbox):
    duckdb.sql(f"COPY (SELECT 1 AS ts, 'x' AS metric) TO '{inbox.folder}/2026-03-02.parquet' (FORMAT parquet)")
    (entry,) = inbox.load().quarantined
    assert entry.partition == "2026-03-02"
    assert "ts INTEGER" in entry.found
    assert "value DOUBLE" in entry.expected


BROKEN = {
    "truncated": (matrix(series([(DAY, "1")]))[:-30], "truncated"),
    "cut.json.gz": (gzip.compress(matrix(series([(DAY, "1")])).encode())[:-9], "truncated"),
    "error": ('{"status":"error","errorType":"timeout","error":"took too long"}', "timeout: took too long"),
    "text": (matrix(series([(DAY, "1"), (DAY + 1, "1,5")])), "1,5"),
    "nameless": (matrix({"metric": {"gpu": "0"}, "values": [[DAY, "1"]]}), "__name__"),
    "milliseconds": (matrix(series([(DAY * 1000, "1")])), "calendar"),
    "disorder": (matrix(series([(DAY, "1"), (NEXT_DAY, "2"), (DAY + 60, "3")])), "time order"),
    "unequal": (export_line([1, 2], [DAY]), "differ in number"),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_file_is_quarantined_and_its_day_keeps_its_last_good_load(inbox, fault):
    content, message = BROKEN[fault]
    name = f"2026-03-02/{fault}" if "." in fault else f"2026-03-02/{fault}.json"
    inbox.put("2026-03-01/a.json", matrix(series([(DAY - 60, "1")])))
    inbox.put(name, matrix(series([(DAY, "1")])))
    assert inbox.loaded() == ["2026-03-01", "2026-03-02"]
    inbox.put(name, content)
    inbox.put("2026-03-01/a.json", matrix(series([(DAY - 60, "5")])))
    report = inbox.load()
    assert [item.manifest.partition for item in report.committed] == ["2026-03-01"]
    assert {entry.partition for entry in report.quarantined} == {"2026-03-02"}
    assert message in report.quarantined[0].message
    assert inbox.rows("2026-03-02", "value") == [(1.0,)]
    inbox.put(name, matrix(series([(DAY, "8")])))
    assert inbox.loaded() == ["2026-03-02"]
    assert not Lake(inbox.settings.lake_dir).quarantine_entries.entries()


def test_samples_of_two_days_in_turns_are_refused_for_both_days(inbox):
    turns = [(DAY, "1"), (NEXT_DAY, "2"), (DAY + 60, "3"), (NEXT_DAY + 60, "4")]
    inbox.put("a.json", matrix(series(turns)))
    report = inbox.load()
    assert {entry.partition for entry in report.quarantined} == {"2026-03-02", "2026-03-03"}
    assert all("time order" in entry.message for entry in report.quarantined)


def test_a_row_is_a_series_and_the_manifest_counts_its_samples(inbox):
    inbox.put("a.json", matrix(series([(DAY, "1"), (DAY + 60, "2")]), series([(DAY, "3")], gpu="1"), series([], gpu="2")))
    assert inbox.load().is_clean
    (manifest,) = Lake(inbox.settings.lake_dir).manifests()
    assert (manifest.rows, [file.rows for file in manifest.files]) == (3, [2])


def test_other_json_in_the_folder_is_named_and_holds_nothing_back(inbox, caplog):
    inbox.put("2026-03-02/meta.json", '{"exported_by": "cron"}')
    inbox.put("2026-03-02/a.json", matrix(series([(DAY, "1")])))
    for _ in range(2):
        caplog.clear()
        assert inbox.load().is_clean
        assert "meta.json holds no Prometheus samples" in caplog.text


def test_native_histograms_are_counted_in_a_note(inbox):
    histogram = {"metric": {"__name__": "h"}, "histograms": [[DAY, {"count": "1", "sum": "2"}]]}
    inbox.put("a.json", matrix(series([(DAY, "1")]), histogram))
    (loaded,) = inbox.load().committed
    assert loaded.manifest.notes == ("a.json: 1 native histograms have no sample values",)
