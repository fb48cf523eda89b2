"""Real deliveries through the whole pipeline: totals equal the MANIFEST, a restatement replaces its month."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from tests.integration.shared_data import SHARED_DATA, deliver, needs_shared_data
from tests.integration.tco_command import query, run_well, write_config

pytestmark = needs_shared_data
BILLING = SHARED_DATA / "billing" / "costroid"
PAYLOADS = SHARED_DATA / "llm" / "payloads"
AWS = 'name = "aws_demo"\ntype = "aws_data_exports"\nlocation = "aws"'
PROMETHEUS = 'name = "metrics"\ntype = "prometheus"\nlocation = "prometheus"'
SNAPSHOTS = 'name = "snapshots"\ntype = "prom_text"\nlocation = "snapshots"\nobserved_at = "2026-03-03T10:00:00Z"'
OPENAI = 'name = "openai_main"\ntype = "openai"\nlocation = "openai"'
ANTHROPIC = 'name = "anthropic_main"\ntype = "anthropic"\nlocation = "anthropic"'


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """AWS FOCUS fixture, telemetry examples and snapshots, OpenAI and Anthropic pages; run once."""
    folder = tmp_path_factory.mktemp("real")
    config = write_config(folder, AWS, PROMETHEUS, SNAPSHOTS, OPENAI, ANTHROPIC)
    deliver(BILLING / "aws-focus-s3" / "fixture", folder / "aws")
    for name in ("prom_query_range_two_jobs.json", "victoriametrics_export.jsonl"):
        deliver(SHARED_DATA / "gpu" / "examples" / name, folder / "prometheus" / name)
    for path in sorted((SHARED_DATA / "gpu" / "formats").glob("*.prom")):
        deliver(path, folder / "snapshots" / path.name)
    for path in [*PAYLOADS.glob("openai_usage_completions_grouped_page*.json"), PAYLOADS / "openai_costs_by_line_item.json"]:
        deliver(path, folder / "openai" / path.name)
    for name in ("anthropic_usage_report_grouped.json", "anthropic_cost_report_by_description.json"):
        deliver(PAYLOADS / name, folder / "anthropic" / name)
    run_well(config)
    return folder


def aws_months(folder: Path) -> dict[str, tuple[Decimal, Decimal, int]]:
    rows = query(
        folder / "data",
        "select billing_period, sum(billed_cost), sum(effective_cost), sum(x_line_count)::int from marts.fct_charges "
        "where x_source = 'aws_demo' group by 1 order by 1",
    )
    return {period: (billed, effective, lines) for period, billed, effective, lines in rows}


def test_published_totals_equal_the_manifest(company: Path) -> None:
    first = Decimal("32.7663")
    assert aws_months(company) == {"2026-05": (first, first, 42), "2026-06": (first, first, 42)}


def test_token_costs_tie_to_the_vendors_reports(company: Path) -> None:
    costs = dict(query(company / "data", "select service_provider_name, sum(billed_cost) from marts.fct_charges "
                                         "where x_dataset like '%_costs' group by 1"))
    assert costs == {"OpenAI": Decimal("52.47"), "Anthropic": Decimal("19.525")}
    computed = dict(query(company / "data", "select source, sum(list_cost) from marts.fct_token_usage "
                                            "where source in ('openai', 'anthropic') group by 1"))
    assert computed["openai"] == Decimal("52")


def test_the_example_waterfall_appears_in_gpu_hours(company: Path) -> None:
    hours = dict(
        query(
            company / "data",
            "select state, round(sum(gpu_hours), 6) from marts.fct_gpu_hours where charge_date = '2026-03-02' group by 1",
        )
    )
    minutes = {state: value * 60 for state, value in hours.items()}
    assert {state: round(value, 2) for state, value in minutes.items()} == {
        "loading": Decimal("3.00"),
        "warm_idle": Decimal("5.00"),
        "productive": Decimal("13.89"),
        "under_utilised": Decimal("18.11"),
        "unallocated": Decimal("15.00"),
    }
    models = query(company / "data", "select distinct gpu_model from marts.fct_gpu_hours where charge_date = '2026-03-03'")
    assert {"T4", "L4", "A100"} <= {row[0] for row in models}


def test_gpu_time_without_a_bill_has_no_cost(company: Path) -> None:
    rows = query(company / "data", "select count(*), count(effective_cost), count(billing_currency) from marts.fct_gpu_hours")
    assert rows[0][0] > 0 and rows[0][1:] == (0, 0)


def test_a_restated_month_is_replaced_and_nothing_counts_twice(company: Path) -> None:
    deliver(BILLING / "aws-focus-s3" / "restated", company / "aws")
    printed = run_well(company / "tco.toml")
    assert "32.7663 -> 58.1679 USD (delta 25.4016)" in printed
    first, restated = Decimal("32.7663"), Decimal("58.1679")
    assert aws_months(company) == {"2026-05": (first, first, 42), "2026-06": (restated, restated, 42)}
