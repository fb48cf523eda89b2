"""One `tco run` in a process of its own, with the memory of its process tree per stage."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

POLL_SECONDS = 0.05
MIB = 1024 * 1024


@dataclass(frozen=True)
class Measurement:
    """What a run cost: wall seconds, and resident memory of run and dbt together."""

    seconds: float
    overhead_seconds: float
    stage_seconds: dict[str, float]
    stage_peak_mib: dict[str, float]
    peak_mib: float


def measure_run(config_file: Path, home: Path, *, keep_home: bool = False) -> Measurement:
    """Runs the daily job of a configuration and measures it.

    Args:
        config_file: the company's tco.toml.
        home: its home folder, emptied first unless `keep_home`.
        keep_home: measure what a later run costs on top of what is there.

    Raises:
        RuntimeError: the run did not end well.
    """
    if not keep_home:
        shutil.rmtree(home, ignore_errors=True)
    report = home.parent / "bench_report.json"
    report.unlink(missing_ok=True)
    started = time.monotonic()
    process = subprocess.Popen([sys.executable, "-m", "tests.bench.one_run", str(config_file), str(report)])
    peaks: dict[str, float] = {}
    stage_file = Path(f"{report}.stage")
    watcher = threading.Thread(target=_watch, args=(process, stage_file, peaks))
    watcher.start()
    code = process.wait()
    watcher.join()
    seconds = time.monotonic() - started
    if code != 0 or not report.exists():
        raise RuntimeError(f"the run of {config_file} ended with exit code {code}")
    stages = json.loads(report.read_text())
    return Measurement(
        seconds=seconds,
        overhead_seconds=seconds - sum(stages.values()),
        stage_seconds=stages,
        stage_peak_mib=peaks,
        peak_mib=max(peaks.values(), default=0.0),
    )


def _watch(process: subprocess.Popen[bytes], stage_file: Path, peaks: dict[str, float]) -> None:
    while process.poll() is None:
        stage = stage_file.read_text() if stage_file.exists() else "start"
        try:
            root = psutil.Process(process.pid)
            family = [root, *root.children(recursive=True)]
            used = sum(member.memory_info().rss for member in family) / MIB
        except psutil.NoSuchProcess:
            continue
        peaks[stage] = max(peaks.get(stage, 0.0), used)
        time.sleep(POLL_SECONDS)
