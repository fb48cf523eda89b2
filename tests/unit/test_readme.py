"""The README promises only what the tree holds: paths, commands, options, marts and configuration."""

from __future__ import annotations

import re
from pathlib import Path

import typer

from ingest.settings import load_settings
from ingest.sources.registry import SOURCE_TYPES
from orchestration.cli import app
from orchestration.cli_output import Exit
from orchestration.definitions import build_defs

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_linked_files_exist_and_pictures_are_small():
    links = re.findall(r"\]\(([^)#]+)\)", README)
    assert {"docs/flow.svg", "docs/statement.png", "LICENSE", "DECISIONS.md"} <= set(links)
    assert all((ROOT / link).is_file() for link in links)
    assert all((ROOT / link).stat().st_size < 300_000 for link in links if link.startswith("docs/"))


def test_commands_exist():
    group = typer.main.get_command(app)
    commands = set(getattr(group, "commands", {}))
    assert set(re.findall(r"`tco (\w+)", README)) <= commands
    assert "refresh" in getattr(getattr(group, "commands", {})["prices"], "commands", {})
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    assert set(re.findall(r"^make (\w+)|`make (\w+)`", README, re.M)) <= {
        pair for name in targets for pair in ((name, ""), ("", name))
    }


def test_configuration_example_is_accepted_and_shows_every_source_type(tmp_path, monkeypatch):
    for name in ("TCO_HOME", "TCO_SEEDS", "TCO_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    (example,) = re.findall(r"```toml\n(.*?)```", README, re.S)
    path = tmp_path / "tco.toml"
    path.write_text(example, encoding="utf-8")
    settings = load_settings(path)
    assert {source.type for source in settings.sources} == set(SOURCE_TYPES)


def test_exit_codes_are_all_listed():
    assert {int(code) for code in re.findall(r"^\| (\d) \|", README, re.M)} == {int(code) for code in Exit}


def test_every_mart_is_in_the_table():
    marts = {path.stem for path in (ROOT / "dbt_project" / "models" / "marts").rglob("*.sql")}
    listed = re.findall(r"`((?:fct|dim)_\w+)`", README.split("## Marts")[1])
    assert set(listed) == marts


def test_schedules_and_sensors_have_the_names_in_the_readme():
    repository = build_defs().get_repository_def()
    names = {item.name for item in (*repository.schedule_defs, *repository.sensor_defs)}
    assert names <= set(re.findall(r"`(\w+)`", README))
