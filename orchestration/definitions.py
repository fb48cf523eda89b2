"""All Dagster definitions of the project, built by `build_defs`; `defs` is what `dagster dev` and `dg` open.

Reading the definitions reads the dbt manifest (and parses the project when a model changed), never the
settings: they open without a configured company.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg

from orchestration.dbt_runtime import prepared_manifest
from orchestration.defs.dbt_assets import build_dbt_assets
from orchestration.defs.gate_checks import landed_partitions_gate, marts_gate
from orchestration.defs.jobs import (
    arriving_files,
    daily,
    daily_schedule,
    monthly_close,
    monthly_close_schedule,
    rebuild_day,
    rebuild_month,
)
from orchestration.defs.lake_assets import GROUPS, lake_audit, load_assets
from orchestration.defs.published_assets import build_published_assets, closed_statement
from orchestration.quiet import switch_off_telemetry
from orchestration.resources import Company, Configuration, run_notes


def build_defs(*, manifest: Path | None = None, overrides: Mapping[str, Any] | None = None) -> dg.Definitions:
    """The definitions.

    Args:
        manifest: a parsed dbt manifest; default the project's own, parsed when needed.
        overrides: resources that replace the default ones, by name.
    """
    switch_off_telemetry()
    models = build_dbt_assets(manifest or prepared_manifest())
    marts = sorted(spec.key for spec in models.specs if spec.group_name == "marts")
    return dg.Definitions(
        assets=[
            lake_audit,
            *map(load_assets, GROUPS),
            models,
            *build_published_assets(marts),
            closed_statement,
        ],
        asset_checks=[landed_partitions_gate, marts_gate],
        jobs=[daily, rebuild_month, rebuild_day, monthly_close],
        schedules=[daily_schedule, monthly_close_schedule],
        sensors=[arriving_files],
        resources={"company": Company(), "configuration": Configuration(), "notes": run_notes, **(overrides or {})},
    )


@dg.definitions
def defs() -> dg.Definitions:
    """The definitions of the code location."""
    return build_defs()
