"""One ingest over several sources: faults stay where they are, progress is told, retries happen."""

from pathlib import Path

import pytest

from ingest import run as run_module
from ingest.errors import ConfigError, TransientError
from ingest.lake import Lake
from ingest.run import ingest
from ingest.settings import Settings
from ingest.source_config import SourceConfig
from tests.unit.ingest.aws_exports import AwsExport, csv_gz, focus_row
from tests.unit.ingest.lake_deliveries import delivery_of


def settings_with(tmp_path: Path, **locations: str) -> Settings:
    sources = tuple(
        SourceConfig(name=name, type="aws_data_exports", location=str(tmp_path / place))
        for name, place in locations.items()
    )
    return Settings(home=tmp_path / "home", sources=sources)


class Flaky:
    """A source that breaks once in the middle of its discovery."""

    def __init__(self) -> None:
        self.calls = 0

    def discover(self):
        self.calls += 1
        yield delivery_of(["1"], fingerprint="v1", partition="2026-05")
        if self.calls == 1:
            raise TransientError("the server is busy")
        yield delivery_of(["2"], fingerprint="v1", partition="2026-06")


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(run_module, "FIRST_WAIT_SECONDS", 0)
    monkeypatch.setattr(run_module, "LONGEST_WAIT_SECONDS", 0)


def test_one_broken_source_does_not_stop_the_others(tmp_path):
    AwsExport(tmp_path / "in").deliver("2026-05", {"a.csv.gz": csv_gz([focus_row()])})
    events = []
    report = ingest(settings_with(tmp_path, bad="nowhere", good="in"), on_progress=events.append)
    assert [item.manifest.source for item in report.committed] == ["good"]
    assert [item.source for item in report.failed] == ["bad"] and not report.is_clean
    stages = [(event.source, event.stage) for event in events]
    assert stages == [
        ("bad", "source"),
        ("bad", "failed"),
        ("good", "source"),
        ("good", "landing"),
        ("good", "committed"),
    ]


def test_chosen_sources_only(tmp_path):
    AwsExport(tmp_path / "in").deliver("2026-05", {"a.csv.gz": csv_gz([focus_row()])})
    settings = settings_with(tmp_path, one="in", two="in")
    assert [item.manifest.source for item in ingest(settings, sources=["two"]).committed] == ["two"]
    with pytest.raises(ConfigError, match=r"unknown source(.|\n)*three(.|\n)*one, two"):
        ingest(settings, sources=["three"])


def test_interrupted_discovery_goes_on_without_repeating(tmp_path, quick, monkeypatch):
    source = Flaky()
    monkeypatch.setattr(run_module, "build_source", lambda config, settings: source)
    report = ingest(settings_with(tmp_path, flaky="in"))
    assert [item.manifest.partition for item in report.committed] == ["2026-05", "2026-06"]
    assert report.is_clean


def test_transient_fault_of_a_landing_is_retried(tmp_path, quick, monkeypatch):
    tries = []

    class Source:
        def discover(self):
            good = delivery_of(["1"], fingerprint="v1")

            def land(folder):
                tries.append(folder)
                if len(tries) < 3:
                    raise TransientError("the connection broke")
                return good.land(folder)

            yield run_module.Delivery(**{**vars(good), "land": land})
            yield delivery_of(["2"], fingerprint="v1", partition="2026-06")

    monkeypatch.setattr(run_module, "build_source", lambda config, settings: Source())
    assert len(ingest(settings_with(tmp_path, s="in")).committed) == 2
    assert len(tries) == 3


def test_fault_of_a_discovery_is_reported_not_raised(tmp_path, monkeypatch):
    class Source:
        def discover(self):
            raise ValueError("a page without data")
            yield

    monkeypatch.setattr(run_module, "build_source", lambda config, settings: Source())
    (failure,) = ingest(settings_with(tmp_path, s="in")).failed
    assert "a page without data" in str(failure.error)


def test_what_is_no_longer_broken_leaves_the_quarantine(tmp_path):
    """A file whose month nobody could read, and a delivery that was taken back, do not stay open for ever."""
    bad = tmp_path / "in" / "2026-05.csv"
    bad.parent.mkdir()
    bad.write_text("no,focus\n1,2\n")
    config = SourceConfig(name="focus", type="focus_files", location=str(tmp_path / "in"))
    settings = Settings(home=tmp_path / "home", sources=(config,))
    lake = Lake(settings.lake_dir)
    assert len(ingest(settings).quarantined) == 1 and len(lake.quarantine_entries.entries()) == 1
    assert len(ingest(settings).quarantined) == 1 and len(lake.quarantine_entries.entries()) == 1  # still broken: stays
    bad.unlink()
    ingest(settings)
    assert lake.quarantine_entries.entries() == []
    (entry,) = lake.quarantine_entries.entries(open_only=False)
    assert entry.resolved_at is not None
