"""Live pulls from a real Prometheus server: skipped, visibly, where the binaries are not installed.

``TCO_PROMETHEUS_BIN`` may name the folder that holds ``prometheus`` and ``promtool``.
"""

import os
import shutil
import socket
import subprocess
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from ingest.lake import Lake
from ingest.settings import Settings
from ingest.source_config import SourceConfig
from ingest.sources.prometheus import PrometheusSource
from tests.unit.ingest.folder_deliveries import Inbox

SEARCH = os.pathsep.join([os.environ.get("TCO_PROMETHEUS_BIN", ""), os.environ.get("PATH", "")])
SERVER, TOOL = shutil.which("prometheus", path=SEARCH), shutil.which("promtool", path=SEARCH)
pytestmark = pytest.mark.skipif(not (SERVER and TOOL), reason="no prometheus and promtool on PATH or in TCO_PROMETHEUS_BIN")
MIDNIGHT = datetime.combine(datetime.now(UTC).date(), datetime.min.time(), UTC)
FIRST = int((MIDNIGHT - timedelta(days=2)).timestamp())
SECOND = FIRST + 86_400
LABELS = '{UUID="GPU-1",gpu="0",Hostname="n",job="dcgm",pod="dcgm-exporter-1",exported_pod="llm-0"}'
TIMES = [FIRST, FIRST + 60, FIRST + 3600, FIRST + 86_399, SECOND, SECOND + 30, SECOND + 86_399]


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    """A server whose storage was back-filled with samples of the last two complete days."""
    home = tmp_path_factory.mktemp("prometheus")
    lines = [f"DCGM_FI_DEV_GPU_UTIL{LABELS} {number} {at}\n" for number, at in enumerate(TIMES)]
    (home / "samples.txt").write_text("# TYPE DCGM_FI_DEV_GPU_UTIL gauge\n" + "".join(lines) + "# EOF\n")
    (home / "prometheus.yml").write_text("global: {scrape_interval: 1h}\n")
    command = [TOOL, "tsdb", "create-blocks-from", "openmetrics", "samples.txt", "storage"]
    subprocess.run(command, cwd=home, check=True, capture_output=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = [
        f"--config.file={home / 'prometheus.yml'}",
        f"--storage.tsdb.path={home / 'storage'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with (home / "log").open("wb") as log:
        process = subprocess.Popen([str(SERVER), *options], stdout=log, stderr=log)
    try:
        yield _ready(f"http://127.0.0.1:{port}", home / "log")
    finally:
        process.terminate()
        process.wait(timeout=20)


def _ready(url: str, log: Path) -> str:
    for _ in range(150):
        with suppress(httpx.TransportError):
            if httpx.get(f"{url}/-/ready").is_success:
                return url
        time.sleep(0.2)
    pytest.fail(f"prometheus did not start: {log.read_text()[-2000:]}")


def load(url, home, **options):
    config = SourceConfig(name="bills", type="prometheus", location=url, options=options)
    settings = Settings(home=home, sources=(config,))
    source = PrometheusSource(config, settings=settings)
    lake = Lake(settings.lake_dir)
    return source, [lake.commit(delivery) for delivery in source.discover()]


def day(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d")


def test_raw_samples_of_two_days(url, tmp_path):
    source, results = load(url, tmp_path)
    assert [item.manifest.partition for item in results] == [day(FIRST), day(SECOND)]
    inbox = Inbox(tmp_path, tmp_path, "prometheus")
    found = {at: set(inbox.rows(day(at), "epoch(ts)::BIGINT, value, pod, gpu_uuid")) for at in (FIRST, SECOND)}
    expected = [(at, float(number), "llm-0", "GPU-1") for number, at in enumerate(TIMES)]
    assert found == {FIRST: set(expected[:4]), SECOND: set(expected[4:])}
    assert source.check()[0].startswith(f"{url} answers; raw samples")
    assert {item.status for item in load(url, tmp_path)[1]} == {"unchanged"}


def test_query_range_of_one_day(url, tmp_path):
    _, (loaded,) = load(url, tmp_path, step_seconds=60, days_back=1)
    assert loaded.manifest.partition == day(SECOND)
    inbox = Inbox(tmp_path, tmp_path, "prometheus")
    times = sorted(at for (at,) in inbox.rows(day(SECOND), "epoch(ts)::BIGINT"))
    assert times[0] == SECOND
    assert times[-1] < SECOND + 86_400
    assert len(times) == 6
