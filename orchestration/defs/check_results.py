"""The bridge from gate results to Dagster asset checks: one check per expectation.

A failed rule and one that could not be evaluated both do not pass; `status` in the metadata and the first
word of the description tell them apart.
"""

from __future__ import annotations

import dagster as dg

from orchestration.quality.results import EXAMPLES, GateReport, Rule, RuleResult


def check_spec(rule: Rule, asset: dg.AssetKey) -> dg.AssetCheckSpec:
    """The check of a rule on an asset: blocking unless the rule only warns."""
    return dg.AssetCheckSpec(rule.name, asset=asset, blocking=rule.severity == "error", description=rule.title)


def check_result(result: RuleResult, asset: dg.AssetKey) -> dg.AssetCheckResult:
    """A rule's outcome as the result of its check."""
    is_error = result.severity == "error"
    return dg.AssetCheckResult(
        passed=result.status == "passed",
        asset_key=asset,
        check_name=result.rule,
        severity=dg.AssetCheckSeverity.ERROR if is_error else dg.AssetCheckSeverity.WARN,
        description=f"{result.status}: {result.message}. Next: {result.fix}" if result.message else None,
        metadata={"status": result.status, "rows": result.rows, "examples": list(result.examples)}
        if result.status != "passed"
        else {},
    )


def joined_check(report: GateReport, rule: Rule, asset: dg.AssetKey) -> dg.AssetCheckResult:
    """One check for a rule that was applied to several data sets."""
    troubles = [r for r in report.results if r.rule == rule.name and r.status != "passed"]
    if not troubles:
        return check_result(
            RuleResult(suite="", rule=rule.name, title=rule.title, status="passed", severity=rule.severity),
            asset,
        )
    joined = RuleResult(
        suite="",
        rule=rule.name,
        title=rule.title,
        status="failed" if any(r.status == "failed" for r in troubles) else "errored",
        severity=rule.severity,
        rows=sum(r.rows for r in troubles),
        examples=tuple(line for r in troubles for line in r.examples)[:EXAMPLES],
        message="; ".join(f"{r.suite} {r.message}" for r in troubles),
        fix=rule.fix,
    )
    return check_result(joined, asset)
