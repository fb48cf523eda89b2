"""Scenarios that change one driver show in that driver; the drivers sum to the change exactly, in any order of factors.

The queries under test are the compiled dbt models themselves.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from decimal import Decimal, localcontext

import duckdb
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.dbt.compiled import CompiledModels, run_dbt, warehouse
from tests.dbt.two_months import Month, create_marts, fill

STEPS = (
    "int_cost_change_lines", "int_cost_change_usages", "int_cost_change_sides", "int_cost_change_fx", "int_cost_change_parts",
    "int_cost_change_token_parts",
)
MODELS = (*STEPS, "fct_cost_changes")
BASE = Month()
SCENARIOS: dict[str, tuple[dict, str]] = {
    "more requests": ({"requests": {"small": 1300.0, "large": 650.0}}, "requests"),
    "requests end": ({"requests": {}}, "requests"),
    "longer calls": ({"tokens_per_call": 5000.0}, "tokens_per_request"),
    "more output": ({"output_share": 0.4}, "input_output_mix"),
    "larger model": ({"requests": {"small": 500.0, "large": 1000.0}}, "model_mix"),
    "one model only": ({"requests": {"large": 1500.0}}, "model_mix"),
    "new model": ({"requests": {"small": 800.0, "large": 500.0, "tiny": 200.0}}, "model_mix"),
    "api list price": ({"api_price": 1.25}, "list_price"),
    "api discount": ({"api_discount": 0.7}, "discount_or_commitment"),
    "fewer cache hits": ({"cached_share": 0.05}, "cache_hit_rate"),
    "no cache hits": ({"cached_share": 0.0}, "cache_hit_rate"),
    "more retries": ({"calls_per_request": 1.5}, "retries"),
    "busy without work": ({"under_utilised_hours": 250.0}, "gpu_utilisation"),
    "more idle": ({"idle_hours": 200.0}, "idle"),
    "no idle": ({"idle_hours": 0.0}, "idle"),
    "more gpu work": ({"productive_hours": 600.0, "under_utilised_hours": 200.0}, "usage_volume"),
    "gpu list price": ({"gpu_price": 5.0}, "list_price"),
    "better plan": ({"gpu_discount": 0.5}, "discount_or_commitment"),
    "plan unused": ({"unused_commitment": 90.0}, "discount_or_commitment"),
    "more storage": ({"bucket_gb": 900.0}, "usage_volume"),
    "storage price": ({"gb_price": 0.03}, "list_price"),
    "pool grows": ({"support": 400.0}, "shared_pool_cost"),
    "pool turns negative": ({"support": -50.0}, "shared_pool_cost"),
    "pool ends": ({"support": 0.0}, "shared_pool_cost"),
    "other key": ({"ads_share": 0.7}, "allocation_key"),
    "rule edited": ({"bucket_team": "search", "bucket_rule": "r2"}, "rule_or_team_change"),
    "resource retagged": ({"bucket_team": "search", "bucket_tags": '{"team":"search"}'}, "rule_or_team_change"),
    "dearer dollar": ({"euros_per_dollar": 1.0}, "fx"),
    "euro usage": ({"euro_gb": 250.0}, "usage_volume"),
    "larger credit": ({"credit": -30.0}, "fees_credits_and_tax"),
    "credit ends": ({"credit": 0.0}, "fees_credits_and_tax"),
    "correction of a closed month": ({"adjustment": -15.0}, "adjustments"),
}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> CompiledModels:
    """The models of the comparison, compiled against an empty warehouse."""
    home = tmp_path_factory.mktemp("dbt")
    done = run_dbt(home, "compile", "--select", *MODELS)
    assert done.returncode == 0, done.stdout[-2000:]
    return CompiledModels(home / "target")


@pytest.fixture(scope="module")
def database(models: CompiledModels) -> duckdb.DuckDBPyConnection:
    """The marts, empty, and the prepared comparison."""
    con = warehouse()
    con.execute("set threads = 1")
    con.execute("set disabled_optimizers = 'statistics_propagation, compressed_materialization'")
    create_marts(con)
    fill(con, (BASE, BASE))
    for name in MODELS:
        models.prepare(con, name, schema=schema_of(name))
    return con


def schema_of(model: str) -> str:
    return "marts" if model.startswith("fct_") else "intermediate"


Changes = dict[tuple[str, str], dict[str, Decimal]]


def explained(con: duckdb.DuckDBPyConnection) -> Changes:
    """(team, currency) -> driver -> amount."""
    found: Changes = {}
    rows = con.execute("select team_id, billing_currency, driver, amount from warehouse.marts.fct_cost_changes").fetchall()
    for team, currency, driver, amount in rows:
        found.setdefault((team, currency), {})[driver] = amount
    return found


def compared(models: CompiledModels, con: duckdb.DuckDBPyConnection, months: tuple[Month, Month]) -> Changes:
    fill(con, months)
    for name in MODELS:
        models.refill(con, name, schema=schema_of(name))
    return explained(con)


def exact_sum(drivers: dict[str, Decimal]) -> Decimal:
    """The sum to the last of 18 places; Python's own arithmetic rounds to 28 digits."""
    with localcontext(prec=60):
        return sum(drivers.values(), Decimal(0))


def differences(con: duckdb.DuckDBPyConnection) -> dict[tuple[str, str], Decimal]:
    """What the ledger says each team's cost changed by."""
    rows = con.execute("""
        select team_id, billing_currency,
            sum(case when billing_period = '2026-10' then effective_cost else -effective_cost end)
        from warehouse.marts.fct_cost_allocations group by all
    """).fetchall()
    return {(team, currency): amount for team, currency, amount in rows if amount}


