"""Conservation of the allocation cascade over random charges, rules, nested pools, telemetry, commitments and signs.

The queries under test are the compiled dbt models themselves; the residual of every hop must be exactly 0. The worlds of one
example share a round trip (allocation_worlds), because a query costs the same for one world as for fifty.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import duckdb
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestration.dbt_functions import register_functions
from orchestration.pool_solver import Edge, solve
from tests.dbt.allocation_worlds import DRIVERS, TEAMS, Rows, World, together, worlds
from tests.dbt.compiled import DBT_PROJECT, CompiledModels, column_types, run_dbt, warehouse
from tests.dbt.seed_tables import create_seeds

EXAMPLES, WORLDS = 50, 25
"""Examples of the property test and random worlds in each: 1,250 cases, half of them with commitment_policy spread."""
CASCADE = (
    "int_charges_matched", "int_allocations_direct", "int_allocations_gpu", "int_allocations_idle", "int_api_usage_weights",
    "int_allocations_api", "int_pool_weights", "int_allocations_shared", "int_allocations_commitment", "int_cost_allocations",
)  # fmt: skip
CHARGES_TO_STAGES = """
    with stages as (
        select charge_key, billed_cost, effective_cost from warehouse.intermediate.int_allocations_direct
        union all
        select charge_key, billed_cost, effective_cost from warehouse.intermediate.int_allocations_gpu
        union all
        select charge_key, billed_cost, effective_cost from warehouse.intermediate.int_allocations_api
        union all
        select charge_key, billed_cost, effective_cost from warehouse.intermediate.int_allocations_shared
    ),
    parts as (select charge_key, sum(billed_cost) as billed, sum(effective_cost) as effective from stages group by all)
    select * from warehouse.intermediate.int_charges as charges
    full outer join parts on charges.charge_key = parts.charge_key
    where charges.billed_cost is distinct from parts.billed or charges.effective_cost is distinct from parts.effective
"""
STAGES_TO_LEDGER = """
    with parts as (
        select charge_key, sum(billed_cost) as billed, sum(effective_cost) as effective
        from warehouse.intermediate.int_cost_allocations
        group by all
    )
    select * from warehouse.intermediate.int_charges as charges
    full outer join parts on charges.charge_key = parts.charge_key
    where charges.billed_cost is distinct from parts.billed or charges.effective_cost is distinct from parts.effective
"""
POOLS_TO_TEAMS = """
    select billing_period, billing_currency, pool_segment, pool_id, rule_id, min(low), max(high), count(*),
        sum(weight), any_value(total_weight)
    from warehouse.intermediate.int_pool_weights
    group by all
    having min(low) != 0 or max(high) != 1 or sum(weight) != any_value(total_weight)
        or bool_or(weight <= 0 or low > high or team_id is null)
"""
SPREAD_CANCELS = """
    select charge_key, sum(effective_cost), sum(billed_cost) from warehouse.intermediate.int_allocations_commitment
    group by all
    having sum(effective_cost) != 0 or sum(billed_cost) != 0
