"""The `monthly_close` job: closes its partition's month, once; what refuses fails it without a retry."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from ingest.settings import Settings
from orchestration.close.month_close import close_month
from orchestration.close.months import closed_events, closes_of
from orchestration.defs.published_assets import CLOSED, closed_statement
from orchestration.resources import Company
from tests.unit.orchestration.closable_home import FEBRUARY, closable_home, gate, without_charts


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    without_charts(monkeypatch)
    (tmp_path / "tco.toml").write_text('home = "home"\nseeds = "seeds"\nthreads = 1\nmemory_limit = "500MB"\n')
    return closable_home(tmp_path)


def materialize(settings: Settings) -> dg.ExecuteInProcessResult:
    company = Company(config_file=str(settings.home.parent / "tco.toml"), wait_seconds=0)
    return dg.materialize(
        [closed_statement], partition_key=f"{FEBRUARY}-01", resources={"company": company}, raise_on_error=False
    )


def test_the_job_closes_its_month_and_may_run_twice(home: Settings) -> None:
    first, second = materialize(home), materialize(home)
    assert first.success and second.success
    event = closed_events(closes_of(home).events())[FEBRUARY]
    for result in (first, second):
        metadata = result.asset_materializations_for_node("published__closed_statement")[0].metadata
        assert metadata["hash"].value == event.hash
        assert metadata["money_out"].value["USD"]["billed_cost"] == "12.500000000000000001"
    assert closed_statement.key == CLOSED


def test_a_refusal_fails_the_job_in_its_own_words(home: Settings) -> None:
    gate(home, fails="2026-02: allocated 10, charged 12.5")
    result = materialize(home)
    assert not result.success
    failure = next(event for event in result.all_events if event.is_step_failure)
    assert "allocated 10, charged 12.5" in str(failure.step_failure_data)
    assert closed_events(closes_of(home).events()) == {}
    gate(home)
    assert close_month(home, FEBRUARY).manifest.sequence == 1
