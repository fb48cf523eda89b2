"""The generator's facts agree with the repository's seeds, and the sample contains what it promises."""

from __future__ import annotations

import csv
import json
from collections import Counter, defaultdict
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.synthetic.api_traffic import MOVED_KEY, MOVED_ON, TRAFFIC, UNKNOWN_MODEL, gateway_key, team_of
from ingest.synthetic.aws_focus import SPLIT_ACCOUNT, SPLIT_SHARES
from ingest.synthetic.company import NODES, PODS, TEAMS, UNALLOCATED
from ingest.synthetic.ledger import OBSERVABILITY_SHARES, Amount, MonthLedger
from tests.unit.synthetic.deliveries import cur, pages, results, series, truth

SEEDS = Path(__file__).parents[3] / "seeds"


def _seed(name: str) -> list[dict[str, str]]:
    with (SEEDS / name).open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_teams_and_shares_are_the_seeds() -> None:
    assert tuple(row["team_id"] for row in _seed("allocation/teams.csv")) == TEAMS
    shares = {
        row["target"]: Fraction(row["share"]) for row in _seed("allocation/pool_shares.csv") if row["pool_id"] == "observability"
    }
    assert shares == OBSERVABILITY_SHARES
    split = {
        row["target"]: row["share"]
        for row in _seed("allocation/rules.csv")
        if row["match_field"] == "sub_account" and row["match_value"] == SPLIT_ACCOUNT
    }
    assert split == SPLIT_SHARES


def test_rule_shares_sum_to_one_and_name_known_targets() -> None:
    pools = {row["pool_id"] for row in _seed("allocation/pools.csv")}
    sums: dict[str, Fraction] = defaultdict(Fraction)
    for row in _seed("allocation/rules.csv"):
        sums[row["rule_id"]] += Fraction(row["share"])
        assert row["target"] in (pools if row["target_type"] == "pool" else {*TEAMS, "{value}"})
    assert set(sums.values()) == {Fraction(1)}


def test_pods_belong_to_the_workloads_of_the_seed() -> None:
    workloads = _seed("allocation/workloads.csv")
    for pod in PODS:
        matches = [row for row in workloads if row["namespace"] == pod.namespace and pod.stem.startswith(row["pod_prefix"])]
        if pod.team == UNALLOCATED:
            assert not matches
            continue
        best = max(matches, key=lambda row: len(row["pod_prefix"]))
        assert (best["deployment_id"], best["team_id"]) == (pod.deployment, pod.team)
        assert (best["role"] == "standby") == pod.is_standby


def test_nodes_are_mapped_and_of_known_types() -> None:
    mapped = {row["hostname"]: row["provider_resource_id"] for row in _seed("gpu/node_map.csv")}
    types = {row["instance_type"]: row for row in _seed("gpu/instance_types.csv") if row["provider"] == "aws"}
    for node in NODES:
        assert mapped.get(node.hostname, node.hostname) == node.instance_id
        assert int(Decimal(types[node.instance_type]["gpu_count"])) == node.gpus
        assert types[node.instance_type]["gpu_model"] == node.gpu_model


def test_keys_belong_to_the_teams_of_the_seed() -> None:
    owners = defaultdict(list)
    for row in _seed("allocation/api_keys.csv"):
        owners[row["provider"], row["api_key_id"]].append(row)
    for stream in TRAFFIC:
        rows = owners.get((stream.provider, stream.key or ""), [])
        if stream.key == MOVED_KEY:
            first, second = sorted(rows, key=lambda row: row["valid_from"])
            assert first["valid_to"] == second["valid_from"] == str(MOVED_ON)
            assert second["team_id"] == team_of(stream, MOVED_ON)
        assert (rows[0]["team_id"] if rows else UNALLOCATED) == stream.team
        if stream.gateway:
            assert owners["litellm", gateway_key(stream.gateway)][0]["team_id"] == stream.team


def test_unknown_model_has_no_price_but_a_cost(sample: Path) -> None:
    assert UNKNOWN_MODEL not in {row["model"] for row in _seed("prices/token_prices.csv")}
    lines = [item for item in results(sample, "openai/costs_2026-10*.json") if UNKNOWN_MODEL in item["line_item"]]
    [row] = [row for row in truth(sample, "unpriced") if row["billing_period"] == "2026-10"]
    assert sum(item["amount"]["value"] for item in lines) == Decimal(row["reported_cost"]) > 0


def test_pages_chain_and_cover_every_day(sample: Path) -> None:
    for pattern in ("openai/usage_completions_2026-10*.json", "anthropic/cost_report_2026-10*.json"):
        chain = pages(sample, pattern)
        assert [page["has_more"] for page in chain] == [True, False]
        assert sum(len(page["data"]) for page in chain) == 31


def test_gateway_log_has_failures_retries_and_cache_hits(sample: Path) -> None:
    kinds: Counter[str] = Counter()
    for path in sorted((sample / "litellm").glob("spend_logs_2026-10-*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            kinds[row["status"]] += 1
            kinds["retried"] += row["metadata"]["attempted_retries"] > 0
            kinds["cached"] += row["cache_hit"] == "True"
            assert row["prompt_tokens"] + row["completion_tokens"] == row["total_tokens"]
    assert min(kinds[name] for name in ("success", "failure", "retried", "cached")) > 10


def test_bill_has_every_kind_of_line(sample: Path) -> None:
    kinds = {kind for (kind,) in cur(sample, "2026-10", "select distinct line_item_line_item_type from lines")}
    assert kinds == {
        "Usage", "SavingsPlanCoveredUsage", "SavingsPlanNegation", "SavingsPlanRecurringFee", "Fee", "Tax",
        "Credit", "Refund",
    }  # fmt: skip
    states = {row["state"] for row in truth(sample, "gpu_states")}
    assert states == {
        "unobserved", "unallocated", "standby", "loading", "warm_idle", "under_utilised", "productive",
    }  # fmt: skip


def test_exporter_labels_are_not_the_workload(sample: Path) -> None:
    labels, _ = next(item for item in series(sample, "2026-10", "dcgm.json") if "exported_pod" in item[0])
    assert labels["namespace"] == "monitoring"
    assert labels["exported_namespace"] != "monitoring"
    assert {"UUID", "Hostname", "modelName", "gpu", "exported_container"} <= set(labels)


amounts = st.fractions(min_value=-1000, max_value=1000, max_denominator=10**6)
teams = st.sampled_from([*TEAMS, UNALLOCATED])


@settings(max_examples=300, deadline=None)
@given(
    charges=st.lists(st.tuples(teams, amounts, amounts), max_size=12),
    pools=st.lists(
        st.tuples(
            st.sampled_from(["tax", "storage", "network", "observability", "commitment_fee"]),
            amounts,
            amounts,
        ),
        max_size=8,
    ),
    hours=st.dictionaries(teams, st.fractions(min_value=0, max_value=100), max_size=5),
)
def test_ledger_conserves_every_amount(charges: list, pools: list, hours: dict[str, Fraction]) -> None:
    ledger = MonthLedger()
    ledger.gpu_seconds.update(hours)
    given_out = Amount()
    for team, billed, effective in charges:
        ledger.charge(team, "direct", Amount(billed=billed, effective=effective))
        given_out += Amount(billed=billed, effective=effective)
    for pool, billed, effective in pools:
        ledger.to_pool(pool, Amount(billed=billed, effective=effective))
        given_out += Amount(billed=billed, effective=effective)
    assert sum(ledger.close().values(), Amount()) == given_out
