"""`tco verify`: any changed byte of any closed file is found and its file named."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from ingest.settings import Settings
from orchestration.cli import app
from orchestration.close.dispute_commands import record_dispute
from orchestration.close.month_close import close_month
from orchestration.close.verify import verify
from tests.unit.orchestration.closable_home import AFTER_MARCH, FEBRUARY, closable_home, rebuilt, without_charts

CLOSE = "closes/000001-2026-02-close"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """February closed, published since, and disputed."""
    without_charts(monkeypatch)
    settings = closable_home(tmp_path)
    close_month(settings, FEBRUARY, now=AFTER_MARCH)
    rebuilt(settings)
    record_dispute(settings, period=FEBRUARY, team_id="search", amount="1", currency="USD", reason="not ours", now=AFTER_MARCH)
    return settings


def flip_a_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x20
    path.chmod(0o644)
    path.write_bytes(bytes(content))


def named(settings: Settings) -> str:
    found = verify(settings)
    assert not found.is_sound
    return " ".join(map(str, found.problems))


def test_an_untouched_home_is_sound(home: Settings) -> None:
    found = verify(home)
    assert found.is_sound and len(found.closes) == 1 and len(found.disputes) == 1 and found.files > 8


@pytest.mark.parametrize(
    "path",
    [
        f"{CLOSE}/manifest.json",
        f"{CLOSE}/statement/statement.html",
        f"{CLOSE}/statement/statement_teams.csv",
        f"{CLOSE}/marts/fct_charges.parquet",
        f"{CLOSE}/marts/fct_cost_allocations.parquet",
        f"{CLOSE}/dimensions/dim_teams.parquet",
        "closes/head.json",
        "disputes/000001-2026-02-dispute_open/manifest.json",
        "published/current/parquet/fct_charges/2026-02.parquet",
    ],
)
def test_a_changed_byte_is_found_and_its_file_named(home: Settings, path: str) -> None:
    flip_a_byte(home.home / path)
    said = named(home)
    known_by = {"closes/head.json": "head.json", f"{CLOSE}/manifest.json": "closes"}.get(path, Path(path).name)
    assert known_by in said


def test_every_single_file_of_the_close_is_covered(home: Settings) -> None:
    for path in sorted((home.home / CLOSE).rglob("*")):
        if path.is_file():
            before = path.read_bytes()
            flip_a_byte(path)
            assert not verify(home).is_sound, path
            path.write_bytes(before)
    assert verify(home).is_sound


def test_a_missing_and_an_added_file_are_named(home: Settings) -> None:
    (home.home / CLOSE / "statement" / "statement_teams.csv").unlink()
    (home.home / CLOSE / "statement" / "extra.csv").write_text("x")
    said = named(home)
    assert "statement_teams.csv: is missing" in said and "extra.csv: was added" in said


def test_changed_rows_of_the_published_file_are_found(home: Settings) -> None:
    with duckdb.connect(str(home.published_dir / "current" / "marts.duckdb")) as con:
        con.execute("UPDATE fct_chargeback SET amount = amount + 0.01 WHERE billing_period = '2026-02' AND team_id = 'ads'")
    assert "the rows of fct_chargeback in 2026-02" in named(home)


def test_a_close_taken_from_the_end_with_its_head_is_missed_by_the_published_snapshot(home: Settings) -> None:
    for path in sorted((home.home / CLOSE).rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    (home.home / CLOSE).rmdir()
    (home.home / "closes" / "head.json").unlink()
    assert "that the chain lost" in named(home)


def test_a_hash_noted_elsewhere_must_be_in_the_chain(home: Settings) -> None:
    event = verify(home).closes[0]
    assert verify(home, head=event.hash[:12]).is_sound
    assert not verify(home, head="0" * 12).is_sound


def test_the_command_fails_and_names_the_file(home: Settings, tmp_path: Path) -> None:
    config = tmp_path / "tco.toml"
    config.write_text('home = "home"\nseeds = "seeds"\n')
    sound = CliRunner().invoke(app, ["--config", str(config), "verify"])
    assert sound.exit_code == 0 and "2026-02 closed" in sound.output and verify(home).closes[0].hash in sound.output
    flip_a_byte(home.home / CLOSE / "statement" / "statement.html")
    broken = CliRunner().invoke(app, ["--config", str(config), "verify"])
    assert broken.exit_code == 1
    assert "statement.html" in broken.output and "SHA-256" in broken.output
