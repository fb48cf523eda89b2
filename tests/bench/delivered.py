"""What a measured run is given: records and bytes by kind, in the formats providers write."""

from __future__ import annotations

from dataclasses import dataclass

from ingest.synthetic.summary import SampleSummary, delivered_files

# records, format, data sets of SampleSummary.rows, folders of the sample
_KINDS = (
    ("GPU and engine samples", "Prometheus query_range JSON, {step} s", ("prometheus_samples",), ("prometheus",)),
    ("gateway requests", "LiteLLM JSON lines", ("litellm_spend_logs",), ("litellm",)),
    (
        "billing lines",
        "CUR 2.0 Parquet, FOCUS CSV, Google Cloud JSON",
        ("aws_cur_2_0", "aws_focus", "gcp_billing_detailed"),
        ("aws_cur", "aws_focus", "gcp"),
    ),
    (
        "API usage and costs",
        "OpenAI and Anthropic report pages",
        ("openai_usage", "openai_costs", "anthropic_usage", "anthropic_costs"),
        ("openai", "anthropic"),
    ),
)


@dataclass(frozen=True)
class DeliveredKind:
    """One kind of delivered records: how it is written, its rows and its bytes."""

    records: str
    form: str
    rows: int
    size: int


def delivered_kinds(sample: SampleSummary) -> list[DeliveredKind]:
    """The kinds of a sample's deliveries; their rows sum to the summary's."""
    sizes = delivered_files(sample.out)
    return [
        DeliveredKind(
            records=records,
            form=form.format(step=sample.parameters.step_seconds),
            rows=sum(sample.rows.get(name, 0) for name in datasets),
            size=sum(size for path, size in sizes.items() if path.split("/")[0] in folders),
        )
        for records, form, datasets, folders in _KINDS
    ]
