"""Schedules, the sensor for arriving files, retries, and what an asset says about what it loaded."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from ingest.errors import ConfigError, DeliveryError, TransientError
from ingest.quarantine import entry_of
from ingest.run import Failure, IngestReport
from ingest.settings import load_settings
from orchestration.defs.jobs import arriving_files, delivered_state, monthly_close_schedule
from orchestration.defs.lake_assets import (
    GROUPS,
    RETRIES,
    accepted_check,
    dataset_key,
    dataset_metadata,
    retry_when_transient,
)
from orchestration.notes import Progress, RunNotes
from orchestration.partitions import month_of
from orchestration.resources import Company, Configuration
from orchestration.steps import load


@pytest.fixture
def company(tmp_path: Path) -> Company:
    (tmp_path / "bills").mkdir()
    (tmp_path / "tco.toml").write_text(
        'home = "home"\n[[sources]]\nname = "bills"\ntype = "focus_files"\nlocation = "bills"\n'
        '[[sources]]\nname = "cloud"\ntype = "aws_data_exports"\nlocation = "s3://bucket/prefix"\n'
    )
    return Company(config_file=str(tmp_path / "tco.toml"), waits_for_sources=True)


def evaluate(company: Company, cursor: str | None) -> dg.SensorResult | dg.SkipReason:
    configuration = Configuration(config_file=company.config_file)
    context = dg.build_sensor_context(cursor=cursor, resources={"configuration": configuration})
    result = arriving_files(context)
    assert isinstance(result, dg.SensorResult | dg.SkipReason)
    return result


def test_files_start_a_run_once_they_have_settled(company: Company) -> None:
    bills = Path(company.config_file).parent / "bills"
    nothing = evaluate(company, None)
    assert isinstance(nothing, dg.SensorResult) and not nothing.run_requests
    (bills / "a.csv").write_text("x")
    arriving = evaluate(company, nothing.cursor)
    assert isinstance(arriving, dg.SensorResult) and not arriving.run_requests
    settled = evaluate(company, arriving.cursor)
    assert isinstance(settled, dg.SensorResult) and len(settled.run_requests or ()) == 1
    assert isinstance(evaluate(company, settled.cursor), dg.SkipReason)


def test_the_delivered_state_follows_names_sizes_and_times(company: Company) -> None:
    settings = load_settings(Path(company.config_file))
    bills = Path(company.config_file).parent / "bills"
    empty = delivered_state(settings)
    (bills / "a.csv").write_text("x")
    one = delivered_state(settings)
    (bills / "a.csv").write_text("xy")
    assert len({empty, one, delivered_state(settings)}) == 3


def test_the_close_takes_the_month_before(company: Company) -> None:
    context = dg.build_schedule_context(scheduled_execution_time=datetime(2026, 3, 6, 8, tzinfo=UTC))
    request = monthly_close_schedule(context)
    assert isinstance(request, dg.RunRequest)
    assert request.partition_key == "2026-02-01"
    assert month_of(request.partition_key) == "2026-02"


def report(*errors: Exception, refused: bool = False) -> IngestReport:
    failed = tuple(Failure(source="bills", dataset="", partition="", error=error) for error in errors)
    key = ("bills", "focus", "2026-03")
    entry = entry_of(DeliveryError("bad file"), key=key, fingerprint="f", files=("a.csv",))
    return IngestReport(committed=(), unchanged=(), quarantined=(entry,) if refused else (), failed=failed)


class Attempt:
    """What retry_when_transient asks of the context."""

    def __init__(self, retry_number: int) -> None:
        self.retry_number = retry_number


def test_only_transient_faults_are_retried_and_not_for_ever(company: Company) -> None:
    with pytest.raises(dg.RetryRequested):
        retry_when_transient(Attempt(0), company, report(TransientError("away")))  # type: ignore[arg-type]
    retry_when_transient(Attempt(RETRIES), company, report(TransientError("away")))  # type: ignore[arg-type]
    retry_when_transient(Attempt(0), company, report(ConfigError("wrong")))  # type: ignore[arg-type]
    in_a_hurry = Company(config_file=company.config_file, waits_for_sources=False)
    retry_when_transient(Attempt(0), in_a_hurry, report(TransientError("away")))  # type: ignore[arg-type]


def test_refused_deliveries_and_silent_sources_warn_without_blocking() -> None:
    key = dataset_key("focus")
    assert accepted_check(report(), "focus", key).passed
    refused = accepted_check(report(refused=True), "focus", key)
    assert not refused.passed and refused.severity is dg.AssetCheckSeverity.WARN
    assert "bad file" in (refused.description or "")
    assert accepted_check(report(refused=True), "aws_focus", dataset_key("aws_focus")).passed
    assert not accepted_check(report(TransientError("away")), "focus", key).passed


def test_an_asset_says_what_lies_in_the_lake_and_what_was_loaded_now(company: Company) -> None:
    from ingest.lake import Lake
    from tests.unit.orchestration.test_cli import FOCUS

    settings = load_settings(Path(company.config_file))
    (Path(company.config_file).parent / "bills" / "2026-03.csv").write_text(FOCUS)
    seen: list[Progress] = []
    loaded = load(settings, RunNotes(on_progress=seen.append), types=("focus_files",))
    said = dataset_metadata(Lake(settings.lake_dir), "focus", loaded)
    assert said["dagster/row_count"].value == 1
    assert said["money_in"].value == {"USD": "1.5"}
    assert list(said["load_ids"].value) == ["2026-03"]
    assert {progress.stage for progress in seen} == {"load"}


def test_every_source_type_belongs_to_one_group() -> None:
    from ingest.sources.registry import SOURCE_TYPES

    types = [kind for group in GROUPS for kind in group.types]
    assert sorted(types) == sorted(SOURCE_TYPES)
    datasets = [dataset for group in GROUPS for dataset in group.datasets]
    assert len(datasets) == len(set(datasets))
