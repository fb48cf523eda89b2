"""Conservation of the allocation cascade over random charges, rules, pools, telemetry and signs.

The queries under test are the compiled dbt models themselves; the residual of every hop must be exactly 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.dbt.compiled import DBT_PROJECT, CompiledModels, column_types, run_dbt, warehouse

CASES = 1000
TEAMS = ("ads", "search", "platform")
PERIODS = ("2026-09", "2026-10")
CURRENCIES = ("USD", "EUR")
POOLS = {
    "gpu": "gpu", "api": "api", "even": "even", "fixed": "fixed", "prop": "proportional", "hours": "metric", "tok": "metric",
}
CASCADE = (
    "int_charges_matched", "int_allocations_direct", "int_allocations_gpu", "int_allocations_idle", "int_api_usage_weights",
    "int_allocations_api", "int_pool_weights", "int_allocations_shared", "int_cost_allocations",
)
LEDGER = ("fct_cost_allocations", "fct_chargeback")
STATES = ("unobserved", "unallocated", "standby", "loading", "warm_idle", "under_utilised", "productive")
SEEDS = {
    "teams": "team_id varchar",
    "instance_types": "instance_type varchar",
    "rules": """rule_id varchar, priority integer, valid_from date, valid_to date, match_field varchar, match_key varchar,
        match_type varchar, match_value varchar, target_type varchar, target varchar, share decimal(18, 12), product varchar""",
    "pools": "pool_id varchar, driver varchar, metric varchar, cost_category varchar",
    "pool_shares": "pool_id varchar, team_id varchar, share decimal(18, 12)",
}
USAGE_COLUMNS = """source varchar, service_provider_name varchar, charge_date date, account_id varchar, api_key_id varchar,
    team_id varchar, model_raw varchar, model_id varchar, deployment_id varchar, input_uncached_tokens bigint,
    cache_read_tokens bigint, cache_write_5m_tokens bigint, cache_write_30m_tokens bigint, cache_write_1h_tokens bigint,
    output_tokens bigint, total_tokens bigint, requests bigint, list_cost decimal(38, 18), is_primary boolean"""

money = st.decimals(min_value="-99999", max_value="99999", places=9, allow_nan=False).map(lambda value: value + 0)
weight_cost = st.decimals(min_value="-1", max_value="50", places=12, allow_nan=False)
shares = st.sampled_from([("1",), ("0.5", "0.5"), ("0.333333333333", "0.666666666667"), ("0.1", "0.2", "0.7")])
day = st.sampled_from([date(2026, 9, 30), date(2026, 10, 1), date(2026, 10, 2)])


@dataclass(frozen=True)
class World:
    """One random company: rows for the tables the cascade reads."""

    charges: list[dict]
    rules: list[dict]
    gpu_hours: list[dict]
    usage: list[dict]


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Random charges of two periods and currencies, rules of every kind, GPU states and API usage."""
    charges = [
        {
            "charge_key": f"c{number}",
            "billing_period": draw(st.sampled_from(PERIODS)),
            "charge_date": draw(day),
            "service_provider_name": draw(st.sampled_from(["AWS", "OpenAI"])),
            "service_name": draw(st.sampled_from(["a", "b", "c_d", "c%d"])),
            "charge_category": draw(st.sampled_from(["Usage", "Tax", "Credit", "Purchase", "Adjustment"])),
            "resource_id": draw(st.sampled_from([None, "arn:x/i-1", "i-2"])),
            "x_instance_type": draw(st.sampled_from([None, "g5.xlarge"])),
            "x_project_id": draw(st.sampled_from([None, "p1"])),
            "x_model": draw(st.sampled_from([None, "m1"])),
            "x_token_type": draw(st.sampled_from([None, "output", "uncached_input"])),
            "tags": draw(st.sampled_from([None, '{"team":"Ads"}', '{"team":"nobody"}', '{"env":"x","team":"search"}'])),
            "billing_currency": draw(st.sampled_from(CURRENCIES)),
            "x_evidence": "invoiced",
            "billed_cost": draw(money),
            "effective_cost": draw(money),
        }
        for number in range(draw(st.integers(1, 6)))
    ]
    rules: list[dict] = []
    for number in range(draw(st.integers(0, 5))):
        field, key, kind, value = draw(st.sampled_from([
            ("tag", "team", "passthrough", None), ("service", None, "wildcard", "c_*"), ("service", None, "prefix", "a"),
            ("provider", None, "any", None), ("charge_category", None, "exact", "Tax"), ("gpu_node", None, "any", None),
            ("provider", None, "exact", "OpenAI"), ("project", None, "exact", "p1"),
        ]))
        head = {
            "rule_id": f"r{number}", "priority": draw(st.integers(0, 2)), "valid_from": draw(day), "valid_to": None,
            "match_field": field, "match_key": key, "match_type": kind, "match_value": value,
        }
        if kind == "passthrough":
            rules.append(head | {"target_type": "team", "target": "{value}", "share": Decimal(1)})
        elif draw(st.booleans()):
            rules.append(head | {"target_type": "pool", "target": draw(st.sampled_from(sorted(POOLS))), "share": Decimal(1)})
        else:
            parts = draw(shares)
            rules += [
                head | {"target_type": "team", "target": team, "share": Decimal(part)}
                for team, part in zip(TEAMS, parts, strict=False)
            ]
    gpu_hours = [
        {
            "resource_id": draw(st.sampled_from(["i-1", "i-2"])), "charge_date": draw(day), "state": draw(st.sampled_from(STATES)),
            "team_id": draw(st.sampled_from([None, "ads", "search"])), "namespace": draw(st.sampled_from([None, "n"])),
            "seconds": draw(st.decimals("0.000001", "3600", places=6)), "billed_cost": draw(weight_cost),
            "effective_cost": draw(weight_cost),
        }
        for _ in range(draw(st.integers(0, 6)))
    ]
    usage = [
        {
            "source": "openai", "service_provider_name": "OpenAI", "charge_date": draw(day),
            "account_id": draw(st.sampled_from([None, "p1"])), "api_key_id": draw(st.sampled_from([None, "k1", "k2"])),
            "team_id": draw(st.sampled_from([None, "ads", "search"])), "model_raw": "m1", "model_id": "openai/m1",
            "input_uncached_tokens": draw(st.integers(0, 10**9)), "output_tokens": draw(st.integers(0, 10**6)),
            "total_tokens": draw(st.integers(0, 10**9)), "requests": 1,
            "list_cost": draw(st.sampled_from([None, Decimal("0.000001"), Decimal("12.5")])), "is_primary": True,
        }
        for _ in range(draw(st.integers(0, 4)))
    ]
    return World(charges, rules, gpu_hours, usage)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> CompiledModels:
    """The dbt project, compiled against an empty warehouse."""
    home = tmp_path_factory.mktemp("dbt")
    done = run_dbt(home, "compile")
    assert done.returncode == 0, done.stdout[-2000:]
    return CompiledModels(home / "target")


