"""`tco run`: the daily job, executed in this process with Dagster's own storage, one run at a time.

Killed at any moment it leaves readers on the last snapshot, the lake on whole partitions, the warehouse to
dbt's transactions, and `pending.json` naming what is still to be published; the next run does the rest.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from ingest.settings import Settings
from orchestration.dagster_home import PID_TAG, prepare_dagster_home, tidy_runs
from orchestration.dbt_runtime import prepared_manifest
from orchestration.home_lock import home_lock
from orchestration.notes import Progress, RunNotes
from orchestration.quality.gx_worker import warm_worker
from orchestration.quiet import switch_off_telemetry

QUIET_LOGS = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass(frozen=True)
class RunOutcome:
    """How a run ended.

    Attributes:
        notes: what it did; `notes.error` is what stopped it.
        is_complete: every step ran and no gate blocked.
        seconds: wall seconds of the whole, imports included when the caller started the clock.
        found: what Dagster says stopped the run, when nothing noted an error.
    """

    notes: RunNotes
    is_complete: bool
    seconds: float
    found: str = ""

    @property
    def overhead_seconds(self) -> float:
        """Seconds that no stage worked: imports, Dagster, reading definitions."""
        return max(0.0, self.seconds - sum(self.notes.seconds.values()))


def run_daily(settings: Settings, *, on_progress: Callable[[Progress], None], started: float | None = None) -> RunOutcome:
    """Run the daily job.

    Args:
        settings: the company.
        on_progress: called at every step.
        started: `time.monotonic()` at which the clock of the run began; now when None.

    Raises:
        TransientError: another run holds the home.
        ConfigError: the dbt project does not parse.
    """
    clock = started if started is not None else time.monotonic()
    switch_off_telemetry()
    with home_lock(settings.home), ThreadPoolExecutor(max_workers=1) as beside:
        on_progress(Progress("start", "Dagster and models"))
        notes = RunNotes(on_progress=on_progress)
        # dbt parses in a process of its own while this one imports Dagster
        manifest = beside.submit(prepared_manifest, settings)
        is_complete, found = _execute(settings, notes, manifest)
    return RunOutcome(notes, is_complete, time.monotonic() - clock, found)


def _execute(settings: Settings, notes: RunNotes, parsed: Future[Path]) -> tuple[bool, str]:
    import dagster as dg

    from orchestration.definitions import build_defs
    from orchestration.resources import Company

    folder = prepare_dagster_home(settings.home)
    config_file = str(settings.config_file) if isinstance(settings.config_file, Path) else ""
    company = Company(config_file=config_file, wait_seconds=0, waits_for_sources=False)
    waiting = time.monotonic()
    manifest = parsed.result()
    notes.fixed["dbt parse"] = time.monotonic() - waiting
    definitions = build_defs(manifest=manifest, overrides={"company": company, "notes": notes})
    job = definitions.resolve_job_def("daily")
    with dg.DagsterInstance.from_config(str(folder)) as instance, warm_worker():
        tidy_runs(instance)
        result = job.execute_in_process(
            instance=instance,
            run_config=QUIET_LOGS,
            tags={PID_TAG: str(os.getpid())},
            raise_on_error=False,
        )
    failures = [event for event in result.all_events if event.is_step_failure]
    found = failures[0].step_failure_data.error.to_string() if failures and failures[0].step_failure_data.error else ""
    return result.success, found
