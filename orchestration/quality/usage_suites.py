"""The suites of landed telemetry and LLM reports: which truths their rows keep, and how reported cost is summed.

Declarations only. Column names are those of the lake schemas; closed lists come from the providers' API documents
and warn, because unknown values are normal there.
"""

from __future__ import annotations

from orchestration.quality.lake_rules import (
    ASK_PROVIDER,
    WRONG_PARTITION,
    LakeSuite,
    RowRule,
    filled,
    inside_partition,
    iso_currency,
    listed,
    not_negative,
    ordered,
)

MONTH, DAY = "%Y-%m", "%Y-%m-%d"

PROMETHEUS = LakeSuite(
    dataset="prometheus_samples",
    series=("ts", "value"),
    rules=(
        filled("metric"),
        RowRule(
            name="samples_have_times",
            title="a series has as many times as values",
            broken='ts IS NULL OR "value" IS NULL OR len(ts) != len("value") OR len(ts) != list_count(ts)',
            needs=("ts", "value"),
            shows=("metric", "labels"),
            fix=ASK_PROVIDER,
        ),
        RowRule(
            name="rows_belong_to_the_partition",
            title="all samples of a series lie in the partition",
            broken="strftime(list_min(ts), '%Y-%m-%d') != partition OR strftime(list_max(ts), '%Y-%m-%d') != partition",
            needs=("ts",),
            shows=("metric", "labels"),
            fix=WRONG_PARTITION,
        ),
        RowRule(
            name="utilisation_is_in_its_unit",
            title="a ratio is at most 1 and a percentage at most 100",
            # NaN and the blank values of DCGM (>= 1e6) mean 'not available'
            broken="""CASE
                WHEN regexp_matches("metric", '^DCGM_FI_(PROF_.*_(ACTIVE|OCCUPANCY)|.*_UTIL_RATIO)$')
                    THEN list_bool_or(list_transform("value", lambda v: v > 1.05 AND v < 1e6))
                WHEN regexp_matches("metric", '^DCGM_FI_DEV_.*_UTIL$')
                    THEN list_bool_or(list_transform("value", lambda v: v > 100 AND v < 1e6))
                END""",
            needs=("metric", "value"),
            shows=("metric", "labels"),
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
