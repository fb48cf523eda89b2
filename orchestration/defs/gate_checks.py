"""Asset checks of the two borders: one check per expectation, blocking what comes after.

The gates run as a whole (one pass over the data, one suite); their results are handed out check by check.
"""

from collections.abc import Iterator

import dagster as dg

from orchestration.defs.check_results import check_result, check_spec
from orchestration.defs.lake_assets import dataset_key
from orchestration.notes import RunNotes
from orchestration.quality.lake_gate import rules_of
from orchestration.quality.lake_suites import SUITES
from orchestration.quality.mart_gate import RULES
from orchestration.resources import Company
from orchestration.steps import check_built, check_lake


@dg.multi_asset_check(
    name="landed_partitions_gate",
    specs=[check_spec(rule, dataset_key(suite.dataset)) for suite in SUITES.values() for rule in rules_of(suite)],
)
def landed_partitions_gate(company: Company, notes: dg.ResourceParam[RunNotes]) -> Iterator[dg.AssetCheckResult]:
    """Border 1: what lies in the lake is what its manifests say and what the formats allow."""
    for result in check_lake(company.settings, notes).results:
        yield check_result(result, dataset_key(result.suite))


@dg.multi_asset_check(
    name="marts_gate",
    specs=[check_spec(rule, dg.AssetKey(rule.mart)) for rule in RULES],
)
def marts_gate(company: Company, notes: dg.ResourceParam[RunNotes]) -> Iterator[dg.AssetCheckResult]:
    """Border 2: the marts are conserved and complete before they are published."""
    marts = {rule.name: dg.AssetKey(rule.mart) for rule in RULES}
    for result in check_built(company.settings, notes).results:
        yield check_result(result, marts[result.rule])
