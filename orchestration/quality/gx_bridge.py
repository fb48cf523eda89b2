"""From observations to results, by way of one Great Expectations suite per border.

All observations of a border go through one suite on one frame. When there is nothing to check, the library is not
even imported; when the run has a warm worker, it is asked, otherwise the check is made here.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from orchestration.quality import gx_suite, gx_worker
from orchestration.quality.gx_suite import Column, Outcome
from orchestration.quality.results import EXAMPLES, Finding, Observation, RuleResult, Status


def judge(observations: Sequence[Observation]) -> tuple[list[RuleResult], float]:
    """Check every observation: each of its values must be 0.

    Returns:
        One result per observation, in their order (observations without findings pass), and the wall seconds
        the library took.
    """
    started = time.monotonic()
    observed = [item for item in observations if item.findings and not item.error]
    columns = [Column(o.name, o.rule.severity, tuple(f.value for f in o.findings)) for o in observed]
    outcomes = {outcome.name: outcome for outcome in _evaluated(columns)} if columns else {}
    spent = time.monotonic() - started
    return [_translated(item, outcomes.get(item.name)) for item in observations], spent


def _evaluated(columns: Sequence[Column]) -> list[Outcome]:
    worker = gx_worker.current_worker()
    answered = worker.evaluate(columns) if worker else None
    return answered if answered is not None else gx_suite.evaluate(columns)


def _translated(item: Observation, outcome: Outcome | None) -> RuleResult:
    if item.error:
        return _result(item, "errored", message=f"could not be checked: {item.error}")
    if outcome is None or outcome.status == "passed":
        return _result(item, "passed")
    if outcome.status == "errored":
        place = f" for {item.findings[outcome.positions[0]].place}" if outcome.positions else ""
        return _result(item, "errored", message=f"could not be checked: {outcome.message}{place}")
    return _failed(item, [item.findings[position] for position in outcome.positions])


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
