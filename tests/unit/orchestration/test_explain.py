"""`tco explain`: every level sums to the one above to the last digit, and a wrong name is answered with the right ones."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from rich.console import Console

from ingest.errors import ConfigError
from orchestration.cli_explain import exact, tree
from orchestration.explain import Explanation, explain

NESTED = "rule:help > pool:support > pool:network > driver:even"
RESIDUAL = "rule:help > pool:loop > unallocated: the pools loop keep everything between them"


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """A published folder with 40 charges: nested pools, a residual, a credit and two currencies."""
    folder = tmp_path / "published" / "current"
    folder.mkdir(parents=True)
    con = duckdb.connect(str(folder / "marts.duckdb"))
    con.execute("create table dim_teams as select unnest(['ads', 'search', 'mobile']) as team_id")
    con.execute(
        """create table fct_charges as
        select 'c' || i as charge_key, '2026-10' as billing_period, 'i-[' || i || ']' as resource_id, '' as sku_meter,
            cast(null as varchar) as charge_description, 'Usage' as charge_category,
            cast(i * 1.000000000001 as decimal(38, 18)) as billed_cost, cast(i * 3 as decimal(38, 18)) as effective_cost
        from range(1, 41) r(i)"""
    )
    con.execute(
        f"""create table fct_cost_allocations as
        select charge_key || team_id as allocation_key, charge_key, billing_period, date '2026-10-05' as charge_date,
            case when charge_key = 'c40' then 'EUR' else 'USD' end as billing_currency, 'EC2' as service_name,
            case when charge_key in ('c1', 'c2') then 'direct' else 'shared' end as cost_category, 'shared_pool' as stage,
            '{NESTED}' as allocation_path, team_id, 'help' as rule_id, 'support > network' as pool_path, 'even' as driver,
            cast(part as double) as share, cast(billed_cost * part as decimal(38, 18)) as billed_cost,
            cast(effective_cost * part as decimal(38, 18)) as effective_cost
        from fct_charges, (values ('ads', 0.25::decimal(3, 2)), ('search', 0.75::decimal(3, 2))) as t(team_id, part)"""
    )
    con.execute(
        f"""insert into fct_cost_allocations by name
        select 'r' as allocation_key, 'c3' as charge_key, '2026-10' as billing_period, date '2026-10-05' as charge_date,
            'USD' as billing_currency, 'EC2' as service_name, 'unallocated' as cost_category, 'residual' as stage,
            '{RESIDUAL}' as allocation_path, 'unallocated' as team_id, 'help' as rule_id, 'loop' as pool_path, 'none' as driver,
            1.0 as share, -7 as billed_cost, -7 as effective_cost"""
    )
    con.close()
    return folder.parent


@pytest.mark.parametrize("basis", ["billed", "effective"])
def test_every_level_sums_to_the_one_above(published: Path, basis: str) -> None:
    dollars: Explanation
    euros, dollars = explain(published, "ads", "2026-10", basis=basis, top=3)
    assert (euros.currency, dollars.currency) == ("EUR", "USD")
    for part in (euros, dollars):
        assert part.amount == sum(category.amount for category in part.categories)
        for category in part.categories:
            assert category.amount == sum(path.amount for path in category.paths)
            for path in category.paths:
                assert path.amount == sum((line.amount for line in path.lines), Decimal(0)) + path.rest
    con = duckdb.connect(str(published / "current" / "marts.duckdb"), read_only=True)
    ledger = con.execute(
        f"select sum({basis}_cost) from fct_cost_allocations where team_id = 'ads' and billing_currency = 'USD'"
    ).fetchone()
    assert ledger == (dollars.amount,)


def test_a_path_lists_its_largest_charges_and_counts_the_rest(published: Path) -> None:
    _, dollars = explain(published, "ads", "2026-10", category="shared", top=3)
    (shared,) = dollars.categories
    (path,) = shared.paths
    assert path.path == NESTED
    assert [line.amount for line in path.lines] == [Decimal("29.25"), Decimal("28.5"), Decimal("27.75")]
    assert (path.rest_count, path.rest) == (34, Decimal("497.25"))
    assert (path.lines[0].what, path.lines[0].share, path.lines[0].charge_amount) == ("i-[39]", 0.25, Decimal(117))


def test_the_tree_shows_amounts_paths_and_the_rest(published: Path) -> None:
    console = Console(width=150, record=True, file=(published / "out.txt").open("w"))
    for part in explain(published, "unallocated", "2026-10") + explain(published, "ads", "2026-10", top=1):
        console.print(tree(part, title="what"))
    said = console.export_text()
    assert "what  -7.00 USD" in said and RESIDUAL in said
    assert "2026-10-05 EC2 i-[39]  29.25  25.0000% of 117.00" in said
    assert "and 36 more lines summing to 553.50" in said


def test_amounts_keep_all_their_digits() -> None:
    assert exact(Decimal("1234567.100000000001000000")) == "1,234,567.100000000001"
    assert exact(Decimal("-3.000000000000000000")) == "-3.00"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"team": "nobody"}, "ads, mobile, search, unallocated"),
        ({"month": "2026-11"}, "2026-10"),
        ({"month": "October"}, "2026-10"),
        ({"team": "mobile"}, "pays nothing"),
        ({"category": "gpu"}, "direct, shared"),
        ({"basis": "list"}, "billed or effective"),
    ],
)
def test_a_wrong_name_is_answered_with_the_right_ones(published: Path, arguments: dict[str, str], said: str) -> None:
    wanted = {"team": "ads", "month": "2026-10"} | arguments
    with pytest.raises(ConfigError, match=said):
        explain(published, **wanted)


def test_nothing_published_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nothing is published"):
        explain(tmp_path, "ads", "2026-10")
