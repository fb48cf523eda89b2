"""A month that is built again on top of the others leaves every mart of every month as a build from nothing made it.

The sample company over four months: building one of them again touches its neighbour too, whose bill holds usage of it, and
leaves two alone. Telemetry of a few days will do.
"""

from __future__ import annotations

import shutil
from itertools import pairwise
from pathlib import Path

import duckdb
import pytest

from ingest.synthetic.generate import generate
from tests.integration.tco_command import published_hashes, query, run_well

MONTHS = ("2026-07", "2026-08", "2026-09", "2026-10")
DAYS = ("01", "30")


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The company, built once from nothing."""
    folder = tmp_path_factory.mktemp("company")
    generate(folder, months=len(MONTHS), end_month=MONTHS[-1])
    for day in (folder / "prometheus").iterdir():
        if day.name[-2:] not in DAYS:
            shutil.rmtree(day)
    run_well(folder / "tco.toml")
    return folder


@pytest.mark.parametrize("month", [MONTHS[0], MONTHS[-1]])
def test_a_month_built_again_changes_no_mart(company: Path, month: str) -> None:
    home = company / "data"
    before = published_hashes(home)
    with duckdb.connect(str(home / "warehouse.duckdb")) as con:
        forgotten = con.execute(
            "delete from intermediate.load_state where starts_with(partition, ?) returning partition", [month]
        ).fetchall()
        written = con.execute("select count(*) from marts.fct_cost_changes").fetchall()
    assert len(forgotten) > len(DAYS)
    run_well(company / "tco.toml")
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as con:
        assert con.execute("select count(*) from marts.fct_cost_changes").fetchall() == written
    after = published_hashes(home)
    assert {name: mart["content_hash"] for name, mart in after["marts"].items()} == {
        name: mart["content_hash"] for name, mart in before["marts"].items()
    }


def test_the_months_are_there_and_their_change_is_explained(company: Path) -> None:
    home = company / "data"
    totals = dict(query(home, "select billing_period, sum(effective_cost) from fct_cost_allocations group by all"))
    assert tuple(sorted(totals)) == MONTHS
    explained = query(home, "select billing_period, sum(amount) from fct_cost_changes group by all order by 1")
    assert explained == [(now, totals[now] - totals[before]) for before, now in pairwise(MONTHS)]
