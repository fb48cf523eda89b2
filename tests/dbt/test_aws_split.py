"""AWS split cost allocation, from a delivered CUR 2.0 through dbt: never in a total, and as weights reproducing AWS's example."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ingest.run import ingest
from tests.dbt.compiled import run_dbt
from tests.unit.ingest.aws_exports import AwsExport, parquet, settings_for

PERIOD = "2026-10"
# the pods of AWS's worked example (gpu_and_tco.md 3.3) in namespaces the workloads seed knows; the last one in none
PODS = {
    "search/vllm-llama-8b-0": ("1.847737", "0.061150"),
    "assistant/vllm-llama-70b-0": ("3.178761", "0.085609"),
    "ads/ranker-0": ("2.352222", "0.061150"),
    "elsewhere/job-0": ("2.352222", "0.061150"),
}
USED = {
    "search/vllm-llama-8b-0": (1, 16, 100), "assistant/vllm-llama-70b-0": (3, 18, 140), "ads/ranker-0": (2, 16, 100),
    "elsewhere/job-0": (2, 16, 100),
}
MACHINE = "i-0123456789abcdef0"
HOURLY = 10


def line(
    hour: int, *, operation: str, usage: str, resource: str, cost: str, split: str = "", unused: str = "", used: str = ""
) -> str:
    """One CUR line as a SELECT; with `split` or `used` it is a split row, which here repeats its cost as unblended cost too."""
    parent = f"'{MACHINE}'" if split or used else "null::varchar"
    return f"""select '{hour}-{usage}-{resource}' as identity_line_item_id, 'Anniversary' as bill_bill_type,
        '111122223333' as bill_payer_account_id, timestamp '{PERIOD}-01' as bill_billing_period_start_date,
        '111122223333' as line_item_usage_account_id, 'USD' as line_item_currency_code, 'Usage' as line_item_line_item_type,
        'AmazonEC2' as line_item_product_code, '{usage}' as line_item_usage_type, '{operation}' as line_item_operation,
        '{resource}' as line_item_resource_id, 'p3.16xlarge' as product_instance_type, 'Hrs' as pricing_unit,
        1.0::double as line_item_usage_amount, {cost}::double as line_item_unblended_cost,
        {parent} as split_line_item_parent_resource_id, {used or "null"}::double as split_line_item_reserved_usage,
        {split or "null"}::double as split_line_item_split_cost, {unused or "null"}::double as split_line_item_unused_cost,
        map {{'user_name': 'n'}} as resource_tags, timestamp '{PERIOD}-01' + to_hours({hour}) as line_item_usage_start_date,
        timestamp '{PERIOD}-01' + to_hours({hour + 1}) as line_item_usage_end_date"""


def split_line(hour: int, pod: str, split: str, unused: str) -> str:
    usage = "USE1-EKS-EC2-Accelerator-Hours"
    return line(hour, operation="EKSPod-EC2", usage=usage, resource=arn(pod), cost=split, split=split, unused=unused)


def used_line(hour: int, pod: str, kind: str, used: int) -> str:
    return line(hour, operation="EKSPod-EC2", usage=f"USE1-EKS-EC2-{kind}-Hours", resource=arn(pod), cost="1", used=str(used))


def arn(pod: str) -> str:
    return f"arn:aws:eks:us-east-1:111122223333:pod/cluster/{pod}/0000-uid"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four machine-hours at USD 10: AWS's example with costs, a pod that leaves a rest, the example by usage, no split rows."""
    home = tmp_path_factory.mktemp("home")
    lines = [
        line(hour, operation="RunInstances", usage="BoxUsage:p3.16xlarge", resource=MACHINE, cost=str(HOURLY))
        for hour in range(4)
    ]
    lines += [split_line(0, pod, split, unused) for pod, (split, unused) in PODS.items()]
    lines.append(split_line(1, "search/vllm-llama-8b-0", "3.5", "0.5"))
    for pod, amounts in USED.items():
        kinds = ("Accelerator", "vCPU", "GB")
        lines += [used_line(2, pod, kind, used) for kind, used in zip(kinds, amounts, strict=True)]
    export, file = AwsExport(home / "deliveries"), "demo-00001.snappy.parquet"
    export.put(PERIOD, {file: parquet(" union all ".join(lines), home)})
    listed = [{"s3Uri": export.uri(PERIOD, file), "size": export.data_path(PERIOD, file).stat().st_size}]
    table = {"table": "COST_AND_USAGE_REPORT", "columns": []}
    export.manifest(PERIOD, {"executionId": "1", "billingPeriod": PERIOD, "dataFiles": listed, **table})
    assert ingest(settings_for(home, export.root)).is_clean
    done = run_dbt(
        home, "build", "--full-refresh", "--select", "+int_allocations_gpu", "--vars", '{"gpu_weights": "aws_split"}',
        "--exclude-resource-type", "test", "--exclude-resource-type", "unit_test",
    )
    assert done.returncode == 0, done.stdout[-4000:]
    return home


def rows(home: Path, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as con:
        return con.execute(sql).fetchall()


def test_split_rows_are_read_and_never_added(home: Path) -> None:
    assert rows(home, "select count(*) from staging.stg_aws__cur_split_line_items") == [(17,)]
    assert rows(home, "select count(*), sum(unblended_cost) from staging.stg_aws__cur_line_items") == [(4, 40)]
    assert rows(home, "select sum(billed_cost), sum(effective_cost) from intermediate.int_charges") == [(40, 40)]


def test_the_machine_goes_over_its_pods_by_their_split_costs(home: Path) -> None:
    found = {
        (team, state): cost
        for team, state, cost in rows(
            home, "select team_id, gpu_state, sum(effective_cost) from intermediate.int_allocations_gpu group by all"
        )
    }
    assert sum(found.values()) == 40
    expected = {
        ("search", "held"): Decimal("7.817774"), ("assistant", "held"): Decimal("6.528740"),
        ("ads", "held"): Decimal("4.826743"), ("unallocated", "held"): Decimal("4.826743"),
        ("platform", "unallocated"): Decimal(6), ("unallocated", "unobserved"): Decimal(10),
    }
    assert set(found) == set(expected)
    assert all(abs(found[key] - cost) < Decimal("0.00001") for key, cost in expected.items()), found


def test_each_machine_hour_is_conserved(home: Path) -> None:
    assert rows(
        home,
        "select sum(effective_cost), sum(billed_cost), sum(seconds) from intermediate.int_gpu_split_hours"
        " group by resource_id, hour_start",
    ) == [(HOURLY, HOURLY, 8 * 3600)] * 4


def test_rates_of_the_example_add_up_to_the_price(home: Path) -> None:
    """The golden numbers of billing.md 2.4, on the hour whose rows carry usage and no cost."""
    rates = dict(rows(home, "select distinct split_resource, rate from intermediate.int_gpu_split_costs where not is_priced"))
    assert rates == {"gpu": Decimal("0.504484304933"), "vcpu": Decimal("0.050448430493"), "memory": Decimal("0.005605381166")}
    assert abs(rates["gpu"] * 8 + rates["vcpu"] * 64 + rates["memory"] * 488 - 10) < Decimal("1e-9")
    totals = dict(
        rows(
            home,
            "select namespace, sum(split_cost + unused_cost) from intermediate.int_gpu_split_costs"
            " where not is_priced group by namespace",
        )
    )
    for pod, (split, unused) in PODS.items():
        assert abs(totals[pod.split("/")[0]] - Decimal(split) - Decimal(unused)) < Decimal("0.000002"), pod
    assert abs(sum(totals.values()) - HOURLY) < Decimal("1e-9")
