"""Why the cost changed: drivers add up to the printed change, the sentence is made of the same figures."""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reporting.bill_change import ChangeRow, build_change
from reporting.ledger import BASES, build_ledger
from reporting.queries import ChargebackRow, LedgerLine
from reporting.statement import write_statement
from tests.unit.reporting.company_month import FEBRUARY, MARCH
from tests.unit.reporting.full_month import full_tables
from tests.unit.reporting.marts_fixture import publish
from tests.unit.reporting.statement_formats import PdfText
from tests.unit.reporting.statement_page import StatementTables, amount


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("change")
    return write_statement(publish(folder / "p", full_tables()), MARCH, folder / "s")


def test_drivers_add_up_to_the_change_of_company_and_teams(written):
    page = StatementTables(written.html.read_text(encoding="utf-8"))
    for currency in ("USD", "EUR"):
        *drivers, total = page.table(currency, "bill-change")[1:]
        assert sum(amount(row[1]) for row in drivers) == amount(total[1])
        assert amount(total[1]) == amount(page.table(currency, "teams")[-1][5])
    with (written.folder / "bill_change.csv").open(encoding="utf-8", newline="") as handle:
        sums: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
        for row in csv.DictReader(handle):
            sums[row["billing_currency"], row["team_id"]] += Decimal(row["amount"])
    with written.teams_csv.open(encoding="utf-8", newline="") as handle:
        for row in csv.DictReader(handle):
            if row["cost_basis"] == "effective":
                assert sums.get((row["billing_currency"], row["team_id"]), 0) == Decimal(row["change"])


def test_the_sentence_is_made_of_the_tables_figures(written):
    page = StatementTables((written.teams["search"] / "statement.html").read_text(encoding="utf-8"))
    *drivers, total = page.table("USD", "bill-change")[1:]
    found = re.search(r"Search \+.*?drivers\.", page.text)
    assert found
    sentence = found.group(0)
    first, rest = sentence.rstrip(".").split(": ")
    assert first == f"Search {total[1]} USD"
    parts = [part.split(" ", 1) for part in re.split(r", (?=[+\u2212\d])", rest)]
    named, other = parts[:3], parts[3]
    table = {row[0]: row[1] for row in drivers}
    assert all(table[name] == figure for figure, name in named)
    assert other[1] == f"from {len(drivers) - 3} other drivers"
    assert sum(amount(figure) for figure, _ in parts) == amount(total[1])
    assert first in PdfText(written.pdf).text


def test_bridge_leads_from_billed_to_effective(written):
    page = StatementTables(written.html.read_text(encoding="utf-8"))
    for currency in ("USD", "EUR"):
        first, *steps, last = page.table(currency, "bridge")[1:]
        assert first[0] == "Billed" and last[0] == "Effective"
        assert amount(first[1]) + sum(amount(row[1]) for row in steps) == amount(last[1])
        assert amount(first[1]) == amount(page.table(currency, "categories-billed")[-1][-1])
        assert amount(last[1]) == amount(page.table(currency, "categories-effective")[-1][-1])


def test_older_snapshots_without_these_marts_have_no_such_section(tmp_path):
    content = full_tables()
    for name in ("fct_cost_changes", "fct_cost_bridge", "fct_reconciliation_breaks"):
        content.pop(name, None)
    paths = write_statement(publish(tmp_path / "p", content), MARCH, tmp_path / "s")
    text = paths.html.read_text(encoding="utf-8")
    assert "Why the cost changed" not in text and "From billed to effective" not in text
    assert not (paths.folder / "bill_change.csv").exists()


def test_a_first_month_explains_no_change(tmp_path):
    paths = write_statement(publish(tmp_path / "p", full_tables()), FEBRUARY, tmp_path / "s")
    assert "Why the cost changed" not in paths.html.read_text(encoding="utf-8")


def test_what_no_driver_explains_is_said(tmp_path):
    content = full_tables()
    content["fct_cost_changes"] = [
        row for row in content["fct_cost_changes"] if (row["team_id"], row["driver"]) != ("search", "requests")
    ]
    paths = write_statement(publish(tmp_path / "p", content), MARCH, tmp_path / "s")
    page = StatementTables((paths.teams["search"] / "statement.html").read_text(encoding="utf-8"))
    rows = {row[0]: row[1] for row in page.table("USD", "bill-change")[1:]}
    assert amount(rows["not explained"]) > 100


AMOUNT = st.decimals(min_value=-500, max_value=500, places=6)


@given(st.dictionaries(st.sampled_from("abcde"), st.tuples(AMOUNT, AMOUNT, st.lists(AMOUNT, max_size=4)), min_size=1))
def test_any_drivers_add_up_in_cents(teams):
    chargeback, changes = [], []
    for team, (before, now, parts) in teams.items():
        for period, value in ((FEBRUARY, before), (MARCH, now)):
            chargeback += [ChargebackRow(period, "USD", basis, team, "direct", "invoiced", value) for basis in BASES]
        drivers = [*parts, now - before - sum(parts)]
        changes += [ChangeRow(team, "USD", f"d{number}", part) for number, part in enumerate(drivers)]
    texts = ("direct", *[""] * 10, "invoiced", "")
    lines = [LedgerLine("USD", team, *texts, now, now) for team, (_, now, _) in teams.items()]
    ledger = build_ledger("USD", period=MARCH, previous_period=FEBRUARY, chargeback=chargeback, lines=lines)
    change = build_change(ledger, changes)
    assert change is not None
    for team in change.teams:
        assert sum(part for _, part in team.drivers) == team.total == ledger.change("effective", team.team_id)
        assert "not explained" not in dict(team.drivers), "exact drivers leave cents at most"
    assert change.company.total == ledger.change("effective")
