"""The telemetry says what the truth says: GPU states by recount, tokens by increase of the counters."""

from __future__ import annotations

from collections import Counter, defaultdict
from decimal import Decimal
from pathlib import Path

from tests.unit.synthetic.deliveries import cur, results, series, truth

STEP = 360


def test_states_add_up_to_the_paid_gpu_seconds(sample: Path) -> None:
    paid = dict(
        cur(
            sample,
            "2026-10",
            """
            select line_item_resource_id, sum(line_item_usage_amount::decimal(38, 3)) from lines
            where line_item_resource_id like 'i-0a%'
                and line_item_line_item_type in ('Usage', 'SavingsPlanCoveredUsage')
            group by all
            """,
        )
    )
    gpus = {"p5.48xlarge": 8, "g6e.xlarge": 1, "g6.xlarge": 1}
    sizes = dict(cur(sample, "2026-10", "select distinct line_item_resource_id, product_instance_type from lines"))
    found: dict[str, Decimal] = defaultdict(Decimal)
    for row in truth(sample, "gpu_states"):
        if row["billing_period"] == "2026-10":
            found[row["resource_id"]] += Decimal(row["gpu_seconds"])
    assert found == {node: hours * 3600 * gpus.get(sizes[node], 4) for node, hours in paid.items()}


def test_spot_nodes_pay_parts_of_hours(sample: Path) -> None:
    [(parts,)] = cur(
        sample,
        "2026-10",
        "select count(*) from lines where line_item_usage_type like 'Spot%' and line_item_usage_amount < 1",
    )
    assert parts > 50


def test_recounted_samples_give_the_states(sample: Path) -> None:
    """H100 node: no workload label is unallocated; activity is productive, the rest of busy time is not."""
    seconds: Counter[str] = Counter()
    for labels, values in series(sample, "2026-10", "dcgm.json"):
        is_node = labels["Hostname"] == "ip-10-0-1-11.ec2.internal"
        if not is_node or labels["__name__"] != "DCGM_FI_PROF_GR_ENGINE_ACTIVE":
            continue
        for _, value in values:
            if "exported_pod" not in labels:
                seconds["unallocated"] += STEP * 100
            elif Decimal(value) > 0:
                seconds["productive"] += int(Decimal(value) * 100) * STEP
                seconds["under_utilised"] += int((1 - Decimal(value)) * 100) * STEP
            else:
                seconds["idle"] += STEP * 100
    expected: Counter[str] = Counter()
    for row in truth(sample, "gpu_states"):
        if row["billing_period"] == "2026-10" and row["node_id"] == "ip-10-0-1-11.ec2.internal":
            state = "idle" if row["state"] in ("loading", "warm_idle") else row["state"]
            expected[state] += int(Decimal(row["gpu_seconds"]) * 100)
    assert seconds == expected


def test_dark_day_is_unobserved(sample: Path) -> None:
    hosts = {
        labels["Hostname"]
        for labels, values in series(sample, "2026-10", "dcgm.json")
        if values[0][0] // 86400 == 20740  # 2026-10-14
    }
    assert {"ip-10-0-1-21.ec2.internal", "ip-10-0-1-41.ec2.internal"}.isdisjoint(hosts)
    assert "ip-10-0-1-11.ec2.internal" in hosts
    unobserved = {row["node_id"] for row in truth(sample, "gpu_states") if row["state"] == "unobserved"}
    assert unobserved == {"ip-10-0-1-21.ec2.internal", "ip-10-0-1-41.ec2.internal", "i-0a10000000000e007"}


def test_counter_increases_give_the_tokens(sample: Path) -> None:
    """Increase of a counter: sum of positive steps; after a drop the new value counts (gpu_and_tco.md 2)."""
    last: dict[tuple[str, ...], int] = {}
    grown: Counter[tuple[str, str]] = Counter()
    resets = 0
    for labels, values in series(sample, "2026-10", "vllm.json"):
        key = tuple(labels.get(name, "") for name in ("__name__", "namespace", "pod", "finished_reason"))
        for _, text in values:
            value = int(text)
            before = last.get(key)
            if "num_requests" not in key[0] and before is not None:
                resets += value < before
                grown[labels["model_name"], key[0]] += value - before if value >= before else value
            last[key] = value
    assert resets > 20
    for row in truth(sample, "tokens"):
        if row["source"] == "vllm" and row["billing_period"] == "2026-10" and row["token_bucket"] != "input_uncached":
            metric = {
                "output": "vllm:generation_tokens_total",
                "cache_read": "vllm:prompt_tokens_cached_total",
            }
            assert grown[row["model"], metric[row["token_bucket"]]] == int(row["tokens"])


def test_vendor_usage_gives_the_tokens(sample: Path) -> None:
    found: Counter[tuple[str, str, str]] = Counter()
    for item in results(sample, "openai/usage_completions_2026-10*.json"):
        assert item["input_tokens"] == item["input_uncached_tokens"] + item["input_cached_tokens"]
        found["openai", item["model"], "input_uncached"] += item["input_uncached_tokens"]
        found["openai", item["model"], "cache_read"] += item["input_cached_tokens"]
        found["openai", item["model"], "output"] += item["output_tokens"]
    for item in results(sample, "anthropic/usage_report_2026-10*.json"):
        found["anthropic", item["model"], "input_uncached"] += item["uncached_input_tokens"]
        found["anthropic", item["model"], "cache_read"] += item["cache_read_input_tokens"]
        found["anthropic", item["model"], "cache_write_5m"] += item["cache_creation"]["ephemeral_5m_input_tokens"]
        found["anthropic", item["model"], "cache_write_1h"] += item["cache_creation"]["ephemeral_1h_input_tokens"]
        found["anthropic", item["model"], "output"] += item["output_tokens"]
    expected = {
        (row["source"], row["model"], row["token_bucket"]): int(row["tokens"])
        for row in truth(sample, "tokens")
        if row["billing_period"] == "2026-10" and row["source"] in ("openai", "anthropic")
        and not row["model"].startswith("text-embedding")
    }  # fmt: skip
    assert {key: count for key, count in found.items() if count} == expected
