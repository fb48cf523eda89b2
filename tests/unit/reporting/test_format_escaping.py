"""Names from outside in PDF, workbook and journal: text that cannot run, break a page or leave its folder."""

from __future__ import annotations

import csv
import io
import re
import zipfile

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reporting.fact_tables import FactTable
from reporting.pdf_text import printable
from reporting.statement import write_statement
from reporting.statement_files import folder_name
from reporting.workbook import workbook_bytes
from tests.unit.reporting.company_month import MARCH, accounts, allocation, workloads
from tests.unit.reporting.marts_fixture import chargeback_of, publish
from tests.unit.reporting.statement_formats import PdfText
from tests.unit.reporting.test_statement_escaping import HOSTILE

NAMES = {**HOSTILE, "../../etc/passwd": "Way out", "..": "Parent", "a\x00b": "Null \x07 bell"}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile")
    rows = [
        allocation(team, "direct", "10.01", service_name=f"-{name}", product=name, service_provider_name=f"={name}")
        for team, name in NAMES.items()
    ]
    content = {
        "dim_teams": [
            {"team_id": team, "team_name": name, "cost_center": "=1+1", "department": "<b>"} for team, name in NAMES.items()
        ],
        "dim_accounts": accounts(),
        "dim_workloads": workloads(),
        "fct_cost_allocations": rows,
        "fct_chargeback": chargeback_of(rows),
    }
    return write_statement(publish(folder / "published", content), MARCH, folder / "out")


def test_pdf_shows_markup_as_text_and_runs_nothing(written):
    pdf = PdfText(written.pdf)
    assert "<script>alert('x')</script>" in pdf.text
    assert "{{ 7 * 7 }}" in pdf.text
    raw = written.pdf.read_bytes()
    assert not re.search(rb"/(JavaScript|JS|Launch|URI|OpenAction|AA|EmbeddedFile)\b", raw)
    assert not re.search(r"[\x00-\x08\x0b-\x1f\u202a-\u202e]", pdf.text)


def test_pdf_wraps_a_name_of_400_letters_within_the_page(written):
    pdf = PdfText(written.pdf)
    assert "".join(pdf.lines).count("x") >= 400
    for page in pdf.reader.pages:
        assert float(page.mediabox.width) < 600


def test_workbook_has_no_formula_and_marks_what_looks_like_one(written):
    book = openpyxl.load_workbook(written.xlsx)
    guarded = 0
    for sheet in book.worksheets:
        for row in sheet.iter_rows():
            for cell in row:
                assert cell.data_type != "f"
                if isinstance(cell.value, str) and cell.value.lstrip()[:1] in ("=", "+", "-", "@"):
                    assert cell.quotePrefix, cell.value
                    guarded += 1
    assert guarded > 10
    with zipfile.ZipFile(written.xlsx) as parts:
        assert not [name for name in parts.namelist() if "externalLink" in name or "vba" in name.lower()]
        assert all(b"<hyperlink" not in parts.read(name) for name in parts.namelist())


def test_journal_is_no_formula(written):
    with written.journal_csv.open(encoding="utf-8", newline="") as handle:
        for row in csv.reader(handle):
            for cell in row:
                assert not cell.startswith(("=", "+", "@", "-"))


def test_team_folders_stay_inside_the_statement(written):
    root = written.folder.resolve()
    for folder in written.teams.values():
        assert folder.resolve().parent == root / "teams"
        assert (folder / "statement.html").is_file()
    assert len(set(written.teams.values())) == len(NAMES)


@given(st.text())
def test_folder_names_are_single_plain_parts(team):
    name = folder_name(team)
    assert name not in ("", ".", "..") and not set(name) & set('/\\:*?"<>|\x00') and len(name) < 120


@given(st.text(min_size=1), st.text(min_size=1))
def test_folder_names_tell_teams_apart(one, other):
    assert (folder_name(one) == folder_name(other)) == (one == other)


@given(st.text())
def test_printable_is_one_line_of_known_signs(text):
    shown = printable(text)
    assert shown == printable(shown)
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2028\u2029\ud800-\udfff]", shown)


@settings(max_examples=60)
@given(st.text(min_size=1, max_size=40))
def test_any_text_survives_the_workbook(text):
    table = FactTable("t", "Lines", ("name", "other"), ((text, "x"),))
    book = openpyxl.load_workbook(io.BytesIO(workbook_bytes(title=text, created_at="", cover=[(text,)], tables=[table])))
    cell = book["Lines"]["A2"]
    assert cell.data_type != "f"
    kept = "".join(sign for sign in text if sign.isprintable())
    if kept == text and kept.strip():
        assert cell.value == text
