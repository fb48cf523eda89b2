"""The sample company through the real pipeline: its truth is recovered, readers are never disturbed, a killed run ends the same.

The truth was written by the generator from its own facts (who held which GPU, who used which key), not by pipeline code.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from ingest.synthetic.generate import generate
from tests.integration.tco_command import TCO, published_hashes, query, run_well, tco

CENT = "0.005"
KILLS = 20


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample company of two months, run once; returns its folder."""
    folder = tmp_path_factory.mktemp("northwind") / "sample"
    generate(folder)
    printed = run_well(folder / "tco.toml")
    assert "cost per 1M tokens" in printed and "idle GPUs" in printed
    return folder


def differences(sample: Path, truth_file: str, truth_sql: str, marts_sql: str, *, keys: str, values: dict[str, str]) -> list:
    """Rows in which truth and marts differ by more than the tolerance of each value, or that only one side has."""
    apart = " or ".join(f"t.{v} is null or m.{v} is null or abs(t.{v} - m.{v}) > {limit}" for v, limit in values.items())
    truth = f"read_csv('{sample / 'truth' / truth_file}', all_varchar = true)"
    return query(
        sample / "data",
        f"""with t as ({truth_sql.format(truth=truth)}), m as ({marts_sql})
        select * from t full outer join m using ({keys}) where {apart}""",
    )


def test_cost_per_team_month_and_category_is_recovered_to_the_cent(sample: Path) -> None:
    keys = "billing_period, team_id, cost_category, cost_basis, billing_currency"
    assert differences(
        sample,
        "team_month_category.csv",
        f"select {keys}, sum(amount::decimal(38, 12)) as amount from {{truth}} group by all having amount != 0",
        f"select {keys}, sum(amount) as amount from marts.fct_chargeback group by all having amount != 0",
        keys=keys,
        values={"amount": CENT},
    ) == []
    teams = query(sample / "data", "select count(distinct team_id) from marts.fct_chargeback where team_id != 'unallocated'")
    assert teams == [(8,)]


def test_gpu_states_are_recovered_in_hours_and_dollars(sample: Path) -> None:
    keys = "billing_period, node_id, state"
    written = "sum(gpu_hours::decimal(28, 9)) as hours, sum(effective_cost::decimal(38, 12)) as cost"
    found = "sum(gpu_hours) as hours, sum(effective_cost) as cost"
    assert differences(
        sample,
        "gpu_states.csv",
        f"select {keys}, {written} from {{truth}} group by all",
        f"select {keys}, {found} from marts.fct_gpu_hours group by all",
        keys=keys,
        values={"hours": "0.000001", "cost": "0.000001"},
    ) == []
    states = {row[0] for row in query(sample / "data", "select distinct state from marts.fct_gpu_hours")}
    assert {"unobserved", "unallocated", "warm_idle", "standby", "loading", "under_utilised", "productive"} <= states


def test_tokens_are_recovered_exactly(sample: Path) -> None:
    keys = "billing_period, source, model"
    assert differences(
        sample,
        "tokens.csv",
        f"select {keys}, sum(tokens::hugeint) as tokens from {{truth}} group by all",
        "select billing_period, source, model_raw as model, sum(total_tokens) as tokens from marts.fct_token_usage group by all",
        keys=keys,
        values={"tokens": "0"},
    ) == []


def test_an_unknown_model_is_unpriced_and_never_zero(sample: Path) -> None:
    rows = query(
        sample / "data",
        "select model_raw, bool_and(is_unpriced), count(list_cost), sum(total_tokens) > 0 from marts.fct_token_usage "
        "where is_unpriced group by 1",
    )
    assert rows == [("aurora-preview-1", True, 0, True)]
    assert query(sample / "data", "select count(*) from marts.fct_token_usage where list_cost = 0 and total_tokens > 0 "
                                  "and source != 'vllm' and is_unpriced") == [(0,)]


def test_every_invoice_ties_out(sample: Path) -> None:
    apart = query(sample / "data", "select * from marts.fct_reconciliation where not is_reconciled or gap != 0")
    assert apart == []


def test_a_second_run_loads_nothing_and_publishes_the_same(sample: Path) -> None:
    before = published_hashes(sample / "data")
    log = (sample / "data" / "lake" / "load_log.jsonl").read_text()
    run_well(sample / "tco.toml")
    assert published_hashes(sample / "data") == before
    assert (sample / "data" / "lake" / "load_log.jsonl").read_text() == log


def test_a_deleted_lake_row_fails_the_gate_by_period_and_amount(sample: Path, tmp_path: Path) -> None:
    company = tmp_path / "company"
    shutil.copytree(sample, company, symlinks=True)
    before = published_hashes(company / "data")
    part = next((company / "data" / "lake" / "aws_main" / "aws_cur_2_0" / "partition=2026-10").rglob("*.parquet"))
    con = duckdb.connect()
    con.execute(f"create table lines as select * from read_parquet('{part}', hive_partitioning = false)")
    found = con.execute(
        "select identity_line_item_id, line_item_unblended_cost from lines where line_item_unblended_cost > 1 limit 1"
    ).fetchone()
    assert found is not None
    con.execute("delete from lines where identity_line_item_id = ?", [found[0]])
    con.execute(f"copy lines to '{part}' (format parquet)")
    done = tco(company / "tco.toml", "run")
    assert done.returncode == 1, done.stdout[-2000:]
    printed = done.stdout + done.stderr
    assert "2026-10" in printed and "aws_main" in printed
    assert f"{found[1]:.2f}"[:-1] in printed
    assert published_hashes(company / "data") == before


def in_the_background(action: Callable[[], None], stop: threading.Event, errors: list[BaseException]) -> threading.Thread:
    """Repeats an action until told to stop; keeps what it raises."""

    def loop() -> None:
        while not stop.is_set():
            try:
                action()
            except BaseException as error:
                errors.append(error)
            time.sleep(0.02)

    thread = threading.Thread(target=loop)
    thread.start()
    return thread


def test_killed_at_random_moments_a_run_ends_the_same_and_no_reader_notices(sample: Path, tmp_path: Path) -> None:
    company = tmp_path / "company"
    shutil.copytree(sample, company, symlinks=True, ignore=shutil.ignore_patterns("data"))
    generate(company, months=1, end_month="2026-09")
    run_well(company / "tco.toml")
    home = company / "data"
    generate(company, months=2, end_month="2026-10")
    undisturbed = published_hashes(sample / "data")
    periods = {row[0] for row in query(home, "select distinct billing_period from marts.fct_chargeback")}
    seen: set[tuple] = set()

    def read() -> None:
        rows = query(home, "select count(*), sum(amount) from marts.fct_chargeback")
        seen.add(tuple(rows[0]))

    stop, errors = threading.Event(), []
    reader = in_the_background(read, stop, errors)
    try:
        chance = random.Random(20261122)
        for _ in range(KILLS):
            process = subprocess.Popen(
                [str(TCO), "--config", str(company / "tco.toml"), "run"],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            time.sleep(chance.uniform(0.5, 12.0))
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
        run_well(company / "tco.toml")
    finally:
        stop.set()
        reader.join()
    assert errors == []
    assert periods == {"2026-09"}
    assert published_hashes(home) == undisturbed
    assert len(seen) <= 3, "a reader saw a state that is neither the old nor a whole new snapshot"
