"""The same parameters give the same bytes, however the sample came to be."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from ingest.errors import ConfigError
from ingest.settings import load_settings
from ingest.synthetic.generate import Resources, add_day, generate
from ingest.synthetic.summary import OWN_FOLDERS, clear_sample
from ingest.synthetic.window import covered_months


def _hashes(sample: Path) -> dict[str, str]:
    files = (path for name in OWN_FOLDERS for path in (sample / name).rglob("*") if path.is_file())
    return {str(path.relative_to(sample)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_month_and_added_day_equal_the_sample_made_at_once(sample: Path, tmp_path: Path) -> None:
    out = tmp_path / "grown"
    generate(out, months=1, end_month="2026-10", resources=Resources(threads=1))
    month = {name: digest for name, digest in _hashes(out).items() if not name.startswith("truth/")}
    assert month.items() <= _hashes(sample).items()
    summary = add_day(out)
    assert _hashes(out) == _hashes(sample)
    assert set(summary.rows) == {
        "anthropic_costs", "anthropic_usage", "aws_cur_2_0", "aws_focus", "gcp_billing_detailed",
        "litellm_spend_logs", "openai_costs", "openai_usage", "prometheus_samples",
    }  # fmt: skip


def test_finished_sample_is_left_untouched(sample: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in sample.rglob("*")}
    summary = generate(sample, months=1, end_month="2026-10", extra_days=1)
    assert summary.reused
    assert {path: path.stat().st_mtime_ns for path in sample.rglob("*")} == before


def test_foreign_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(ConfigError, match="holds no sample"):
        generate(tmp_path, months=1)
    assert (tmp_path / "thesis.txt").read_text() == "mine"


def test_torn_sample_is_made_again(tmp_path: Path) -> None:
    out = tmp_path / "torn"

    def stop(label: str, done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        generate(out, months=1, end_month="2026-10", on_progress=stop)
    assert (out / "aws_cur").is_dir()
    with pytest.raises(ConfigError, match="no finished sample"):
        add_day(out)
    clear_sample(out)
    assert not (out / "aws_cur").exists()


def test_missing_sample_cannot_grow(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no finished sample"):
        add_day(tmp_path)


def test_config_names_every_delivery(sample: Path) -> None:
    settings = load_settings(sample / "tco.toml", require_paths=True)
    locations = {Path(source.location).name for source in settings.sources}
    assert locations == set(OWN_FOLDERS) - {"truth"}


def test_window_spans_months_and_extra_days() -> None:
    months = covered_months(months=2, end_month="2026-12", extra_days=33)
    assert [month.label for month in months] == ["2026-11", "2026-12", "2027-01", "2027-02"]
    assert [month.is_closed for month in months] == [True, True, True, False]
    assert len(months[-1].days) == 2
    with pytest.raises(ValueError, match="months must be at least 1"):
        covered_months(months=0, end_month="2026-12")