@pytest.mark.parametrize("direction", ["forwards", "backwards"])
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_one_changed_driver_explains_the_change(models, database, scenario, direction):
    changed, driver = SCENARIOS[scenario]
    months = (BASE, replace(BASE, **changed))
    found = compared(models, database, months if direction == "forwards" else months[::-1])
    expected = differences(database)
    assert expected and {key: exact_sum(drivers) for key, drivers in found.items() if any(drivers.values())} == expected
    for key, change in expected.items():
        assert abs(found[key].get(driver, 0) - change) <= abs(change) / 100, (key, found[key])
        assert sum(abs(amount) for name, amount in found[key].items() if name != driver) <= abs(change) / 100


def test_an_unchanged_month_has_no_drivers(models, database):
    assert compared(models, database, (BASE, BASE)) == {}


def test_a_month_without_a_month_before_has_no_rows(models, database):
    fill(database, (BASE, BASE))
    for mart in ("fct_charges", "fct_cost_allocations", "fct_token_usage"):
        database.execute(f"delete from warehouse.marts.{mart} where billing_period = '2026-09'")
    for name in MODELS:
        models.refill(database, name, schema=schema_of(name))
    assert explained(database) == {}


shares = st.floats(0, 1)
counts = st.floats(0, 5000)
amounts = st.floats(-500, 500)
any_month = st.builds(
    Month,
    requests=st.dictionaries(st.sampled_from(["small", "large", "tiny"]), st.integers(1, 5000).map(float)),
    calls_per_request=st.floats(1, 2), tokens_per_call=st.floats(10, 9000), output_share=shares, cached_share=shares,
    api_price=st.floats(0.1, 3), api_discount=st.floats(0, 2), productive_hours=counts, under_utilised_hours=counts,
    idle_hours=counts, gpu_price=st.floats(0, 9), gpu_discount=st.floats(0, 1.5), bucket_gb=counts, gb_price=st.floats(0, 1),
    bucket_team=st.sampled_from(["ads", "search"]), bucket_rule=st.sampled_from(["r1", "r2"]), support=amounts,
    ads_share=st.floats(-1, 2), euro_gb=counts, euros_per_dollar=st.floats(0.5, 2), unused_commitment=st.floats(0, 100),
    credit=amounts, adjustment=amounts,
)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
@given(before=any_month, now=any_month)
def test_drivers_sum_to_the_change_whatever_happens(models, database, before, now):
    found = compared(models, database, (before, now))
    expected = differences(database)
    sums = {key: exact_sum(drivers) for key, drivers in found.items()}
    assert {key: amount for key, amount in sums.items() if amount} == expected


BUSY = replace(
    BASE, requests={"small": 700.0, "large": 900.0}, calls_per_request=1.1, tokens_per_call=5200.0, output_share=0.3,
    cached_share=0.5, api_price=1.1, api_discount=0.8, productive_hours=250.0, under_utilised_hours=190.0, idle_hours=30.0,
    gpu_price=4.5, gpu_discount=0.6, bucket_gb=800.0, gb_price=0.02, support=300.0, ads_share=0.5, euros_per_dollar=1.0,
    bucket_team="search", credit=-2.0, adjustment=3.0,
)


def test_the_order_of_the_factors_changes_nothing(models, database):
    found = compared(models, database, (BASE, BUSY))
    for order in ("list_reverse(factors)", "list_concat(factors[3:], factors[:2])", "list_sort(factors)"):
        for name in ("int_cost_change_parts", "int_cost_change_token_parts"):
            models.refill(database, name, schema="intermediate")
            database.execute(f"update warehouse.intermediate.{name} set factors = {order}")
        models.refill(database, "fct_cost_changes", schema="marts")
        shuffled = explained(database)
        assert {key: set(drivers) for key, drivers in shuffled.items()} == {key: set(drivers) for key, drivers in found.items()}
        for key, drivers in shuffled.items():
            assert exact_sum(drivers) == exact_sum(found[key])
            assert all(abs(amount - found[key][driver]) < Decimal("1e-9") for driver, amount in drivers.items())


def test_the_amounts_are_shapley_values(models, database):
    """Against the definition: the mean over all orders in which the factors change one after the other."""
    found = compared(models, database, (BASE, BUSY))[("ads", "USD")]
    sums: dict[str, float] = {}
    for name in ("int_cost_change_parts", "int_cost_change_token_parts"):
        rows = database.execute(
            f"select factors from warehouse.intermediate.{name} where team_id = 'ads' and billing_currency = 'USD'"
        ).fetchall()
        for (factors,) in rows:
            for driver, amount in shapley(factors):
                sums[driver] = sums.get(driver, 0.0) + amount
    assert {driver for driver, amount in sums.items() if abs(amount) > 1e-9} == set(found)
    assert all(math.isclose(sums[driver], float(amount), rel_tol=1e-9, abs_tol=1e-9) for driver, amount in found.items())


def shapley(factors: list[dict]) -> list[tuple[str, float]]:
    """Shapley values of a product by coalitions of the other factors."""
    count = len(factors)
    found = []
    for own, factor in enumerate(factors):
        others = factors[:own] + factors[own + 1 :]
        total = 0.0
        for moved in itertools.product((False, True), repeat=count - 1):
            size = sum(moved)
            weight = math.factorial(size) * math.factorial(count - 1 - size) / math.factorial(count)
            total += weight * math.prod(
                item["now"] if has_moved else item["before"] for item, has_moved in zip(others, moved, strict=True)
            )
        found.append((factor["driver"], (factor["now"] - factor["before"]) * total))
    return found
