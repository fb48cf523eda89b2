"""Border 2: every rule on the marts passes on the small warehouse and fails on its own fixture."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from orchestration.duck import DuckLimits
from orchestration.quality.mart_gate import RULES, MartsState, check_marts
from orchestration.quality.results import GateReport, RuleResult
from tests.unit.orchestration.small_warehouse import change

LIMITS = DuckLimits(threads=1, memory_limit="500MB")
PERIODS = ("2026-02", "2026-03")

NODES = """
    CREATE SCHEMA intermediate; CREATE SCHEMA seeds;
    CREATE TABLE seeds.instance_types AS SELECT 'p5.4xlarge' AS instance_type, 1.0 AS gpu_count;
    CREATE TABLE intermediate.int_gpu_node_hours AS
    SELECT billing_period, hour_start, resource_id, billing_currency, 'p5.4xlarge' AS x_instance_type,
        CAST(sum(seconds) AS DECIMAL(18, 6)) AS paid_seconds, sum(billed_cost) AS billed_cost,
        sum(effective_cost) AS effective_cost
    FROM marts.fct_gpu_hours GROUP BY ALL;
"""

BROKEN = {
    "lake_money_reaches_charges": (
        "DELETE FROM marts.fct_charges WHERE charge_key = 'k4'",
        "2026-03, USD, billed_cost, aws_main, aws_cur_2_0: delivered 22.75, in fct_charges 24, difference 1.25",
    ),
    "charges_reach_allocations": (
        "DELETE FROM marts.fct_cost_allocations WHERE allocation_key = 'a3'",
        "2026-02, USD, billed: charged 12.500000000000000001, allocated 10.000000000000000001, difference -2.5",
    ),
    "allocations_reach_chargeback": (
        "UPDATE marts.fct_chargeback SET amount = amount + 0.000000000000000001 WHERE team_id = 'ads' AND"
        " cost_basis = 'billed' AND billing_period = '2026-03'",
        "2026-03, USD, billed: allocated 22.75, charged back 22.750000000000000001, difference 0.000000000000000001",
    ),
    "gpu_hours_carry_the_node_cost": (
        "UPDATE marts.fct_gpu_hours SET effective_cost = 0 WHERE state = 'warm_idle'",
        "2026-02, USD, effective: nodes cost 10.000000000000000001, GPU hours carry 5.000000000000000001",
    ),
    "parts_sum_to_their_charge": (
        "UPDATE marts.fct_cost_allocations SET billed_cost = billed_cost + CASE charge_key WHEN 'k3' "
        "THEN 1 ELSE -1 END"
        " WHERE billing_period = '2026-03'",
        "2026-03: charge_key k3",
    ),
    "gpu_states_sum_to_the_paid_hour": (
        "UPDATE marts.fct_gpu_hours SET seconds = 1700 WHERE state = 'warm_idle'",
        "2026-02: i-1 at 2026-02-03 10:00:00: paid 3600",
    ),
    "amounts_are_present": (
        "UPDATE marts.fct_charges SET billing_period = '2026-3' WHERE charge_key = 'k4'",
        "k4",
    ),
    "teams_are_known": (
        "UPDATE marts.fct_gpu_hours SET team_id = 'nobody' WHERE team_id = 'ads'",
        "team_id nobody",
    ),
    "evidence_is_stated": (
        "UPDATE marts.fct_chargeback SET x_evidence = 'guess' WHERE team_id = 'ads'",
        "guess",
    ),
    "usage_is_priced": (
        "UPDATE marts.fct_token_usage SET is_unpriced = true, model_raw = 'gpt-99' WHERE usage_key = 'u2'",
        "2026-03: OpenAI gpt-99",
    ),
    "gpu_time_is_observed": (
        "UPDATE marts.fct_gpu_hours SET state = 'unobserved' WHERE state = 'warm_idle'",
        "2026-02: 0.5 GPU-hours unobserved, 5 effective cost",
    ),
    "gpu_nodes_meet_their_bill": (
        "INSERT INTO marts.fct_unmatched_nodes BY NAME SELECT '2026-03' AS billing_period, 'telemetry_without_bill' AS side,"
        " 'host-1' AS node_id, 12.5 AS gpu_hours, 'r' AS reason, 'h' AS hint",
        "2026-03, telemetry_without_bill: 1 machines, 12.5 GPU-hours: host-1",
    ),
    "cost_has_a_team": ("SELECT 1", "2026-02, USD: 2.5 USD effective cost without a team"),
    "ledger_ties_to_invoices": (
        "UPDATE marts.fct_reconciliation SET is_reconciled = false, gap = 3.5, cause = 'unexplained'"
        " WHERE billing_period = '2026-03'",
        "2026-03, AWS, INV-2026-03: gap 3.5 USD, cause unexplained",
    ),
    "gaps_are_explained": (
        "UPDATE marts.fct_reconciliation_breaks SET is_explained = false, cause = 'unexplained'",
        "2026-03, OpenAI, gateway~provider: 1 gaps without a cause, 2 USD",
    ),
    "bridge_steps_add_up": (
        "UPDATE marts.fct_cost_bridge SET amount = amount + 0.5 WHERE step_no = 1 AND billing_period = '2026-03'",
        "2026-03, USD: charges 22.75, steps 23.25, difference 0.5",
    ),
}


@pytest.fixture
def state(warehouse: Path) -> MartsState:
    change(warehouse, NODES)
    index = warehouse.parent / "index.json"
    loads = [
        {
            "source": "aws_main",
            "dataset": "aws_cur_2_0",
            "partition": period,
            "money": {"USD": {"billed_cost": amount}},
        }
        for period, amount in (("2026-02", "12.500000000000000001"), ("2026-03", "22.75"))
    ]
    index.write_text(json.dumps(loads))
    return MartsState(warehouse=warehouse, lake_index=index, memory=warehouse.parent / "gates" / "marts.json")


def result_of(report: GateReport, rule: str) -> RuleResult:
    return next(result for result in report.results if result.rule == rule)


def test_every_rule_has_a_failing_fixture() -> None:
    assert {rule.name for rule in RULES} == set(BROKEN)


def test_sound_marts_pass(state: MartsState) -> None:
    change(state.warehouse, "UPDATE marts.fct_cost_allocations SET team_id = 'ads' WHERE team_id = 'unallocated'")
    change(state.warehouse, "DROP TABLE marts.fct_chargeback")
    change(
        state.warehouse,
        "CREATE TABLE marts.fct_chargeback AS SELECT billing_period, team_id, cost_category, basis AS "
        "cost_basis,"
        " billing_currency, sum(amount) AS amount, 'invoiced' AS x_evidence FROM (SELECT *, unnest(['billed',"
        " 'effective']) AS basis, unnest([billed_cost, effective_cost]) AS amount FROM "
        "marts.fct_cost_allocations)"
        " GROUP BY ALL",
    )
    report = check_marts(state, periods=PERIODS, limits=LIMITS)
    assert [r.check for r in report.results if r.status != "passed"] == []
    assert report.checked == 2


@pytest.mark.parametrize("rule", BROKEN)
def test_a_broken_rule_says_where_and_how_much(state: MartsState, rule: str) -> None:
    sql, said = BROKEN[rule]
    change(state.warehouse, sql)
    result = result_of(check_marts(state, periods=PERIODS, limits=LIMITS), rule)
    assert result.status == "failed", result.message
    assert said in " ".join(result.examples)
    assert result.fix
    assert result.rows >= 1


@pytest.mark.parametrize("rule", [rule.name for rule in RULES if rule.severity == "warn"])
def test_what_is_unknown_warns_and_does_not_block(state: MartsState, rule: str) -> None:
    change(state.warehouse, BROKEN[rule][0])
    report = check_marts(state, periods=PERIODS, limits=LIMITS)
    assert report.is_passed
    assert rule in {result.rule for result in report.warnings}


def test_a_rule_that_cannot_be_evaluated_is_errored_and_blocks(state: MartsState) -> None:
    change(state.warehouse, "DROP TABLE marts.fct_chargeback")
    report = check_marts(state, periods=PERIODS, limits=LIMITS)
    result = result_of(report, "allocations_reach_chargeback")
    assert result.status == "errored"
    assert "fct_chargeback" in result.message
    assert not report.is_passed


def test_an_untouched_warehouse_is_not_checked_twice(state: MartsState, monkeypatch: pytest.MonkeyPatch) -> None:
    first = check_marts(state, periods=PERIODS, limits=LIMITS)
    refuse: Callable = lambda *args, **kwargs: pytest.fail("read again")  # noqa: E731
    monkeypatch.setattr(duckdb, "connect", refuse)
    assert check_marts(state, periods=(), limits=LIMITS) == first


def test_rows_of_other_periods_are_left_alone(state: MartsState) -> None:
    change(state.warehouse, BROKEN["parts_sum_to_their_charge"][0])
    report = check_marts(state, periods=("2026-02",), limits=LIMITS)
    assert result_of(report, "parts_sum_to_their_charge").status == "passed"
