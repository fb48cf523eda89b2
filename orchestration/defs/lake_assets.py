"""Assets of the lake: one per data set, loaded by group of providers, and the audit that runs before loading.

A delivery that is refused, or a source that does not answer, never stops the others: the data set keeps its
last good load and its check `deliveries_are_accepted` warns. A transient fault is retried where there is
time for it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

import dagster as dg

from ingest.errors import TransientError
from ingest.lake import Lake
from ingest.manifest import amount_text
from ingest.run import IngestReport
from ingest.sources.registry import SOURCE_TYPES
from orchestration.defs.check_results import joined_check
from orchestration.notes import RunNotes
from orchestration.quality.lake_gate import AUDIT_RULES
from orchestration.resources import Company
from orchestration.steps import audit, load

AUDIT = dg.AssetKey(["lake", "audit"])
ACCEPTED = "deliveries_are_accepted"
REFUSED = "No delivery was refused and every source answered; otherwise the last good load counts."
RETRIES, RETRY_SECONDS = 2, 60
TEXTS = {
    "aws_cur_2_0": "AWS Cost and Usage Report 2.0, one partition a billing month, as delivered.",
    "aws_focus": "AWS FOCUS export, one partition a billing month.",
    "gcp_billing_detailed": "Google Cloud detailed billing export, one partition an invoice month.",
    "gcp_focus": "Google Cloud FOCUS export, one partition a billing month.",
    "focus": "Plain FOCUS files, one partition a billing month.",
    "prometheus_samples": "Samples of GPU exporters and inference engines, one partition a day.",
    "openai_usage": "OpenAI admin usage, one partition a month.",
    "openai_costs": "OpenAI admin costs, one partition a month.",
    "anthropic_usage": "Anthropic admin usage, one partition a month.",
    "anthropic_costs": "Anthropic admin cost report, one partition a month.",
    "litellm_spend_logs": "LiteLLM gateway log, one partition a day.",
}


@dataclass(frozen=True)
class Group:
    """Providers that are loaded together: the op's name and the source types."""

    name: str
    types: tuple[str, ...]

    @property
    def datasets(self) -> tuple[str, ...]:
        """Lake data sets the types land."""
        return tuple(dict.fromkeys(item for kind in self.types for item in SOURCE_TYPES[kind].datasets))


GROUPS = (
    Group("aws", ("aws_data_exports",)),
    Group("gcp", ("gcp_billing_export", "gcp_focus_export")),
    Group("focus", ("focus_files",)),
    Group("telemetry", ("prometheus", "prom_text")),
    Group("openai", ("openai",)),
    Group("anthropic", ("anthropic",)),
    Group("gateway", ("litellm",)),
)


def dataset_key(dataset: str) -> dg.AssetKey:
    """Asset key of a lake data set."""
    return dg.AssetKey(["lake", dataset])


@dg.asset(
    key=AUDIT,
    group_name="lake",
    kinds={"parquet"},
    description="Lake files are what was committed; an edited one is found before loading hides it.",
    check_specs=[dg.AssetCheckSpec(rule.name, asset=AUDIT, blocking=True, description=rule.title) for rule in AUDIT_RULES],
)
def lake_audit(company: Company, notes: dg.ResourceParam[RunNotes]) -> dg.MaterializeResult:
    """Compare changed lake files with their manifests."""
    report = audit(company.settings, notes)
    checks = [joined_check(report, rule, AUDIT) for rule in AUDIT_RULES]
    return dg.MaterializeResult(metadata={"partitions_checked": report.checked}, check_results=checks)


def load_assets(group: Group) -> dg.AssetsDefinition:
    """The assets of one group of providers."""
    keys = {dataset: dataset_key(dataset) for dataset in group.datasets}

    @dg.multi_asset(
        name=f"load_{group.name}",
        specs=[
            dg.AssetSpec(key, deps=[AUDIT], group_name="lake", kinds={"parquet"}, description=TEXTS[dataset])
            for dataset, key in keys.items()
        ],
        check_specs=[dg.AssetCheckSpec(ACCEPTED, asset=key, description=REFUSED) for key in keys.values()],
    )
    def load_group(
        context: dg.AssetExecutionContext, company: Company, notes: dg.ResourceParam[RunNotes]
    ) -> Iterator[dg.MaterializeResult]:
        """Load what changed at the group's sources."""
        report = load(company.settings, notes, types=group.types)
        retry_when_transient(context, company, report)
        for dataset, key in keys.items():
            yield dg.MaterializeResult(
                key,
                metadata=dataset_metadata(Lake(company.settings.lake_dir), dataset, report),
                check_results=[accepted_check(report, dataset, key)],
            )

    return load_group


def retry_when_transient(context: dg.AssetExecutionContext, company: Company, report: IngestReport) -> None:
    """Ask Dagster to run the step again later when a source did not answer and the run has time to wait.

    Raises:
        dagster.RetryRequested: a transient fault, and retries are left.
    """
    faults = [failure for failure in report.failed if isinstance(failure.error, TransientError)]
    if faults and company.waits_for_sources and context.retry_number < RETRIES:
        raise dg.RetryRequested(max_retries=RETRIES, seconds_to_wait=RETRY_SECONDS) from faults[0].error


def dataset_metadata(lake: Lake, dataset: str, report: IngestReport) -> dict[str, dg.MetadataValue]:
    """What lies in the lake now, and what this run changed: rows, money in, load ids."""
    manifests = lake.manifests(dataset=dataset)
    committed = [result for result in report.committed if result.manifest.dataset == dataset]
    billed: dict[str, Decimal] = {}
    for manifest in manifests:
        for currency, amounts in manifest.money.items():
            billed[currency] = billed.get(currency, Decimal(0)) + amounts.get("billed_cost", Decimal(0))
    return {
        "dagster/row_count": dg.MetadataValue.int(sum(manifest.rows for manifest in manifests)),
        "partitions": dg.MetadataValue.int(len(manifests)),
        "money_in": dg.MetadataValue.json({code: amount_text(amount) for code, amount in billed.items()}),
        "loaded_now": dg.MetadataValue.json([result.message for result in committed]),
        "load_ids": dg.MetadataValue.json({r.manifest.partition: r.manifest.load_id for r in committed}),
    }


def accepted_check(report: IngestReport, dataset: str, key: dg.AssetKey) -> dg.AssetCheckResult:
    """Warns with every refused delivery of the data set and every source that did not answer."""
    said = [entry.message for entry in report.quarantined if entry.dataset == dataset]
    said += [str(failure.error) for failure in report.failed if failure.dataset in ("", dataset)]
    return dg.AssetCheckResult(
        passed=not said,
        asset_key=key,
        check_name=ACCEPTED,
        severity=dg.AssetCheckSeverity.WARN,
        description="\n".join(said) or None,
    )
