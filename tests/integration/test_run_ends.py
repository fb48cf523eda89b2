"""How `tco run` ends: with what exit code and message when the lake was altered, a delivery is broken, a source is silent."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from tests.integration.tco_command import published_hashes, query, run_well, tco, write_config

HEADER = (
    "BillingAccountId,SubAccountId,ServiceName,ServiceCategory,ProviderName,InvoiceIssuerName,ChargeCategory,ChargePeriodStart,"
    "ChargePeriodEnd,BilledCost,EffectiveCost,ListCost,ContractedCost,BillingCurrency,BillingPeriodStart,BillingPeriodEnd"
)
BILLS = '''name = "bills"
type = "focus_files"
location = "bills"'''
SILENT = '''name = "silent"
type = "prometheus"
location = "http://127.0.0.1:9"
queries = ["up"]'''


def bill(month: str, *amounts: str, category: str = "Usage") -> str:
    """A FOCUS file of one month with a line per amount."""
    days = f"{month}-01T00:00:00Z,{month}-02T00:00:00Z"
    period = f"{month}-01T00:00:00Z,2026-0{int(month[-1]) + 1}-01T00:00:00Z"
    lines = [
        f"acct,sub,Storage,Storage,Cloudy,Cloudy,{category},{days},{amount},{amount},{amount},{amount},USD,{period}"
        for amount in amounts
    ]
    return "\n".join([HEADER, *lines]) + "\n"


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A company with one source and two published months; its tests go on from each other."""
    folder = tmp_path_factory.mktemp("company")
    (folder / "bills").mkdir()
    (folder / "bills" / "2026-03.csv").write_text(bill("2026-03", "10.00", "3.45"))
    (folder / "bills" / "2026-04.csv").write_text(bill("2026-04", "7.00"))
    run_well(write_config(folder, BILLS))
    return folder


def test_a_deleted_lake_row_stops_the_run_before_it_can_be_hidden(company: Path) -> None:
    home, config = company / "data", company / "tco.toml"
    before = published_hashes(home)
    path = next((home / "lake" / "bills" / "focus" / "partition=2026-03").rglob("*.parquet"))
    with duckdb.connect() as con:
        con.execute(f"CREATE TABLE kept AS SELECT * FROM '{path}' WHERE BilledCost > 5")
        con.execute(f"COPY kept TO '{path}' (FORMAT parquet)")
    done = tco(config, "run")
    assert done.returncode == 1, done.stdout + done.stderr
    said = "bills, 2026-03, USD billed_cost: 13.45 in the manifest, 10 in the files, difference -3.45"
    assert said in done.stdout
    assert "money_equals_manifest" in done.stdout
    assert "next:" in done.stdout
    assert published_hashes(home) == before
    assert tco(config, "status").stdout.count("blocked") == 1
    assert tco(config, "ingest").returncode == 0
    run_well(config)
    assert published_hashes(home) == before


def test_a_restated_month_replaces_the_old_one_and_a_broken_one_does_not(company: Path) -> None:
    home, config = company / "data", company / "tco.toml"
    (company / "bills" / "2026-03.csv").write_text(bill("2026-03", "11.00"))
    (company / "bills" / "2026-04.csv").write_text(bill("2026-04", "8.00", category="Taxx"))
    done = tco(config, "run")
    assert done.returncode == 3, done.stdout + done.stderr
    assert "billed_cost 13.45 -> 11 USD (delta -2.45)" in done.stdout
    assert "Taxx" in done.stdout
    totals = query(home, "SELECT billing_period, sum(billed_cost) FROM fct_charges GROUP BY ALL ORDER BY ALL")
    assert [(period, str(total.normalize())) for period, total in totals] == [("2026-03", "11"), ("2026-04", "7")]


def test_a_silent_source_does_not_keep_the_others_from_being_published(company: Path) -> None:
    home, config = company / "data", company / "tco.toml"
    (company / "bills" / "2026-04.csv").write_text(bill("2026-04", "8.00"))
    write_config(company, BILLS, SILENT)
    done = tco(config, "run")
    assert done.returncode == 4, done.stdout + done.stderr
    assert "silent" in done.stdout
    assert query(home, "SELECT sum(billed_cost) FROM fct_charges WHERE billing_period = '2026-04'")[0][0] == 8


def test_check_tells_the_silent_source_from_the_others(company: Path) -> None:
    done = tco(company / "tco.toml", "check")
    assert done.returncode == 4
    assert "ok bills" in done.stdout
    assert "no silent" in done.stdout
