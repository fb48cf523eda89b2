"""Dagster's own storage below the home folder: telemetry off, no retry of failed steps.

The file is written once and then belongs to its owner (who may move the storage to PostgreSQL in it).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import dagster as dg

PID_TAG = "tco/pid"
KEPT_RUNS = 100

TEMPLATE = """\
# Dagster of this home. Storage is SQLite beside this file; see Dagster's documentation for PostgreSQL.
telemetry:
  enabled: false
nux:
  enabled: false
# Dagster's SQLite event log with connections that stay open
event_log_storage:
  module: orchestration.event_log
  class: WarmSqliteEventLog
  config:
    base_dir:
      env: DAGSTER_HOME
# steps write their logs to <home>/logs and <home>/dbt/target; Dagster's own capture starts a process per step,
# which a killed run would leave behind
compute_logs:
  module: dagster._core.storage.noop_compute_log_manager
  class: NoOpComputeLogManager
# only a crashed worker is started again: steps retry transient faults themselves
run_retries:
  enabled: true
  max_retries: 0
  retry_on_asset_or_op_failure: false
# the warehouse has one writer
concurrency:
  pools:
    default_limit: 1
    granularity: op
retention:
  schedule:
    purge_after_days: 90
  sensor:
    purge_after_days: 7
"""


def prepare_dagster_home(home: Path) -> Path:
    """The folder to use as DAGSTER_HOME, with its dagster.yaml; also set in this process's environment."""
    folder = (home / "dagster").resolve()
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "dagster.yaml"
    if not config.exists():
        config.write_text(TEMPLATE, encoding="utf-8")
    os.environ["DAGSTER_HOME"] = str(folder)
    return folder


def tidy_runs(instance: dg.DagsterInstance) -> None:
    """Mark runs of this command that were killed as failed, and forget the oldest ones."""
    import dagster as dg

    unfinished = dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING])
    for run in instance.get_runs(filters=unfinished):
        if PID_TAG in run.tags and int(run.tags[PID_TAG]) != os.getpid():
            instance.report_run_failed(run, f"process {run.tags[PID_TAG]} was killed")
    finished = dg.RunsFilter(statuses=[dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE])
    for run in instance.get_runs(filters=finished, limit=KEPT_RUNS + 20)[KEPT_RUNS:]:
        instance.delete_run(run.run_id)


def free_pool(instance: dg.DagsterInstance) -> None:
    """Free the warehouse pool; to be called by the run that holds the home, before it claims its place.

    A killed run keeps its place, and the next one would wait for it for ever. As only the holder of the home works
    on the warehouse, whatever place is taken then belongs to a run that is dead.
    """
    events = instance.event_log_storage
    if events.supports_global_concurrency_limits:
        for run_id in events.get_concurrency_run_ids():
            events.free_concurrency_slots_for_run(run_id)
