"""The Dagster definitions load as a whole, say in readable form what there is, and hang together."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from orchestration.dbt_runtime import PROJECT_DIR, prepared_manifest
from orchestration.definitions import build_defs
from orchestration.quality.lake_gate import rules_of
from orchestration.quality.lake_suites import SUITES
from orchestration.quality.mart_gate import RULES

SNAPSHOT = Path(__file__).parent / "definitions_snapshot.txt"
STEPS = {
    "lake__audit", "load_aws", "load_gcp", "load_focus", "load_telemetry", "load_openai", "load_anthropic",
    "load_gateway", "landed_partitions_gate", "dbt_models", "marts_gate", "published__marts", "published__statements",
}  # fmt: skip


@pytest.fixture(scope="module")
def definitions(tmp_path_factory: pytest.TempPathFactory) -> dg.Definitions:
    return build_defs(manifest=prepared_manifest())


def described(definitions: dg.Definitions) -> str:
    """Everything but the models, one line each."""
    graph = definitions.resolve_asset_graph()
    lines = []
    for key in sorted(graph.get_all_asset_keys()):
        node = graph.get(key)
        if node.group_name in ("lake", "published"):
            parents = ", ".join(sorted(p.to_user_string() for p in node.parent_keys if graph.get(p).group_name != "marts"))
            lines.append(f"asset {key.to_user_string()} [{node.group_name}] <- {parents or '-'}")
    for suite in SUITES.values():
        lines += [f"check lake/{suite.dataset}: {rule.name} ({rule.severity})" for rule in rules_of(suite)]
    lines += [f"check {rule.mart}: {rule.name} ({rule.severity})" for rule in RULES]
    repository = definitions.get_repository_def()
    lines += [f"job {job.name}" for job in repository.get_all_jobs() if not job.name.startswith("__")]
    lines += [f"schedule {s.name} {s.cron_schedule} -> {s.job_name}" for s in repository.schedule_defs]
    lines += [f"sensor {s.name} -> {s.job_name}" for s in repository.sensor_defs]
    return "\n".join(sorted(lines)) + "\n"


def test_the_definitions_are_the_ones_written_down(definitions: dg.Definitions) -> None:
    assert described(definitions) == SNAPSHOT.read_text(encoding="utf-8"), (
        "definitions changed: look at the difference, then write them down with"
        f" `python -m tests.integration.test_definitions` ({SNAPSHOT.name})"
    )


def test_the_daily_job_takes_the_whole_way_in_few_steps(definitions: dg.Definitions) -> None:
    assert {node.name for node in definitions.resolve_job_def("daily").nodes} == STEPS


def test_every_lake_data_set_is_read_by_a_model(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    for dataset in SUITES:
        children = graph.get(dg.AssetKey(["lake", dataset])).child_keys
        assert children, f"no model reads lake/{dataset}"


def test_publishing_waits_for_every_mart_and_its_checks(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    marts = {key for key in graph.get_all_asset_keys() if graph.get(key).group_name == "marts"}
    assert graph.get(dg.AssetKey(["published", "marts"])).parent_keys == marts
    assert {dg.AssetKey(rule.mart) for rule in RULES} <= marts
    blocking = {key.name for key in graph.asset_check_keys if graph.get(key).blocking}
    assert {rule.name for rule in RULES if rule.severity == "error"} <= blocking
    assert not {rule.name for rule in RULES if rule.severity == "warn"} & blocking


def test_a_partition_becomes_the_month_or_day_to_rebuild(definitions: dg.Definitions) -> None:
    for name, key, value in (("rebuild_month", "2026-03-01", "2026-03"), ("rebuild_day", "2026-03-05", "2026-03-05")):
        job = definitions.resolve_job_def(name)
        assert job.partitioned_config is not None
        config = job.partitioned_config.get_run_config_for_partition_key(key)
        assert config["ops"]["dbt_models"]["config"] == {"rebuild": [value]}


def test_dg_check_defs_is_content() -> None:
    dg_command = Path(sys.executable).parent / "dg"
    done = subprocess.run([str(dg_command), "check", "defs"], cwd=PROJECT_DIR.parent, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


if __name__ == "__main__":
    SNAPSHOT.write_text(described(build_defs(manifest=prepared_manifest())), encoding="utf-8")
