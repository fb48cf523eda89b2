"""Live pulls from a server that speaks Prometheus' HTTP API: raw samples, ranges, day borders, faults."""

from datetime import UTC, datetime

import pytest

from ingest import http_api
from ingest.errors import ConfigError
from ingest.lake import Lake
from ingest.settings import Settings
from ingest.source_config import SourceConfig
from ingest.sources.prometheus import PrometheusSource
from tests.unit.ingest.folder_deliveries import Inbox
from tests.unit.ingest.telemetry_deliveries import DAY, GPU
from tests.unit.ingest.vendor_servers import PrometheusLike, Reply

NOW = datetime(2026, 3, 4, 0, 0, 5, tzinfo=UTC)
QUERIES = ["DCGM_FI_DEV_GPU_UTIL"]
SAMPLES = [
    (DAY - 0.001, "0"),
    (DAY, "1"),
    (DAY + 60, "2"),
    (DAY + 3600, "3"),
    (DAY + 86_399.999, "4"),
    (DAY + 86_400, "5"),
    (DAY + 86_400 + 400, "6"),
    (DAY + 2 * 86_400, "9"),
]


@pytest.fixture(params=[False, True], ids=["left-open", "left-closed"])
def server(request):
    labels = tuple(sorted({**GPU, "pod": "dcgm-exporter-1"}.items()))
    prometheus = PrometheusLike({labels: SAMPLES}, is_left_closed=request.param)
    with prometheus.running():
        yield prometheus


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr(http_api, "_BACKOFF", lambda state: 0.01)


def load(server, home, **options):
    config = SourceConfig(name="bills", type="prometheus", location=server.url, options={"queries": QUERIES, **options})
    settings = Settings(home=home, sources=(config,))
    source = PrometheusSource(config, settings=settings, now=lambda: NOW)
    return source, [Lake(settings.lake_dir).commit(delivery) for delivery in source.discover()]


def values(home, partition):
    inbox = Inbox(home, home, "prometheus")
    return sorted(inbox.rows(partition, "epoch_ms(ts), value"))


def test_raw_samples_of_half_open_days(server, tmp_path):
    _, results = load(server, tmp_path)
    assert [item.manifest.partition for item in results] == ["2026-03-02", "2026-03-03"]
    assert set(values(tmp_path, "2026-03-02")) == {(round(at * 1000), float(text)) for at, text in SAMPLES[1:5]}
    assert set(values(tmp_path, "2026-03-03")) == {(round(at * 1000), float(text)) for at, text in SAMPLES[5:7]}
    assert len(server.requests) == 48
    assert server.requests[0].one("time") == f"{DAY + 3599}.999"
    _, again = load(server, tmp_path)
    assert {item.status for item in again} == {"unchanged"}


def test_query_range_is_cut_below_the_limit_and_ends_before_midnight(server, tmp_path):
    _, results = load(server, tmp_path, step_seconds=5, days_back=1)
    assert [item.manifest.partition for item in results] == ["2026-03-03"]
    assert [request.path for request in server.requests] == ["/api/v1/query_range"] * 2
    found = values(tmp_path, "2026-03-03")
    assert found[0] == ((DAY + 86_400) * 1000, 5.0)
    assert found[-1][0] < (DAY + 2 * 86_400) * 1000
    assert len(found) == 60 + 60


def test_a_day_without_samples_is_not_loaded(server, tmp_path, caplog):
    _, results = load(server, tmp_path, queries=["DCGM_FI_DEV_POWER_USAGE"])
    assert results == []
    assert "bills has no samples of 2026-03-02" in caplog.text


def test_faults_and_throttles_are_survived(server, tmp_path):
    server.faults = [None, Reply(503, ""), Reply(429, "", {"Retry-After": "0"})]
    load(server, tmp_path, days_back=1)
    assert len(values(tmp_path, "2026-03-03")) == 2


def test_a_query_the_server_refuses_is_a_configuration_error(server, tmp_path):
    refused = {"status": "error", "errorType": "bad_data", "error": "parse error: unexpected character"}
    server.faults = [Reply(400, refused)]
    with pytest.raises(ConfigError, match="parse error"):
        load(server, tmp_path)


def test_check_asks_the_server(server, tmp_path, monkeypatch):
    source, _ = load(server, tmp_path)
    assert source.check() == [f"{server.url} answers; raw samples, 1 queries, 2 complete days"]
    monkeypatch.setenv("PROMETHEUS_BEARER_TOKEN", "let-me-in-please")
    source.check()
    assert server.requests[-1].headers["Authorization"] == "Bearer let-me-in-please"
    server.faults = [Reply(200, {"hello": "world"})]
    with pytest.raises(ConfigError, match="no Prometheus"):
        source.check()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"queries": ["avg(DCGM_FI_DEV_GPU_UTIL)"]}, "selector"),
        ({"step_seconds": 7}, "divide a day"),
        ({"days_back": 0}, "days_back"),
    ],
)
def test_options_that_cannot_work_are_refused(server, tmp_path, options, message):
    with pytest.raises(ConfigError, match=message):
        load(server, tmp_path, **options)
