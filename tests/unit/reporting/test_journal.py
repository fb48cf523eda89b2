"""The journal balances, follows the lifecycle on the charge date, and credits the invoices to the cent."""

from __future__ import annotations

import csv
from collections import defaultdict
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reporting.errors import StatementError
from reporting.journal import Journal, build_journal, sum_of
from reporting.journal_lines import AccountRow, PostingRow
from reporting.ledger import BASES, EFFECTIVE, build_ledger
from reporting.queries import ChargebackRow, LedgerLine
from reporting.statement import StatementOptions, write_statement
from reporting.tie_out import build_tie_out
from tests.unit.reporting.company_month import MARCH, accounts, allocation
from tests.unit.reporting.full_month import full_tables
from tests.unit.reporting.marts_fixture import chargeback_of, publish

ACCOUNTS = [
    AccountRow(posting, "", code, posting)
    for posting, code in (("payable", "2"), ("prepaid", "1"), ("rounding", "7"), ("recharge", "5"))
]


def rows_of(tmp_path, content, mode="showback"):
    paths = write_statement(publish(tmp_path / "p", content), MARCH, tmp_path / "s", StatementOptions(mode))
    with paths.journal_csv.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle)), paths


def balance(rows) -> dict[str, Decimal]:
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for row in rows:
        sums[row["billing_currency"]] += Decimal(row["debit"]) - Decimal(row["credit"])
    return dict(sums)


@pytest.mark.parametrize("mode", ["showback", "tariff"])
def test_debits_equal_credits_per_currency_for_company_and_teams(tmp_path, mode):
    rows, paths = rows_of(tmp_path, full_tables(), mode)
    assert balance(rows) == {"USD": 0, "EUR": 0}
    assert all(Decimal(row["debit"]) >= 0 and Decimal(row["credit"]) >= 0 for row in rows)
    teams = 0
    for folder in paths.teams.values():
        with (folder / "journal.csv").open(encoding="utf-8", newline="") as handle:
            own = list(csv.DictReader(handle))
        assert set(balance(own).values()) == {0}
        teams += 1
    assert teams == 5


def test_expenses_go_by_the_lifecycle_on_the_charge_date(tmp_path):
    content = full_tables()
    early = allocation("search", "gpu", "7", deployment_id="llm-a", charge_date=date(2026, 3, 9))
    api = allocation("search", "api", "3", product="chat", charge_date=date(2026, 3, 10))
    rows = [*content["fct_cost_allocations"], early, api]
    content |= {"fct_cost_allocations": rows, "fct_chargeback": chargeback_of(rows)}
    posted, _ = rows_of(tmp_path, content)
    search = {
        (row["cost_category"], row["lifecycle"]): row["account_code"]
        for row in posted
        if row["team_id"] == "search" and row["posting"] == "expense"
    }
    assert search["gpu", "experiment"] == "6100" and search["gpu", "production"] == "5110"
    assert search["api", "production"] == "5110", "a product has the lifecycle its deployments share"
    assert search["direct", ""] == "6190", "the stated default account"
    suspense = {row["cost_category"]: row["account_code"] for row in posted if row["team_id"] == "unallocated"}
    assert suspense["unobserved"] == "1951" and suspense["unallocated"] == suspense["idle"] == "1950"
    assert {row["cost_center"] for row in posted if row["team_id"] == "ads"} == {"CC-1"}


def test_payables_are_the_invoices_and_the_rest_is_prepaid(tmp_path):
    posted, paths = rows_of(tmp_path, full_tables())
    with paths.tie_out_csv.open(encoding="utf-8", newline="") as handle:
        ties = {row["invoice_id"]: Decimal(row["invoiced_amount"]) for row in csv.DictReader(handle)}
    owed: dict[str, Decimal] = defaultdict(Decimal)
    for row in posted:
        if row["posting"] == "payable":
            owed[row["invoice_id"]] += Decimal(row["credit"]) - Decimal(row["debit"])
    assert owed == ties
    assert {row["account_code"] for row in posted if row["invoice_issuer_name"] == "Amazon Web Services"} == {
        "2110", "1420",
    }  # fmt: skip
    rounding = [Decimal(row["debit"]) - Decimal(row["credit"]) for row in posted if row["posting"] == "rounding"]
    assert all(abs(amount) <= Decimal("0.05") for amount in rounding)


def test_an_amount_without_an_account_is_an_error_that_names_it(tmp_path):
    rules = [rule for rule in accounts() if rule["account_code"] != "6190"]
    with pytest.raises(StatementError, match=r"accounts\.csv\)\n.*no posting rule for ads/adjustment"):
        write_statement(publish(tmp_path, full_tables(dim_accounts=rules)), MARCH, tmp_path / "s")


def test_a_snapshot_without_accounts_has_no_journal(tmp_path):
    content = full_tables()
    del content["dim_accounts"]
    paths = write_statement(publish(tmp_path / "p", content), MARCH, tmp_path / "s")
    assert not paths.journal_csv.exists() and paths.pdf.is_file()


AMOUNTS = st.decimals(min_value=-9999, max_value=9999, places=7)
POSTINGS = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from(["gpu", "direct"]), st.sampled_from("xy"), AMOUNTS, AMOUNTS),
    min_size=1,
    max_size=14,
)


@given(POSTINGS)
def test_any_postings_balance_and_tie_to_the_statement(postings):
    journal, totals = journal_of(postings)
    assert sum_of(journal.lines) == 0
    assert all(sum_of(lines) == 0 for lines in journal.by_team.values())
    expenses = [line for line in journal.lines if line.posting == "expense"]
    assert sum_of(expenses) == totals["effective"]
    assert -sum_of(line for line in journal.lines if line.posting == "payable") == totals["billed"]


def journal_of(postings) -> tuple[Journal, dict[str, Decimal]]:
    rows = [
        PostingRow("USD", team, category, "", issuer, "6", "Expense", effective, billed)
        for team, category, issuer, effective, billed in postings
    ]
    chargeback = [
        ChargebackRow(MARCH, "USD", basis, row.team_id, row.cost_category, "invoiced",
                      row.effective_cost if basis == EFFECTIVE else row.billed_cost)
        for row in rows for basis in BASES
    ]  # fmt: skip
    ledger = build_ledger(
        "USD", period=MARCH, previous_period="2026-02", chargeback=chargeback, lines=lines_of(rows)
    )
    tie_out = build_tie_out("USD", [], billed_total=ledger.tables["billed"].total)
    journal = build_journal(ledger, tie_out=tie_out, rows=rows, accounts=ACCOUNTS, recharges={}, period=MARCH)
    return journal, {basis: ledger.tables[basis].total for basis in BASES}


def lines_of(rows):
    blank = dict.fromkeys(("service_name", "product", "model_id", "deployment_id", "gpu_state", "stage"), "")
    return [
        LedgerLine(
            currency="USD", team_id=row.team_id, cost_category=row.cost_category, service_provider_name=row.issuer,
            rule_id=str(number), pool_id="", driver="", evidence="invoiced", original_period="",
            effective_cost=row.effective_cost, billed_cost=row.billed_cost, **blank,
        )
        for number, row in enumerate(rows)
    ]  # fmt: skip
