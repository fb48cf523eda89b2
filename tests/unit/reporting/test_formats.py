"""Every amount once: mart, page, CSV, workbook, PDF and journal say the same, per currency and basis."""

from __future__ import annotations

import csv
from collections import defaultdict
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import pytest

from reporting.documents import company_document, team_document
from reporting.fact_tables import fact_tables
from reporting.marts import open_marts
from reporting.month import MonthStatement, read_month
from reporting.pdf_document import pdf_bytes
from reporting.posting_tables import posting_tables
from reporting.snapshot import open_snapshot
from reporting.statement import StatementPaths, write_statement
from reporting.views import team_names
from reporting.workbook import workbook_bytes
from tests.unit.reporting.company_month import MARCH
from tests.unit.reporting.full_month import full_allocations, full_tables
from tests.unit.reporting.marts_fixture import publish
from tests.unit.reporting.statement_formats import PdfText, cents, sheets_of
from tests.unit.reporting.statement_page import StatementTables, amount

CENT = Decimal("0.01")
CASES = [(currency, basis) for currency in ("USD", "EUR") for basis in ("effective", "billed")]


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return publish(tmp_path_factory.mktemp("full") / "published", full_tables())


@pytest.fixture(scope="module")
def written(published: Path) -> StatementPaths:
    return write_statement(published, MARCH, published.parent / "statements")


@pytest.fixture(scope="module")
def month(published: Path) -> MonthStatement:
    snapshot = open_snapshot(published)
    with open_marts(snapshot.marts_file) as marts:
        return read_month(marts, snapshot=snapshot, billing_period=MARCH)


@pytest.fixture(scope="module")
def pdf(written: StatementPaths) -> PdfText:
    return PdfText(written.pdf)


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def mart_total(currency: str, basis: str, team: str | None = None) -> Decimal:
    rows = [row for row in full_allocations() if (row["billing_period"], row["billing_currency"]) == (MARCH, currency)]
    return sum((row[f"{basis}_cost"] for row in rows if team in (None, row["team_id"])), Decimal(0))


@pytest.mark.parametrize(("currency", "basis"), CASES)
def test_total_is_one_figure_in_all_formats(written, pdf, currency, basis):
    mart = mart_total(currency, basis).quantize(CENT, rounding=ROUND_HALF_UP)
    page = StatementTables(written.html.read_text(encoding="utf-8"))
    teams = [row for row in read(written.teams_csv) if (row["billing_currency"], row["cost_basis"]) == (currency, basis)]
    lines = [row for row in read(written.lines_csv) if row["billing_currency"] == currency]
    sheets = sheets_of(written.xlsx)
    sheet = [row for row in sheets["Teams"] if (row["billing_currency"], row["cost_basis"]) == (currency, basis)]
    sheet_lines = [row for row in sheets["Lines"] if row["billing_currency"] == currency]
    journal = [row for row in read(written.journal_csv) if row["billing_currency"] == currency]
    posting, sign = ("expense", 1) if basis == "effective" else ("payable", -1)
    posted = [row for row in journal if row["posting"] == posting]
    found = {
        "page": amount(page.table(currency, f"categories-{basis}")[-1][-1]),
        "csv": sum(Decimal(row["total"]) for row in teams),
        "csv lines": sum(Decimal(row[f"{basis}_cost"]) for row in lines),
        "xlsx": sum(cents(row["total"]) for row in sheet),
        "xlsx lines": sum(cents(row[f"{basis}_cost"]) for row in sheet_lines),
        "pdf": pdf.key_figures()[currency][basis],
        "journal": sign * sum(Decimal(row["debit"]) - Decimal(row["credit"]) for row in posted),
    }
    assert found == dict.fromkeys(found, mart)


@pytest.mark.parametrize(("currency", "basis"), CASES)
def test_teams_statements_add_up_to_the_company(month, currency, basis):
    names, sums = team_names(month), defaultdict(Decimal)
    for team in month.team_ids:
        figures = PdfText(pdf_bytes(team_document(month, team, names))).key_figures()
        if currency not in figures:
            continue
        tables = (*fact_tables(month, team), *posting_tables(month, team))
        book = sheets_of(workbook_bytes(title="t", created_at="", cover=[], tables=tables))
        assert {row["team_id"] for row in book["Lines"]} == {team}, "only the team's own lines"
        own = [row for row in book["Teams"] if (row["billing_currency"], row["cost_basis"]) == (currency, basis)]
        assert figures[currency][basis] == sum((cents(row["total"]) for row in own), Decimal(0))
        assert abs(figures[currency][basis] - mart_total(currency, basis, team)) < CENT
        sums["pdf"] += figures[currency][basis]
        posting, sign = ("expense", 1) if basis == "effective" else ("payable", -1)
        posted = [row for row in book["Journal"] if (row["posting"], row["billing_currency"]) == (posting, currency)]
        sums["journal"] += sign * sum((cents(row["debit"]) - cents(row["credit"]) for row in posted), Decimal(0))
    whole = mart_total(currency, basis).quantize(CENT, rounding=ROUND_HALF_UP)
    assert sums == {"pdf": whole, "journal": whole}


def test_pdf_says_what_the_page_says(written, pdf, month):
    page = StatementTables(written.html.read_text(encoding="utf-8"))
    for currency in ("USD", "EUR"):
        for name in ("bill-change", "bridge", "corrections", "evidence", "journal"):
            for row in page.tables[currency].get(name, [[]])[0][1:]:
                for cell in row:
                    text = " ".join(cell.split())
                    assert not text or text in pdf.text or len(text) > 30, f"{name}: {text!r} is not in the PDF"
    assert f"Status: {month.status.label}" in pdf.text


def test_pdf_has_numbered_pages_and_its_bytes_repeat(written, published, pdf):
    count = len(pdf.reader.pages)
    assert [f"Page {number} of {count}" in text for number, text in enumerate(pdf.pages, 1)] == [True] * count
    assert all(round(float(page.mediabox.width)) == 595 for page in pdf.reader.pages), "A4"
    again = write_statement(published, MARCH, published.parent / "again")
    for name in ("pdf", "xlsx", "journal_csv", "html"):
        assert getattr(again, name).read_bytes() == getattr(written, name).read_bytes(), name


def test_corrections_are_lines_of_their_own_with_the_month_they_belong_to(written, pdf):
    page = StatementTables(written.html.read_text(encoding="utf-8"))
    rows = page.table("USD", "corrections")[1:-1]
    assert [row[:4] for row in rows] == [
        ["Ads Ranking", "Adjustment", "2026-02", "Amazon EC2"],
        ["Ads Ranking", "Dispute", "2026-02", "D-1"],
        ["Search", "Adjustment", "2026-02", "Amazon EC2"],
        ["Unallocated", "Dispute", "2026-02", "D-1"],
    ]
    lines = [row for row in read(written.lines_csv) if row["original_billing_period"]]
    assert {row["cost_category"] for row in lines} == {"adjustment", "dispute"}
    for row in rows:
        kind, what = row[1].lower(), row[3]
        own = [
            Decimal(line["effective_cost"]) for line in lines
            if line["team_name"] in (row[0], "unallocated") and line["cost_category"] == kind
            and (line["team_name"] == row[0]) == (row[0] != "Unallocated")
        ]  # fmt: skip
        assert sum(own) == amount(row[4]), what
    assert "Adjustments and disputes" in pdf.text


def test_company_document_has_no_empty_section(month):
    for block in company_document(month, team_names(month)).blocks:
        for section in block.sections:
            assert section.tables or section.sentences or section.lead, section.title
