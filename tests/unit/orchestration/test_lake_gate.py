"""Border 1: every rule on landed partitions fails on its own broken rows; lake files are what was "
"committed."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from ingest.lake import Delivery, Lake, Landed, SourceFile
from orchestration.duck import DuckLimits
from orchestration.quality import gx_suite
from orchestration.quality.lake_gate import LakeState, audit_lake, check_landed, rules_of
from orchestration.quality.lake_suites import SUITES
from orchestration.quality.results import GateReport, RuleResult

LIMITS = DuckLimits(threads=1, memory_limit="500MB")
MONTH = "TIMESTAMP '2026-03-01'"
BUCKET = f"{MONTH} AS bucket_start, {MONTH} + INTERVAL 1 DAY AS bucket_end"

# a sound row of each data set
SOUND = {
    "aws_cur_2_0": f"""'p' AS bill_payer_account_id, 'u' AS line_item_usage_account_id,
        'Usage' AS line_item_line_item_type, 'BoxUsage:p5.48xlarge' AS line_item_usage_type,
        'Hrs' AS pricing_unit,
        0.1::DOUBLE AS line_item_unblended_cost, 'USD' AS line_item_currency_code,
        {MONTH} AS line_item_usage_start_date, {MONTH} + INTERVAL 1 HOUR AS line_item_usage_end_date""",
    "focus": f"""'a' AS BillingAccountId, 'Usage' AS ChargeCategory, '' AS ChargeClass,
    'Standard' AS PricingCategory,
        NULL::VARCHAR AS CommitmentDiscountStatus, {MONTH} AS ChargePeriodStart,
        {MONTH} + INTERVAL 1 HOUR AS ChargePeriodEnd, 0.1::DECIMAL(38,18) AS BilledCost,
        0.1::DECIMAL(38,18) AS EffectiveCost, 0.1::DECIMAL(38,18) AS ListCost,
        0.1::DECIMAL(38,18) AS ContractedCost,
        'USD' AS BillingCurrency""",
    "gcp_billing_detailed": f"""'b' AS billing_account_id, {{'month': '202603'}} AS invoice,
    'regular' AS cost_type,
        0.4::DECIMAL(38,18) AS cost, [{{'amount': -0.3::DECIMAL(38,18)}}] AS credits, 'USD' AS currency,
        {MONTH} AS usage_start_time, {MONTH} + INTERVAL 1 HOUR AS usage_end_time""",
    "prometheus_samples": """'DCGM_FI_DEV_GPU_UTIL' AS metric, '{}' AS labels, [99.0::DOUBLE, 'nan', 2147483632] AS value,
        [TIMESTAMP '2026-03-05 10:00:00', TIMESTAMP '2026-03-05 10:01:00', TIMESTAMP '2026-03-05 10:02:00'] AS ts""",
    "openai_usage": f"""'completions' AS kind, {BUCKET}, 'gpt-5' AS model, 100 AS input_tokens,
    40 AS input_cached_tokens,
        10 AS input_cache_write_tokens, 20 AS output_tokens, 1 AS num_model_requests""",
    "openai_costs": f"{BUCKET}, 0.1::DECIMAL(38,18) AS amount, 'usd' AS currency",
    "anthropic_usage": f"""{BUCKET}, 1 AS uncached_input_tokens, 1 AS cache_creation_5m_input_tokens,
        1 AS cache_creation_1h_input_tokens, 1 AS cache_read_input_tokens, 1 AS output_tokens,
        '0-200k' AS context_window, 'standard' AS service_tier""",
    "anthropic_costs": f"{BUCKET}, 10::DECIMAL(38,18) AS amount_cents, 'USD' AS currency, 'output_tokens' AS token_type",
    "litellm_spend_logs": """'r' AS request_id, TIMESTAMP '2026-03-05 10:00:00' AS started_at,
        TIMESTAMP '2026-03-05 10:00:01' AS ended_at, 'success' AS status, 1 AS prompt_tokens,
        1 AS completion_tokens,
        2 AS total_tokens""",
}
SOUND["aws_focus"] = SOUND["gcp_focus"] = SOUND["focus"]

# what breaks each rule: an assignment to a column of the sound row
BROKEN = {
    ("aws_cur_2_0", "keys_are_filled"): "NULL::VARCHAR AS line_item_usage_account_id",
    ("aws_cur_2_0", "currency_is_a_code"): "'$' AS line_item_currency_code",
    ("aws_cur_2_0", "line_item_type_is_known"): "'Surprise' AS line_item_line_item_type",
    ("aws_cur_2_0", "period_is_in_order"): "TIMESTAMP '2026-02-01' AS line_item_usage_end_date",
    ("aws_cur_2_0", "machine_time_is_in_hours"): "'Seconds' AS pricing_unit",
    ("focus", "keys_are_filled"): "NULL::VARCHAR AS BillingAccountId",
    ("focus", "currency_is_a_code"): "'US Dollar' AS BillingCurrency",
    ("focus", "charge_category_is_known"): "'Taxx' AS ChargeCategory",
    ("focus", "charge_class_is_known"): "'Corection' AS ChargeClass",
    ("focus", "pricing_category_is_known"): "'Bogus' AS PricingCategory",
    ("focus", "commitment_status_is_known"): "'Wasted' AS CommitmentDiscountStatus",
    ("focus", "period_is_in_order"): f"{MONTH} AS ChargePeriodEnd",
    ("gcp_billing_detailed", "keys_are_filled"): "NULL::VARCHAR AS billing_account_id",
    ("gcp_billing_detailed", "currency_is_a_code"): "'' AS currency",
    ("gcp_billing_detailed", "cost_type_is_known"): "'strange' AS cost_type",
    ("gcp_billing_detailed", "period_is_in_order"): "TIMESTAMP '2026-02-01' AS usage_end_time",
    ("gcp_billing_detailed", "rows_belong_to_the_partition"): "{'month': '202604'} AS invoice",
    ("prometheus_samples", "keys_are_filled"): "NULL::VARCHAR AS metric",
    ("prometheus_samples", "rows_belong_to_the_partition"): "ts || [TIMESTAMP '2026-03-06'] AS ts, value || [1.0] AS value",
    ("prometheus_samples", "samples_have_times"): "ts[:2] AS ts",
    ("prometheus_samples", "utilisation_is_in_its_unit"): "[99.0, 990.0, 0.0] AS value",
    ("openai_usage", "keys_are_filled"): "NULL::VARCHAR AS kind",
    ("openai_usage", "period_is_in_order"): f"{MONTH} AS bucket_end",
    ("openai_usage", "rows_belong_to_the_partition"): "TIMESTAMP '2026-02-28' AS bucket_start",
    ("openai_usage", "tokens_are_not_negative"): "-1 AS output_tokens",
    ("openai_usage", "cached_tokens_are_part_of_input"): "91 AS input_cached_tokens",
    ("openai_costs", "keys_are_filled"): "NULL::DECIMAL(38,18) AS amount",
    ("openai_costs", "currency_is_a_code"): "'dollar' AS currency",
    ("openai_costs", "period_is_in_order"): f"{MONTH} AS bucket_end",
    ("openai_costs", "rows_belong_to_the_partition"): "TIMESTAMP '2026-02-28' AS bucket_start",
    ("anthropic_usage", "keys_are_filled"): "NULL::TIMESTAMP AS bucket_start",
    ("anthropic_usage", "period_is_in_order"): f"{MONTH} AS bucket_end",
    ("anthropic_usage", "rows_belong_to_the_partition"): "TIMESTAMP '2026-02-28' AS bucket_start",
    ("anthropic_usage", "tokens_are_not_negative"): "-1 AS output_tokens",
    ("anthropic_usage", "context_window_is_known"): "'2M' AS context_window",
    ("anthropic_usage", "service_tier_is_known"): "'gold' AS service_tier",
    ("anthropic_costs", "keys_are_filled"): "NULL::DECIMAL(38,18) AS amount_cents",
    ("anthropic_costs", "currency_is_a_code"): "'dollar' AS currency",
    ("anthropic_costs", "period_is_in_order"): f"{MONTH} AS bucket_end",
    ("anthropic_costs", "rows_belong_to_the_partition"): "TIMESTAMP '2026-02-28' AS bucket_start",
    ("anthropic_costs", "token_type_is_known"): "'thoughts' AS token_type",
    ("litellm_spend_logs", "keys_are_filled"): "NULL::VARCHAR AS request_id",
    ("litellm_spend_logs", "rows_belong_to_the_partition"): "TIMESTAMP '2026-03-06' AS started_at",
    ("litellm_spend_logs", "period_is_in_order"): "TIMESTAMP '2026-03-04' AS ended_at",
    ("litellm_spend_logs", "tokens_are_not_negative"): "-1 AS completion_tokens",
    ("litellm_spend_logs", "status_is_known"): "'maybe' AS status",
}


def select(dataset: str, assignment: str = "") -> str:
    """One row of a data set, sound or with one column assigned anew."""
    sound = f"SELECT {SOUND[dataset]}"
    if not assignment:
        return sound
    value, column = assignment.rsplit(" AS ", 1)
    return f"SELECT * REPLACE ({value} AS {column}) FROM ({sound})"


def partition_of(dataset: str) -> str:
    return "2026-03-05" if dataset in ("prometheus_samples", "litellm_spend_logs") else "2026-03"


def commit(lake: Lake, dataset: str, rows: str, *, money: dict[str, Decimal] | None = None, source: str = "s") -> None:
    """Commit a partition of the rows an SQL query gives, through the real lake."""

    def land(folder: Path) -> Landed:
        path = folder / "part-00000.parquet"
        with duckdb.connect() as con:
            con.execute(f"COPY ({rows}) TO '{path}' (FORMAT parquet)")
            count = con.execute(f"SELECT count(*) FROM '{path}'").fetchall()[0][0]
            is_telemetry = dataset == "prometheus_samples"
            records = con.execute(f"SELECT sum(len(ts)) FROM '{path}'").fetchall()[0][0] if is_telemetry else None
        return Landed((path,), (SourceFile("f", 1, rows),), count, {"USD": money} if money else {}, records=records)

    delivery = Delivery(source, dataset, partition_of(dataset), rows, datetime(2026, 4, 1, tzinfo=UTC), ("f",), land)
    lake.commit(delivery)


def money_of(dataset: str) -> dict[str, Decimal]:
    return {name: Decimal("0.1") for name in SUITES[dataset].money}


def state_of(lake: Lake) -> LakeState:
    return LakeState(lake.root, tuple(lake.manifests()), lake.root.parent / "gates" / "lake.json")


def landed(lake: Lake) -> GateReport:
    return check_landed(state_of(lake), limits=LIMITS)


def troubles(report: GateReport) -> dict[str, RuleResult]:
    return {result.check: result for result in report.results if result.status != "passed"}


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


def rewrite(lake: Lake, sql: str) -> Path:
    """Edit the first file of the lake behind its back; `sql` reads from `rows`."""
    path = lake.root / lake.manifests()[0].files[0].path
    with duckdb.connect() as con:
        con.execute(f"CREATE TABLE rows AS FROM '{path}'")
        con.execute(f"COPY ({sql}) TO '{path}' (FORMAT parquet)")
    return path


def test_every_rule_has_a_failing_fixture() -> None:
    rules = {(dataset, rule.name) for dataset, suite in SUITES.items() for rule in suite.rules}
    assert {key for key in rules if key[0] not in ("aws_focus", "gcp_focus")} == set(BROKEN)


def test_sound_partitions_of_every_data_set_pass(lake: Lake) -> None:
    for dataset in SUITES:
        commit(lake, dataset, select(dataset), money=money_of(dataset))
    report = landed(lake)
    assert troubles(report) == {}
    assert report.checked == len(SUITES)
    assert len(report.results) == sum(len(rules_of(suite)) for suite in SUITES.values())


def test_every_broken_row_is_found_and_named(lake: Lake) -> None:
    for number, ((dataset, _), assignment) in enumerate(BROKEN.items()):
        rows = f"{select(dataset)} UNION ALL BY NAME {select(dataset, assignment)}"
        commit(lake, dataset, rows, money=money_of(dataset), source=f"s{number}")
    found = troubles(landed(lake))
    for number, (dataset, rule) in enumerate(BROKEN):
        result = found[f"{dataset}.{rule}"]
        assert result.status == "failed", (dataset, rule, result.message)
        assert result.rows >= 1
        assert any(f"s{number}, {partition_of(dataset)}: part-00000.parquet row 2" in e for e in result.examples)
        assert result.fix


def test_a_deleted_row_is_named_with_period_and_amount(lake: Lake) -> None:
    rows = f"{select('focus')} UNION ALL {select('focus', '3.45 AS BilledCost')}"
    commit(
        lake,
        "focus",
        rows,
        money={name: Decimal("0.2") for name in SUITES["focus"].money} | {"billed_cost": Decimal("3.55")},
    )
    assert landed(lake).is_passed
    rewrite(lake, "FROM rows WHERE BilledCost < 1")
    report = audit_lake(state_of(lake), limits=LIMITS)
    found = troubles(report)
    assert found["focus.row_count_equals_manifest"].message == "s, 2026-03: 2 rows in the manifest, 1 in the files"
    assert "s, 2026-03, USD billed_cost: 3.55 in the manifest, 0.1 in the files, difference -3.45" in (
        found["focus.money_equals_manifest"].examples
    )
    assert not report.is_passed
    assert not landed(lake).is_passed


def test_a_sample_cut_out_of_a_series_is_missed(lake: Lake) -> None:
    commit(lake, "prometheus_samples", select("prometheus_samples"))
    assert landed(lake).is_passed
    rewrite(lake, "SELECT * REPLACE (ts[:2] AS ts, value[:2] AS value) FROM rows")
    found = troubles(audit_lake(state_of(lake), limits=LIMITS))["prometheus_samples.row_count_equals_manifest"]
    assert found.message == "s, 2026-03-05: 3 rows in the manifest, 2 in the files"


def test_a_missing_file_counts_as_no_rows(lake: Lake) -> None:
    commit(lake, "focus", select("focus"), money=money_of("focus"))
    (lake.root / lake.manifests()[0].files[0].path).unlink()
    found = troubles(audit_lake(state_of(lake), limits=LIMITS))
    assert "1 rows in the manifest, 0 in the files" in found["focus.row_count_equals_manifest"].message


def test_an_unreadable_file_is_errored_not_failed(lake: Lake) -> None:
    commit(lake, "focus", select("focus"), money=money_of("focus"))
    (lake.root / lake.manifests()[0].files[0].path).write_bytes(b"PAR1 nonsense PAR1")
    found = troubles(audit_lake(state_of(lake), limits=LIMITS))
    assert {result.status for result in found.values()} == {"errored"}


def test_a_rule_without_its_column_is_errored_an_optional_one_keeps(lake: Lake) -> None:
    rows = "SELECT * EXCLUDE (ChargeCategory, PricingCategory) FROM (" + select("focus") + ")"
    commit(lake, "focus", rows, money=money_of("focus"))
    found = troubles(landed(lake))
    assert found["focus.charge_category_is_known"].status == "errored"
    assert "focus.pricing_category_is_known" not in found


def test_a_touched_but_equal_file_passes_the_audit(lake: Lake) -> None:
    commit(lake, "focus", select("focus"), money=money_of("focus"))
    path = lake.root / lake.manifests()[0].files[0].path
    os.utime(path, ns=(1, 1))
    report = audit_lake(state_of(lake), limits=LIMITS)
    assert report.is_passed
    assert report.checked == 1


def test_what_passed_is_not_checked_again(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    commit(lake, "focus", select("focus"), money=money_of("focus"))
    assert landed(lake).checked == 1
    monkeypatch.setattr(gx_suite, "load_library", lambda: pytest.fail("imported"))
    assert landed(lake).checked == 0
    assert audit_lake(state_of(lake), limits=LIMITS).checked == 0


def test_what_failed_is_checked_again(lake: Lake) -> None:
    commit(lake, "focus", select("focus", "'Taxx' AS ChargeCategory"), money=money_of("focus"))
    assert not landed(lake).is_passed
    assert landed(lake).checked == 1
    commit(lake, "focus", select("focus"), money=money_of("focus"))
    assert landed(lake).is_passed
