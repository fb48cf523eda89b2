"""One Great Expectations suite over one small frame: a column per check, every value must be 0.

The only module that imports the library, and only when it is asked (the import costs seconds and 300 MB). The context
lives in memory: no project folder, no docs site, no progress bars, no analytics.

An expectation that raised is `errored`, not failed: GX reports both as success=False. A missing value is not a 0, so
it is errored too (GX would silently leave it out).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any

from orchestration.quality.results import Severity, Status


@dataclass(frozen=True)
class Column:
    """The numbers of one check, place by place."""

    name: str
    severity: Severity
    values: tuple[int | Decimal | None, ...]


@dataclass(frozen=True)
class Outcome:
    """What came of one check: `positions` are the places that are not 0, `message` why it could not be checked."""

    name: str
    status: Status
    message: str = ""
    positions: tuple[int, ...] = ()


def evaluate(columns: Sequence[Column]) -> list[Outcome]:
    """Check that every value is 0; one outcome per column, in their order."""
    found = _validated(columns)
    return [_outcome(column, found[column.name]) for column in columns]


@cache
def load_library() -> Any:
    """The context to validate in; the first call imports the library."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    import great_expectations as gx
    from great_expectations.data_context.types.base import (
        DataContextConfig,
        InMemoryStoreBackendDefaults,
        ProgressBarsConfig,
    )

    config = DataContextConfig(
        store_backend_defaults=InMemoryStoreBackendDefaults(init_temp_docs_sites=False),
        progress_bars=ProgressBarsConfig(globally=False),
        analytics_enabled=False,
    )
    return gx.get_context(mode="ephemeral", project_config=config)


def _validated(columns: Sequence[Column]) -> dict[str, Any]:
    context = load_library()
    import pandas as pd
    from great_expectations.core import ExpectationSuite
    from great_expectations.expectations.core.expect_column_values_to_be_in_set import (
        ExpectColumnValuesToBeInSet,
    )
    from great_expectations.expectations.metadata_types import FailureSeverity

    height = max(len(column.values) for column in columns)
    padded = {column.name: [*column.values, *[0] * (height - len(column.values))] for column in columns}
    expectations = [
        ExpectColumnValuesToBeInSet(
            column=column.name,
            value_set=[0],
            severity=FailureSeverity.CRITICAL if column.severity == "error" else FailureSeverity.WARNING,
            meta={"check": column.name},
        )
        for column in columns
    ]
    batch = context.data_sources.pandas_default.read_dataframe(pd.DataFrame(padded, dtype=object))
    validated = batch.validate(
        ExpectationSuite(name="border", expectations=expectations), result_format={"result_format": "BOOLEAN_ONLY"}
    )
    configured = [(item.expectation_config, item) for item in validated.results]
    return {config.meta["check"]: item for config, item in configured if config and config.meta}


def _outcome(column: Column, found: Any) -> Outcome:
    raised = _raised(found.exception_info)
    if raised:
        return Outcome(column.name, "errored", message=raised)
    missing = [position for position, value in enumerate(column.values) if value is None]
    if missing:
        return Outcome(column.name, "errored", message="no value", positions=tuple(missing))
    if found.success:
        return Outcome(column.name, "passed")
    differing = (position for position, value in enumerate(column.values) if value != 0)
    return Outcome(column.name, "failed", positions=tuple(differing))


def _raised(info: dict[str, Any]) -> str:
    """The first exception of an expectation; GX keys them by metric unless there was none."""
    entries = [info] if "raised_exception" in info else list(info.values())
    for entry in entries:
        if isinstance(entry, dict) and entry.get("raised_exception"):
            return str(entry.get("exception_message", "unknown error")).removeprefix("Error: ")
    return ""
