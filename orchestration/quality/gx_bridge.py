"""Great Expectations on small frames: one expectation per rule, its outcome translated, nothing left on disk.

All observations of a border go through one suite on one frame: a row per place, a column per rule, 0 where
a rule has no say. The library is imported in here only when there is something to check (it costs seconds
and 300 MB).

An expectation that raised is `errored`, not failed: GX reports both as success=False. A missing value is
not a 0, so it is errored too (GX would silently leave it out).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any

from orchestration.quality.results import EXAMPLES, Finding, Observation, RuleResult, Status

if TYPE_CHECKING:
    import pandas as pd


def judge(observations: Sequence[Observation]) -> list[RuleResult]:
    """Check every observation: each of its values must be 0.

    Returns:
        One result per observation, in their order. Observations without findings pass; when none has any, the
        library is not even imported.
    """
    observed = [item for item in observations if item.findings and not item.error]
    outcomes = _outcomes(observed) if observed else {}
    return [_translated(item, outcomes.get(item.name)) for item in observations]


def _outcomes(observed: Sequence[Observation]) -> dict[str, Any]:
    context = _context()
    from great_expectations.core import ExpectationSuite
    from great_expectations.expectations.core.expect_column_values_to_be_in_set import (
        ExpectColumnValuesToBeInSet,
    )
    from great_expectations.expectations.metadata_types import FailureSeverity

    expectations = [
        ExpectColumnValuesToBeInSet(
            column=item.name,
            value_set=[Decimal(0)],
            severity=FailureSeverity.CRITICAL if item.rule.severity == "error" else FailureSeverity.WARNING,
            meta={"check": item.name},
        )
        for item in observed
    ]
    batch = context.data_sources.pandas_default.read_dataframe(_frame(observed))
    validated = batch.validate(
        ExpectationSuite(name="border", expectations=expectations),
        result_format={"result_format": "COMPLETE"},
    )
    configured = [(item.expectation_config, item) for item in validated.results]
    return {config.meta["check"]: item for config, item in configured if config and config.meta}


@cache
def _context() -> Any:
    """One context for the process, in memory only: no project folder, no docs site, no progress bars."""
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


def _frame(observed: Sequence[Observation]) -> pd.DataFrame:
    import pandas as pd

    height = max(len(item.findings) for item in observed)
    columns = {item.name: [finding.value for finding in item.findings] + [0] * (height - len(item.findings)) for item in observed}
    return pd.DataFrame(columns, dtype=object)


def _translated(item: Observation, outcome: Any) -> RuleResult:
    if item.error:
        return _result(item, "errored", message=f"could not be checked: {item.error}")
    if outcome is None:
        return _result(item, "passed")
    raised = _raised(outcome.exception_info)
    if raised:
        return _result(item, "errored", message=f"could not be checked: {raised}")
    if outcome.result.get("missing_count"):
        places = [finding.place for finding in item.findings if finding.value is None]
        return _result(item, "errored", message=f"could not be checked: no value for {places[0]}")
    if outcome.success:
        return _result(item, "passed")
    return _failed(item, [item.findings[position] for position in outcome.result["unexpected_index_list"]])


def _failed(item: Observation, failing: Sequence[Finding]) -> RuleResult:
    examples = [line for finding in failing[:EXAMPLES] for line in _lines(finding)]
    counts = [finding.value for finding in failing if isinstance(finding.value, int)]
    first = failing[0]
    said = first.said if isinstance(first.said, str) else f"{first.value} rows"
    message = f"{first.place}: {said}" + (f" (and {len(failing) - 1} more places)" if len(failing) > 1 else "")
    rows = sum(counts) if len(counts) == len(failing) else len(failing)
    return _result(item, "failed", rows=rows, examples=tuple(examples[:EXAMPLES]), message=message)


def _lines(finding: Finding) -> list[str]:
    said = (finding.said,) if isinstance(finding.said, str) else finding.said or (f"{finding.value} rows",)
    return [f"{finding.place}: {line}" for line in said]


def _raised(info: dict[str, Any]) -> str:
    """The first exception of an expectation; GX keys them by metric unless there was none."""
    entries = [info] if "raised_exception" in info else list(info.values())
    for entry in entries:
        if isinstance(entry, dict) and entry.get("raised_exception"):
            return str(entry.get("exception_message", "unknown error")).removeprefix("Error: ")
    return ""


def _result(item: Observation, status: Status, **fields: Any) -> RuleResult:
    return RuleResult(
        suite=item.suite,
        rule=item.rule.name,
        title=item.rule.title,
        status=status,
        severity=item.rule.severity,
        fix="" if status == "passed" else item.rule.fix,
        **fields,
    )