"""
TWICE = "select allocation_key from warehouse.intermediate.int_cost_allocations group by all having count(*) > 1"
HOPS = {
    "charges to stages": CHARGES_TO_STAGES, "pools to teams": POOLS_TO_TEAMS, "commitment spread": SPREAD_CANCELS,
    "stages to ledger": STAGES_TO_LEDGER, "one key a row": TWICE,
}  # fmt: skip


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> CompiledModels:
    """The dbt project, compiled against an empty warehouse."""
    return compiled(tmp_path_factory, "as_billed")


@pytest.fixture(scope="module")
def spreading(tmp_path_factory: pytest.TempPathFactory) -> CompiledModels:
    """The project as commitment_policy spread compiles it."""
    return compiled(tmp_path_factory, "spread")


def compiled(tmp_path_factory: pytest.TempPathFactory, policy: str) -> CompiledModels:
    """The allocation stages of a commitment policy."""
    home = tmp_path_factory.mktemp("dbt")
    chosen = f'{{"commitment_policy": "{policy}"}}'
    done = run_dbt(home, "compile", "--select", "path:models/intermediate/allocation", "--vars", chosen)
    assert done.returncode == 0, done.stdout[-2000:]
    return CompiledModels(home / "target")


@pytest.fixture(scope="module")
def database(models: CompiledModels, spreading: CompiledModels) -> duckdb.DuckDBPyConnection:
    """The tables the cascade reads, empty, in the marts' own column types."""
    con = warehouse()
    con.execute("set threads = 1")
    # a prepared plan must not rely on statistics of the tables as they were when it was planned: they were empty
    con.execute("set disabled_optimizers = 'statistics_propagation, compressed_materialization'")
    register_functions(con)
    create_seeds(con)
    teams = list(zip(TEAMS, COST_CENTERS, strict=True))
    con.executemany("insert into warehouse.seeds.teams (team_id, cost_center) values (?, ?)", teams)
    con.execute("insert into warehouse.seeds.instance_types by name select 'g5.xlarge' as instance_type")
    con.execute("insert into warehouse.seeds.product_teams values ('chat', 'ads', 0.7), ('chat', 'search', 0.3)")
    con.executemany(
        "insert into warehouse.seeds.pools (pool_id, driver, metric, floor, cost_category) values (?, ?, ?, 0.5, 'shared')",
        [[pool, driver, metric] for pool, (driver, metric) in DRIVERS.items()],
    )
    con.execute("insert into warehouse.seeds.pool_tiers values ('f', 0, 1), ('f', 1, 0.25)")
    for path in ("intermediate/charges/int_charges", "marts/gpu/fct_gpu_hours", "marts/usage/fct_token_usage"):
        schema, name = path.split("/")[0], path.split("/")[-1]
        types = column_types(DBT_PROJECT / "models" / f"{path}.yml")
        con.execute(f"create table warehouse.{schema}.{name} ({', '.join(f'{c} {t}' for c, t in types.items())})")
    for name in CASCADE:
        models.prepare(con, name, schema="intermediate")
    con.execute(f"prepare fill_spread as insert into warehouse.intermediate.int_allocations_commitment {spreading.sql(SPREAD)}")
    return con


COST_CENTERS = ("CC-1", "CC-1", "CC-2")
SPREAD = "int_allocations_commitment"


def fill(con: duckdb.DuckDBPyConnection, table: str, rows: Rows) -> None:
    """Replaces the rows of a table."""
    con.execute(f"delete from warehouse.{table}")
    if not rows:
        return
    names = sorted({name for row in rows for name in row})
    places = ", ".join("(" + ", ".join("?" * len(names)) + ")" for _ in rows)
    con.execute(
        f"insert into warehouse.{table} ({', '.join(names)}) values {places}", [row.get(name) for row in rows for name in names]
    )


def cascade(con: duckdb.DuckDBPyConnection, models: CompiledModels, tables: dict[str, Rows], *, policy: str) -> None:
    """Fills the tables and runs every stage."""
    for table, rows in tables.items():
        fill(con, table, rows)
    for name in CASCADE:
        if name == SPREAD and policy == "spread":
            con.execute(f"delete from warehouse.intermediate.{SPREAD}")
            con.execute("execute fill_spread")
        else:
            models.refill(con, name, schema="intermediate")


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(drawn=st.lists(worlds(), min_size=WORLDS, max_size=WORLDS), policy=st.sampled_from(["as_billed", "spread"]))
def test_cascade_leaves_no_residual_at_any_hop(
    models: CompiledModels, database: duckdb.DuckDBPyConnection, drawn: list[World], policy: str
) -> None:
    cascade(database, models, together(drawn), policy=policy)
    for hop, query in HOPS.items():
        assert database.execute(query).fetchall() == [], hop


def edge(pool: str, target: str, weight: str, *, kind: str = "team") -> Edge:
    """An edge of a pool graph."""
    return Edge(pool_id=pool, target_type=kind, target=target, weight=Decimal(weight))


THREE_POOLS = [
    edge("hr", "it", "0.2", kind="pool"), edge("hr", "site", "0.1", kind="pool"),
    edge("hr", "ads", "0.3"), edge("hr", "search", "0.4"),
    edge("it", "hr", "0.1", kind="pool"), edge("it", "site", "0.3", kind="pool"), edge("it", "ads", "0.6"),
    edge("site", "hr", "0.5", kind="pool"), edge("site", "it", "0.25", kind="pool"), edge("site", "search", "0.25"),
]  # fmt: skip


