"""How dbt is called: arguments, the executable that dies with its parent, other seeds, and failed tests as a report."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ingest.settings import load_settings
from orchestration.changes import Changes
from orchestration.dbt_results import build_error, failed_tests_report
from orchestration.dbt_runtime import (
    PROJECT_DIR,
    build_arguments,
    build_version,
    environment,
    executable,
    project_of,
    runtime_dir,
    variables,
)
from tests.unit.orchestration.small_warehouse import change

CHANGES = Changes(("2026-03",), ("2026-03-05",), (), full_refresh=False, reason="1")


@pytest.fixture
def settings(tmp_path: Path):
    (tmp_path / "tco.toml").write_text('home = "home"\n')
    return load_settings(tmp_path / "tco.toml")


def test_a_build_names_what_is_touched(settings) -> None:
    command, option, text = build_arguments(settings, CHANGES, version="v")
    assert (command, option) == ("build", "--vars")
    named = json.loads(text)
    assert named["idle_policy"] == "holder"
    assert "2026-03" not in text, "a variable that changes makes dbt parse everything anew"
    scope = json.loads(Path(environment(settings)["TCO_RUN_SCOPE"]).read_text())
    assert scope == {"touched_months": ["2026-03"], "touched_days": ["2026-03-05"], "code_version": "v"}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("utilisation_metric", '"gpu_util"'),
        ("productive_from", "0.8"),
        ("warm_idle_below", "0.02"),
        ("gpu_weights", '"aws_split"'),
        ("commitment_policy", '"spread"'),
    ],
)
def test_a_setting_that_changes_results_reaches_dbt_and_rebuilds(settings, tmp_path: Path, key: str, value: str) -> None:
    (tmp_path / "tco.toml").write_text(f'home = "home"\n{key} = {value}\n')
    other = load_settings(tmp_path / "tco.toml")
    assert variables(other) == variables(settings) | {key: value.strip('"')}
    assert build_version(other) != build_version(settings)


def test_a_full_build_says_so(settings) -> None:
    full = Changes((), (), (), full_refresh=True, reason="first run")
    assert build_arguments(settings, full, version="v")[-1] == "--full-refresh"


def test_the_environment_points_into_the_home_and_switches_reporting_off(settings) -> None:
    found = environment(settings)
    assert found["TCO_WAREHOUSE"] == str(settings.warehouse_path)
    assert found["DBT_SEND_ANONYMOUS_USAGE_STATS"] == "false"
    assert Path(found["TCO_TEMP_DIR"]).is_dir()


def test_own_seeds_get_a_mirror_of_the_project(tmp_path: Path) -> None:
    (tmp_path / "my seeds").mkdir()
    (tmp_path / "tco.toml").write_text('home = "home"\nseeds = "my seeds"\n')
    settings = load_settings(tmp_path / "tco.toml")
    project = project_of(settings)
    assert project_of(settings) == project
    assert (project / "models").resolve() == (PROJECT_DIR / "models").resolve()
    assert (project.parent / "seeds").resolve() == (tmp_path / "my seeds").resolve()
    assert (project / "dbt_project.yml").is_file()


def test_the_executable_answers_its_version_without_asking_anyone(tmp_path: Path) -> None:
    done = subprocess.run([str(executable(tmp_path)), "--version"], capture_output=True, text=True, check=True)
    assert "installed: 1." in done.stdout


def test_dbt_dies_with_the_process_that_started_it(tmp_path: Path) -> None:
    code = (
        "import os, subprocess, sys, time\n"
        "os.environ['TCO_PARENT_PID'] = str(os.getpid())\n"
        "child = subprocess.Popen([sys.executable, '-c', "
        "'from orchestration.child_process import die_with_parent; import time; die_with_parent();"
        ' print("alive", flush=True); time.sleep(60)\'])\n'
        "print(child.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(PROJECT_DIR.parent)}
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=environment)
    assert parent.stdout is not None
    lines = sorted((parent.stdout.readline().strip(), parent.stdout.readline().strip()))
    assert lines[1] == "alive"
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait(10)
    deadline = time.monotonic() + 10
    while _is_running(int(lines[0])) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _is_running(int(lines[0]))


def _is_running(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().split(")")[1].split()[0]
    except OSError:
        return False


def test_failed_data_tests_become_a_report_with_examples(settings, warehouse: Path) -> None:
    settings.home.mkdir()
    warehouse.rename(settings.warehouse_path)
    change(settings.warehouse_path, "UPDATE marts.fct_charges SET billed_cost = NULL WHERE charge_key = 'k4'")
    target = runtime_dir(settings) / "target"
    target.mkdir(parents=True)
    name = "test.inference_tco.not_null_fct_charges_billed_cost.abc"
    query = "select charge_key, billed_cost from marts.fct_charges where billed_cost is null"
    results = [
        {"unique_id": name, "status": "fail", "failures": 1, "message": "Got 1", "compiled_code": query},
        {"unique_id": "test.inference_tco.other.abc", "status": "error", "failures": None, "message": "Binder Error"},
        {"unique_id": "test.inference_tco.third.abc", "status": "pass", "failures": 0, "message": None},
        {"unique_id": "model.inference_tco.fct_tco", "status": "error", "message": "Catalog Error"},
    ]
    (target / "run_results.json").write_text(json.dumps({"results": results}))
    report = failed_tests_report(settings, target)
    failed, errored = report.results
    assert report.checked == 3
    assert not report.is_passed
    assert (failed.rule, failed.status, failed.rows) == ("not_null_fct_charges_billed_cost", "failed", 1)
    assert failed.examples == ("charge_key k4, billed_cost None",)
    assert (errored.status, errored.message) == ("errored", "Binder Error")
    assert build_error(target, said="exit 1").found == "fct_tco: Catalog Error"
