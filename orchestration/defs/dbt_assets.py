"""The dbt project as Dagster assets: one step, one `dbt build`, models by their own names, data tests as
checks.

The step is skipped in substance (every asset is reported as unchanged) when the warehouse is already built
from the lake's current loads by the current models; the data tests of the last build still hold then.
"""

import os
import re
import subprocess
import time
from collections.abc import Iterator, Mapping
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import (
    DagsterDbtTranslator,
    DagsterDbtTranslatorSettings,
    DbtCliResource,
    DbtProject,
    dbt_assets,
)
from pydantic import Field

from orchestration.changes import Changes
from orchestration.dbt_results import build_error, failed_tests_report
from orchestration.dbt_runtime import (
    build_arguments,
    build_version,
    environment,
    executable,
    project_of,
    runtime_dir,
)
from orchestration.defs.lake_assets import TEXTS, dataset_key
from orchestration.notes import RunNotes
from orchestration.resources import Company
from orchestration.steps import find_work, finish_build, record_gate

STEP = "dbt_models"
POOL = "warehouse"
DBT_START = "dbt start"
UNCHANGED = {"unchanged since the last build": True}
_READS = re.compile(rf"'({'|'.join(TEXTS)})'")


class RebuildConfig(dg.Config):
    """Months ('YYYY-MM') or days ('YYYY-MM-DD') to rebuild although nothing changed."""

    rebuild: list[str] = Field(default_factory=list)


class ModelNames(DagsterDbtTranslator):
    """Models are called by their names, seeds by `seeds/<name>`; staging models depend on the lake data set
    they read.
    """

    def __init__(self) -> None:
        super().__init__(DagsterDbtTranslatorSettings(enable_asset_checks=True, enable_source_tests_as_checks=False))

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        """`fct_charges`, `seeds/teams`."""
        name = dbt_resource_props["name"]
        return dg.AssetKey(["seeds", name] if dbt_resource_props["resource_type"] == "seed" else [name])

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        """The layer: staging, intermediate, marts or seeds."""
        return "seeds" if dbt_resource_props["resource_type"] == "seed" else dbt_resource_props["fqn"][1]

    def get_asset_spec(self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None) -> dg.AssetSpec:
        """The model's spec with its lake data sets as dependencies."""
        spec = super().get_asset_spec(manifest, unique_id, project)
        props = self.get_resource_props(manifest, unique_id)
        if props["resource_type"] != "model":
            return spec
        read = dict.fromkeys(_READS.findall(props.get("raw_code", "")))
        return spec.merge_attributes(deps=[dataset_key(dataset) for dataset in read])


def build_dbt_assets(manifest: Path) -> dg.AssetsDefinition:
    """The assets of the models in a parsed manifest."""

    @dbt_assets(
        manifest=manifest,
        name=STEP,
        dagster_dbt_translator=ModelNames(),
        exclude="resource_type:unit_test",
        pool=POOL,
    )
    def dbt_models(
        context: dg.AssetExecutionContext,
        config: RebuildConfig,
        company: Company,
        notes: dg.ResourceParam[RunNotes],
    ) -> Iterator[Any]:
        """Build what changed, or report that nothing did."""
        changes = find_work(company.settings, notes, forced=config.rebuild)
        if changes.is_empty:
            yield from _unchanged(context)
        else:
            yield from _built(context, company, notes, changes)

    return dbt_models


def _unchanged(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult]:
    upstream = {spec.key: [dep.asset_key for dep in spec.deps] for spec in context.assets_def.specs}
    order = TopologicalSorter(upstream).static_order()
    checks = sorted(context.selected_asset_check_keys)
    for key in (key for key in order if key in context.selected_asset_keys):
        held = [
            dg.AssetCheckResult(passed=True, asset_key=key, check_name=check.name, metadata=UNCHANGED)
            for check in checks
            if check.asset_key == key
        ]
        yield dg.MaterializeResult(key, metadata=UNCHANGED, check_results=held)


def _built(context: dg.AssetExecutionContext, company: Company, notes: RunNotes, changes: Changes) -> Iterator[Any]:
    settings = company.settings
    project, artifacts = project_of(settings), runtime_dir(settings)
    os.environ.update(environment(settings))
    context.log.info("dbt build: %s", changes.reason)
    dbt = DbtCliResource(project_dir=str(project), profiles_dir=str(project), dbt_executable=str(executable(artifacts)))
    arguments = build_arguments(settings, changes, version=build_version(settings))
    with notes.timed("build"):
        started = time.monotonic()
        invocation = dbt.cli(arguments, context=context, target_path=artifacts / "target", raise_on_error=False)
        try:
            yield from _told(invocation.stream(), notes, started=started, total=len(context.selected_asset_keys))
        finally:
            stop(invocation.process)
    record_gate(settings, notes, failed_tests_report(settings, artifacts / "target"))
    error = invocation.get_error()
    if error is not None:
        notes.error = build_error(artifacts / "target", said=str(error))
        raise dg.Failure(description=str(notes.error), allow_retries=False)
    finish_build(settings)


def _told(events: Iterator[Any], notes: RunNotes, *, started: float, total: int) -> Iterator[Any]:
    """Pass dbt's events on, telling how far it is; the time to the first one is dbt's start, not work."""
    done = 0
    for number, event in enumerate(events):
        if number == 0:
            notes.not_work("build", DBT_START, time.monotonic() - started)
        if isinstance(event, dg.Output | dg.AssetMaterialization | dg.MaterializeResult):
            done += 1
            notes.tell("build", getattr(event, "output_name", ""), done=done, total=total)
        yield event


def stop(process: subprocess.Popen) -> None:
    """End a dbt whose events nobody reads any more; nothing to do for one that has ended."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
