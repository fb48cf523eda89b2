"""All suites of landed partitions, by lake data set."""

from __future__ import annotations

from collections.abc import Mapping

from orchestration.quality.bill_suites import AWS_CUR, GCP_BILLING, focus_suite
from orchestration.quality.lake_rules import LakeSuite
from orchestration.quality.usage_suites import (
    ANTHROPIC_COSTS,
    ANTHROPIC_USAGE,
    LITELLM,
    OPENAI_COSTS,
    OPENAI_USAGE,
    PROMETHEUS,
)

SUITES: Mapping[str, LakeSuite] = {
    suite.dataset: suite
    for suite in (
        AWS_CUR,
        focus_suite("aws_focus"),
        GCP_BILLING,
        focus_suite("gcp_focus"),
        focus_suite("focus"),
        PROMETHEUS,
        OPENAI_USAGE,
        OPENAI_COSTS,
        ANTHROPIC_USAGE,
        ANTHROPIC_COSTS,
        LITELLM,
    )
}
