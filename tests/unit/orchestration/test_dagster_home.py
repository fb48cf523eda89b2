"""Dagster's own storage: telemetry off, the warm event log, runs that were killed."""

from __future__ import annotations

import os
from pathlib import Path

import dagster as dg
import pytest
import yaml

from orchestration.dagster_home import PID_TAG, free_pool, prepare_dagster_home, tidy_runs
from orchestration.event_log import WarmSqliteEventLog


@dg.asset
def thing() -> int:
    return 1


JOB = dg.Definitions(assets=[thing], jobs=[dg.define_asset_job("one", executor_def=dg.in_process_executor)])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DAGSTER_HOME", "")
    return prepare_dagster_home(tmp_path)


def test_the_home_is_written_once_with_telemetry_off(folder: Path, tmp_path: Path) -> None:
    config = folder / "dagster.yaml"
    assert yaml.safe_load(config.read_text())["telemetry"] == {"enabled": False}
    assert os.environ["DAGSTER_HOME"] == str(folder)
    config.write_text("telemetry:\n  enabled: false\n")
    assert prepare_dagster_home(tmp_path) == folder
    assert "event_log_storage" not in config.read_text()


def test_the_warm_event_log_keeps_a_run_for_the_next_process(folder: Path) -> None:
    job = JOB.resolve_job_def("one")
    with dg.DagsterInstance.from_config(str(folder)) as instance:
        assert isinstance(instance.event_log_storage, WarmSqliteEventLog)
        run_id = job.execute_in_process(instance=instance).run_id
        count = len(instance.all_logs(run_id))
    with dg.DagsterInstance.from_config(str(folder)) as instance:
        assert len(instance.all_logs(run_id)) == count > 5
        assert instance.get_latest_materialization_event(dg.AssetKey("thing")) is not None


def test_a_run_of_a_killed_process_is_marked_failed(folder: Path) -> None:
    job = JOB.resolve_job_def("one")
    with dg.DagsterInstance.from_config(str(folder)) as instance:
        killed = instance.create_run_for_job(job, tags={PID_TAG: "1"}, status=dg.DagsterRunStatus.STARTED)
        own = instance.create_run_for_job(job, tags={PID_TAG: str(os.getpid())}, status=dg.DagsterRunStatus.STARTED)
        tidy_runs(instance)
        found = {run.run_id: run.status for run in instance.get_runs()}
    assert found[killed.run_id] is dg.DagsterRunStatus.FAILURE
    assert found[own.run_id] is dg.DagsterRunStatus.STARTED


def test_a_killed_runs_place_in_the_pool_is_freed(folder: Path) -> None:
    with dg.DagsterInstance.from_config(str(folder)) as instance:
        events = instance.event_log_storage
        events.initialize_concurrency_limit_to_default("warehouse")
        events.claim_concurrency_slot("warehouse", "dead-run", "dbt_models")
        assert events.get_concurrency_run_ids() == {"dead-run"}
        free_pool(instance)
        assert not events.get_concurrency_run_ids()
