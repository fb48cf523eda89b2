"""`tco export focus` writes the published months and says what it left empty."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from orchestration.cli import app
from reporting.errors import FocusError
from tests.unit.reporting.focus_marts import publish


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("TCO_HOME", "TCO_SEEDS", "TCO_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    publish(tmp_path / "data" / "published")
    (tmp_path / "tco.toml").write_text('home = "data"\n')
    return tmp_path / "tco.toml"


def export(config: Path, *arguments: str):
    return CliRunner().invoke(app, ["--config", str(config), "export", "focus", *arguments])


def test_both_kinds_of_rows_go_below_the_home(config):
    done = export(config)
    assert done.exit_code == 0
    names = sorted(path.name for path in (config.parent / "data" / "exports" / "focus").iterdir())
    assert len(names) == 4 and names[0] == "focus_1.2_allocated_2026-10_invoiced.parquet"
    assert "left empty because no delivery states it: quantity on" in done.stdout


def test_one_month_and_kind_go_where_they_are_told(config, tmp_path):
    done = export(config, "--out", str(tmp_path / "out"), "--period", "2026-10", "--rows", "charges")
    assert done.exit_code == 0
    assert {path.name.split("_")[2] for path in (tmp_path / "out").iterdir()} == {"charges"}


def test_wrong_arguments_are_refused(config):
    assert export(config, "--rows", "everything").exit_code == 2
    assert isinstance(export(config, "--period", "1999-01").exception, FocusError)