@pytest.fixture(scope="module")
def database(models: CompiledModels) -> duckdb.DuckDBPyConnection:
    """The tables the cascade reads, empty, in the marts' own column types, and the prepared cascade."""
    con = warehouse()
    con.execute("set threads = 1")
    # a prepared plan must not rely on statistics of the tables as they were when it was planned: they were empty
    con.execute("set disabled_optimizers = 'statistics_propagation, compressed_materialization'")
    for name, columns in SEEDS.items():
        con.execute(f"create table warehouse.seeds.{name} ({columns})")
    con.executemany("insert into warehouse.seeds.teams values (?)", [[team] for team in TEAMS])
    con.execute("insert into warehouse.seeds.instance_types values ('g5.xlarge')")
    for pool, driver in POOLS.items():
        metric = {"hours": "gpu_hours", "tok": "tokens"}.get(pool)
        con.execute("insert into warehouse.seeds.pools values (?, ?, ?, 'shared')", [pool, driver, metric])
    con.execute("insert into warehouse.seeds.pool_shares values ('even', 'ads', null), ('even', 'search', null)")
    con.execute("insert into warehouse.seeds.pool_shares values ('fixed', 'ads', 0.3), ('fixed', 'platform', 0.7)")
    for folder, schema, name in (("intermediate/charges", "intermediate", "int_charges"), ("marts/gpu", "marts", "fct_gpu_hours")):
        types = column_types(DBT_PROJECT / "models" / folder / f"{name}.yml")
        con.execute(f"create table warehouse.{schema}.{name} ({', '.join(f'{c} {t}' for c, t in types.items())})")
    con.execute(f"create table warehouse.marts.fct_token_usage ({USAGE_COLUMNS})")
    for name in CASCADE:
        models.prepare(con, name, schema="intermediate")
    for name in LEDGER:
        models.prepare(con, name, schema="marts")
    return con


def fill(con: duckdb.DuckDBPyConnection, table: str, rows: list[dict]) -> None:
    """Replaces the rows of a table."""
    con.execute(f"delete from warehouse.{table}")
    if not rows:
        return
    names = sorted({name for row in rows for name in row})
    places = ", ".join("(" + ", ".join("?" * len(names)) + ")" for _ in rows)
    con.execute(
        f"insert into warehouse.{table} ({', '.join(names)}) values {places}", [row.get(name) for row in rows for name in names]
    )


@settings(max_examples=CASES, deadline=None, suppress_health_check=list(HealthCheck))
@given(world=worlds())
def test_cascade_leaves_no_residual_at_any_hop(
    models: CompiledModels, database: duckdb.DuckDBPyConnection, world: World
) -> None:
    fill(database, "intermediate.int_charges", world.charges)
    fill(database, "seeds.rules", world.rules)
    fill(database, "marts.fct_gpu_hours", world.gpu_hours)
    fill(database, "marts.fct_token_usage", world.usage)
    for name in CASCADE:
        models.refill(database, name, schema="intermediate")
    for name in LEDGER:
        models.refill(database, name, schema="marts")

    parts = dict(
        (key, (billed, effective))
        for key, billed, effective in database.execute(
            "select charge_key, sum(billed_cost), sum(effective_cost) from warehouse.marts.fct_cost_allocations group by 1"
        ).fetchall()
    )
    assert parts == {c["charge_key"]: (c["billed_cost"], c["effective_cost"]) for c in world.charges}
    expected = sum((charge["billed_cost"] for charge in world.charges), Decimal(0))
    posted = database.execute(
        "select sum(amount) from warehouse.marts.fct_chargeback where cost_basis = 'billed'"
    ).fetchone()
    assert posted == (expected,)