def test_a_cycle_of_three_pools_equals_the_closed_form() -> None:
    # I - A for (hr, it, site) = [[1, -.2, -.1], [-.1, 1, -.3], [-.5, -.25, 1]]; its determinant by hand:
    # 1·(1 - .075) + .2·(-.1 - .15) - .1·(.025 + .5) = .925 - .05 - .0525 = .8225
    # first row of the inverse, by cofactors: hr .925, it .2 + .025 = .225, site .06 + .1 = .16, each over .8225
    # teams: ads = .3 hr + .6 it = .2775 + .135 = .4125; search = .4 hr + .25 site = .37 + .04 = .41; .4125 + .41 = .8225
    reaches = solve(["hr"], THREE_POOLS)
    ends: dict[str | None, Decimal] = {}
    for reach in reaches:
        ends[reach.team_id] = ends.get(reach.team_id, Decimal(0)) + reach.weight
    assert {team: float(weight) for team, weight in ends.items()} == {
        "ads": pytest.approx(0.4125 / 0.8225, rel=1e-15), "search": pytest.approx(0.41 / 0.8225, rel=1e-15),
    }  # fmt: skip
    exact = {("ads", "hr"): Fraction(2775, 8225), ("ads", "it"): Fraction(1350, 8225), ("search", "hr"): Fraction(3700, 8225),
        ("search", "site"): Fraction(400, 8225)}  # fmt: skip
    assert {(r.team_id, r.exit_pool_id): r.weight for r in reaches} == {
        key: (Decimal(part.numerator) / Decimal(part.denominator)).quantize(Decimal("1e-18")) for key, part in exact.items()
    }
    assert {r.pool_path for r in reaches} == {f"hr > (reciprocal) > {end}" for end in ("hr", "it", "site")}


def test_money_in_a_cycle_of_three_pools_ends_as_the_closed_form_says(
    models: CompiledModels, database: duckdb.DuckDBPyConnection
) -> None:
    pools = {"hr": "b", "it": "g", "site": "a"}
    con = database
    con.execute("begin")
    con.execute("update warehouse.seeds.pools set driver = 'fixed' where pool_id in ('a', 'b', 'g')")
    charge = {"charge_key": "x", "billing_period": "2026-10", "charge_date": "2026-10-01", "service_name": "a",
        "charge_category": "Usage", "billing_currency": "USD", "x_evidence": "invoiced",
        "billed_cost": Decimal("-822.5"), "effective_cost": Decimal("8225")}  # fmt: skip
    rule = {"rule_id": "r", "priority": 1, "valid_from": "2020-01-01", "match_field": "service", "match_type": "exact",
        "match_value": "a", "target_type": "pool", "target": pools["hr"], "share": 1}  # fmt: skip
    members = [
        {
            "pool_id": pools[item.pool_id], "target_type": item.target_type, "target": pools.get(item.target, item.target),
            "share": item.weight,
        }
        for item in THREE_POOLS
    ]
    tables = {"intermediate.int_charges": [charge], "seeds.rules": [rule], "seeds.pool_shares": members}
    cascade(con, models, {**tables, "marts.fct_gpu_hours": [], "marts.fct_token_usage": []}, policy="as_billed")
    found = con.execute(
        """select team_id, pool_path, sum(billed_cost), sum(effective_cost)
        from warehouse.intermediate.int_cost_allocations group by all order by all"""
    ).fetchall()
    con.execute("rollback")
    rounded = [(team, path, round(billed, 9), round(effective, 9)) for team, path, billed, effective in found]
    assert sum(row[3] for row in found) == charge["effective_cost"]
    assert rounded == [
        ("ads", "b > (reciprocal) > b", Decimal("-277.5"), Decimal("2775")),
        ("ads", "b > (reciprocal) > g", Decimal("-135"), Decimal("1350")),
        ("search", "b > (reciprocal) > a", Decimal("-40"), Decimal("400")),
        ("search", "b > (reciprocal) > b", Decimal("-370"), Decimal("3700")),
    ]


@settings(max_examples=100, deadline=None)
@given(data=st.data(), size=st.integers(1, 7))
def test_the_solver_agrees_with_numpy(data: st.DataObject, size: int) -> None:
    part = st.integers(0, 9).map(lambda number: Decimal(number) / 10)
    pools = [f"p{number}" for number in range(size)]
    rows = [[data.draw(part) for _ in range(size)] + [Decimal(1) + data.draw(part)] for _ in pools]
    edges = [
        Edge(pool_id=pool, target_type="pool" if place < size else "team", target=[*pools, pool][place], weight=weight)
        for pool, row in zip(pools, rows, strict=True)
        for place, weight in enumerate(row)
        if weight > 0
    ]
    matrix = np.array([[float(value / sum(row)) for value in row] for row in rows])
    ends = np.linalg.inv(np.eye(size) - matrix[:, :size]) * matrix[:, size]
    for number, pool in enumerate(pools):
        solved = {name: 0.0 for name in pools}
        for reach in solve([pool], edges):
            solved[str(reach.team_id)] += float(reach.weight)
        assert list(solved.values()) == pytest.approx(list(ends[number]), abs=1e-12)
