"""The suites of landed partitions: for each lake data set, how its money is summed and which truths its
rows keep.

Belongs here: declarations only. Column names are those of the lake schemas; closed lists come from the
providers' own documents (FOCUS 1.4 section ChargeCategory and others, AWS CUR 2.0 dictionary, Anthropic
usage and cost API). A list that its provider may extend at any time warns; one that decides how money is
read blocks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from orchestration.quality.lake_rules import (
    WRONG_PARTITION,
    RowRule,
    filled,
    inside_partition,
    iso_currency,
    listed,
    not_negative,
    ordered,
)


@dataclass(frozen=True, kw_only=True)
class LakeSuite:
    """What is checked in one data set.

    Attributes:
        dataset: lake data set.
        money: manifest column -> SQL of what is summed into it; `$name` is the column `name` read as money.
        currency: SQL of the currency code, as the manifest keys it.
        rules: truths about rows.
    """

    dataset: str
    money: Mapping[str, str] = field(default_factory=dict)
    currency: str = ""
    rules: tuple[RowRule, ...] = ()


MONTH, DAY = "%Y-%m", "%Y-%m-%d"

AWS_LINE_ITEM_TYPES = (
    "Usage",
    "DiscountedUsage",
    "SavingsPlanCoveredUsage",
    "SavingsPlanNegation",
    "SavingsPlanRecurringFee",
    "SavingsPlanUpfrontFee",
    "RIFee",
    "Fee",
    "Tax",
    "Credit",
    "Refund",
    "EdpDiscount",
    "PrivateRateDiscount",
    "BundledDiscount",
    "RiVolumeDiscount",
    "FlatRateSubscription",
)

AWS_CUR = LakeSuite(
    dataset="aws_cur_2_0",
    money={"billed_cost": "$line_item_unblended_cost"},
    currency="line_item_currency_code",
    rules=(
        filled(
            "bill_payer_account_id",
            "line_item_usage_account_id",
            "line_item_line_item_type",
            "line_item_unblended_cost",
            "line_item_usage_start_date",
        ),
        iso_currency("line_item_currency_code"),
        listed("line_item_type_is_known", "line_item_line_item_type", AWS_LINE_ITEM_TYPES),
        ordered("line_item_usage_start_date", "line_item_usage_end_date", may_be_equal=True),
        RowRule(
            name="machine_time_is_in_hours",
            title="instance usage is metered in hours",
            broken="""regexp_matches("line_item_usage_type", '(BoxUsage|SpotUsage):')
                AND "line_item_line_item_type" IN ('Usage', 'DiscountedUsage', 'SavingsPlanCoveredUsage')
                AND coalesce("pricing_unit", '') NOT IN ('Hrs', 'Hours', 'hour')""",
            needs=("line_item_usage_type", "line_item_line_item_type", "pricing_unit"),
            shows=("line_item_usage_type", "pricing_unit"),
            fix="GPU-hours are read from these lines: add the unit to the staging model before the next run",
        ),
    ),
)


def _focus(dataset: str) -> LakeSuite:
    return LakeSuite(
        dataset=dataset,
        money={
            "billed_cost": "$BilledCost",
            "effective_cost": "$EffectiveCost",
            "list_cost": "$ListCost",
            "contracted_cost": "$ContractedCost",
        },
        currency="BillingCurrency",
        rules=(
            filled("BillingAccountId", "ChargeCategory", "ChargePeriodStart", "BilledCost", "BillingCurrency"),
            iso_currency("BillingCurrency"),
            listed(
                "charge_category_is_known",
                "ChargeCategory",
                ("Usage", "Purchase", "Tax", "Credit", "Adjustment"),
            ),
            listed("charge_class_is_known", "ChargeClass", ("Correction",), optional=True),
            listed(
                "pricing_category_is_known",
                "PricingCategory",
                ("Standard", "Dynamic", "Committed", "Other"),
                warn=True,
                optional=True,
            ),
            listed("commitment_status_is_known", "CommitmentDiscountStatus", ("Used", "Unused"), optional=True),
            ordered("ChargePeriodStart", "ChargePeriodEnd"),
        ),
    )


GCP_BILLING = LakeSuite(
    dataset="gcp_billing_detailed",
    money={"billed_cost": "$cost + $credits"},
    currency="currency",
    rules=(
        filled("billing_account_id", "invoice", "cost", "currency", "usage_start_time"),
        iso_currency("currency"),
        listed(
            "cost_type_is_known",
            "cost_type",
            ("regular", "tax", "adjustment", "rounding_error", "rounding error"),
        ),
        ordered("usage_start_time", "usage_end_time", may_be_equal=True),
        RowRule(
            name="rows_belong_to_the_partition",
            title="invoice.month is the partition",
            broken="invoice.month != replace(partition, '-', '')",
            needs=("invoice",),
            shows=("invoice",),
            fix=WRONG_PARTITION,
        ),
    ),
)

PROMETHEUS = LakeSuite(
    dataset="prometheus_samples",
    rules=(
        filled("ts", "metric"),
        inside_partition("ts", DAY),
        RowRule(
            name="utilisation_is_in_its_unit",
            title="a ratio is at most 1 and a percentage at most 100",
            # NaN and the blank values of DCGM (>= 1e6) mean 'not available'
            broken="""NOT isnan("value") AND "value" < 1e6 AND (
                ("value" > 1.05
                    AND regexp_matches("metric", '^DCGM_FI_(PROF_.*_(ACTIVE|OCCUPANCY)|.*_UTIL_RATIO)$'))
                OR (regexp_matches("metric", '^DCGM_FI_DEV_.*_UTIL$') AND "value" > 100))""",
            needs=("metric", "value"),
            shows=("metric", "value"),
            fix="the exporter changed a unit: correct its row in seeds/gpu/telemetry_measures.csv",
        ),
    ),
)

OPENAI_USAGE = LakeSuite(
    dataset="openai_usage",
    rules=(
        filled("kind", "bucket_start", "bucket_end"),
        ordered("bucket_start", "bucket_end"),
        inside_partition("bucket_start", MONTH),
        not_negative(
            "input_tokens",
            "input_cached_tokens",
            "input_cache_write_tokens",
            "output_tokens",
            "num_model_requests",
        ),
        RowRule(
            name="cached_tokens_are_part_of_input",
            title="cached and cache-write tokens are contained in input tokens",
            broken="coalesce(input_cached_tokens, 0) + coalesce(input_cache_write_tokens, 0) > input_tokens",
            needs=("input_tokens", "input_cached_tokens", "input_cache_write_tokens"),
            shows=("model", "input_tokens", "input_cached_tokens", "input_cache_write_tokens"),
            fix="the buckets would not be disjoint: check what the provider's fields mean before loading on",
        ),
    ),
)

OPENAI_COSTS = LakeSuite(
    dataset="openai_costs",
    money={"billed_cost": "$amount"},
    currency="upper(currency)",
    rules=(
        filled("bucket_start", "bucket_end", "amount", "currency"),
        iso_currency("currency"),
        ordered("bucket_start", "bucket_end"),
        inside_partition("bucket_start", MONTH),
    ),
)

ANTHROPIC_TOKENS = (
    "uncached_input_tokens",
    "cache_creation_5m_input_tokens",
    "cache_creation_1h_input_tokens",
    "cache_read_input_tokens",
    "output_tokens",
)

ANTHROPIC_USAGE = LakeSuite(
    dataset="anthropic_usage",
    rules=(
        filled("bucket_start", "bucket_end"),
        ordered("bucket_start", "bucket_end"),
        inside_partition("bucket_start", MONTH),
        not_negative(*ANTHROPIC_TOKENS),
        listed("context_window_is_known", "context_window", ("0-200k", "200k-1M"), warn=True),
        listed(
            "service_tier_is_known",
            "service_tier",
            ("standard", "batch", "priority", "priority_on_demand", "flex", "flex_discount"),
            warn=True,
        ),
    ),
)

ANTHROPIC_COSTS = LakeSuite(
    dataset="anthropic_costs",
    money={"billed_cost": "$amount_cents * CAST(0.01 AS DECIMAL(3, 2))"},
    currency="upper(currency)",
    rules=(
        filled("bucket_start", "bucket_end", "amount_cents", "currency"),
        iso_currency("currency"),
        ordered("bucket_start", "bucket_end"),
        inside_partition("bucket_start", MONTH),
        listed(
            "token_type_is_known",
            "token_type",
            (
                "uncached_input_tokens",
                "output_tokens",
                "cache_read_input_tokens",
                "cache_creation.ephemeral_5m_input_tokens",
                "cache_creation.ephemeral_1h_input_tokens",
            ),
            warn=True,
        ),
    ),
)

LITELLM = LakeSuite(
    dataset="litellm_spend_logs",
    rules=(
        filled("request_id", "started_at", "status"),
        inside_partition("started_at", DAY),
        ordered("started_at", "ended_at", may_be_equal=True),
        not_negative("prompt_tokens", "completion_tokens", "total_tokens"),
        listed("status_is_known", "status", ("success", "failure")),
    ),
)

SUITES: Mapping[str, LakeSuite] = {
    suite.dataset: suite
    for suite in (
        AWS_CUR,
        _focus("aws_focus"),
        GCP_BILLING,
        _focus("gcp_focus"),
        _focus("focus"),
        PROMETHEUS,
        OPENAI_USAGE,
        OPENAI_COSTS,
        ANTHROPIC_USAGE,
        ANTHROPIC_COSTS,
        LITELLM,
    )
}
