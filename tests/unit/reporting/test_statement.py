"""The written statement: page = CSV = mart, unknowns stay unknown, and the same snapshot gives the same
bytes.
"""

from __future__ import annotations

import csv
import shutil
from collections import defaultdict
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import pytest

from reporting.affected import affected_periods
from reporting.errors import StatementError
from reporting.formatting import UNKNOWN
from reporting.statement import StatementPaths, published_periods, write_statement
from tests.unit.reporting.company_month import FEBRUARY, MARCH, allocation, allocations, tables
from tests.unit.reporting.marts_fixture import chargeback_of, publish
from tests.unit.reporting.statement_page import StatementTables, amount

CENT = Decimal("0.01")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> StatementPaths:
    folder = tmp_path_factory.mktemp("company")
    snapshot = {
        "content_hash": "9a8b7c",
        "inputs": [
            {
                "source": "metrics",
                "dataset": "prometheus_samples",
                "partition": f"2026-03-{day:02d}",
                "load_id": f"load{day:02d}",
            }
            for day in range(1, 32)
        ]
        + [
            {"source": "aws_main", "dataset": "aws_cur_2_0", "partition": month, "load_id": f"cur-{month}"}
            for month in (FEBRUARY, MARCH)
        ],
    }
    return write_statement(
        publish(folder / "published", tables(), snapshot=snapshot), MARCH, folder / "statements"
    )


@pytest.fixture(scope="module")
def page(written: StatementPaths) -> StatementTables:
    return StatementTables(written.html.read_text(encoding="utf-8"))


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def exact(basis: str, currency: str) -> dict[tuple[str, str], Decimal]:
    cells: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for row in allocations():
        if row["billing_period"] == MARCH and row["billing_currency"] == currency:
            cells[row["team_id"], row["cost_category"]] += row[f"{basis}_cost"]
    return cells


NAMES = {
    "search": "Search",
    "ads": "Ads Ranking",
    "research": "Research",
    "platform": "Platform",
    "unallocated": "Unallocated",
    "gone": "gone",
}


@pytest.mark.parametrize("currency", ["USD", "EUR"])
@pytest.mark.parametrize("basis", ["effective", "billed"])
def test_category_table_adds_up_and_equals_csv_and_mart(page, written, currency, basis):
    header, *body, total = page.table(currency, f"categories-{basis}")
    columns = [name.lower() for name in header[1:]]
    printed = {row[0]: [amount(cell) for cell in row[1:]] for row in body}
    for row in (*printed.values(), [amount(cell) for cell in total[1:]]):
        assert sum(row[:-1]) == row[-1], "a row adds up"
    for column in range(len(columns)):
        assert sum(row[column] for row in printed.values()) == amount(total[column + 1]), "a column adds up"
    mart = exact(basis, currency)
    assert amount(total[-1]) == sum(mart.values()).quantize(CENT, rounding=ROUND_HALF_UP)
    files = {
        row["team_id"]: row
        for row in read_csv(written.teams_csv)
        if (row["billing_currency"], row["cost_basis"]) == (currency, basis)
    }
    assert {NAMES[team] for team in files} == set(printed)
    for team, row in files.items():
        for column, value in zip(columns, printed[NAMES[team]], strict=True):
            assert Decimal(row[column]) == value, "page = CSV"
            if column != "total":
                assert abs(value - mart.get((team, column), Decimal(0))) < CENT, "page = mart to the cent"


@pytest.mark.parametrize("currency", ["USD", "EUR"])
def test_lines_sum_to_the_team_table_in_every_category(written, currency):
    sums: dict[tuple[str, str, str], Decimal] = defaultdict(Decimal)
    for line in read_csv(written.lines_csv):
        if line["billing_currency"] == currency:
            for basis in ("effective", "billed"):
                sums[basis, line["team_id"], line["cost_category"]] += Decimal(line[f"{basis}_cost"])
                assert abs(Decimal(line[f"{basis}_cost"]) - Decimal(line[f"{basis}_cost_exact"])) < CENT
    for row in read_csv(written.teams_csv):
        if row["billing_currency"] == currency:
            for category in (
                "direct",
                "gpu",
                "api",
                "shared",
                "commitment",
                "idle",
                "unobserved",
                "unallocated",
            ):
                assert Decimal(row[category]) == sums[row["cost_basis"], row["team_id"], category]


def test_team_sections_sum_to_the_team_totals(page):
    totals = {row[0]: row for row in page.table("USD", "categories-effective")[1:-1]}
    billed = {row[0]: row for row in page.table("USD", "categories-billed")[1:-1]}
    sections = page.tables["USD"]["team-lines"]
    assert len(sections) == 5, "a team without any amount this month has no section"
    found = set()
    for _, *lines, total in sections:
        assert sum(amount(line[4]) for line in lines) == amount(total[4])
        assert sum(amount(line[5]) for line in lines) == amount(total[5])
        found.add((amount(total[4]), amount(total[5])))
    assert found == {
        (amount(totals[name][-1]), amount(billed[name][-1])) for name in totals if name != "gone"
    }


def test_month_over_month_compares_with_the_previous_printed_month(page, written):
    rows = {row[0]: row for row in page.table("USD", "teams")[1:]}
    assert rows["Search"][4:6] == ["80.50", "+" + f"{amount(rows['Search'][2]) - Decimal('80.50'):,.2f}"]
    assert rows["gone"][2] == "0.00" and rows["gone"][4:6] == ["5.50", "\u22125.50"]
    assert rows["Ads Ranking"][6] == UNKNOWN, "no percentage of nothing"
    csv_rows = {
        row["team_id"]: row
        for row in read_csv(written.teams_csv)
        if (row["billing_currency"], row["cost_basis"]) == ("USD", "effective")
    }
    assert csv_rows["gone"]["change"] == "-5.50"
    assert amount(rows["Total"][5]) == sum(Decimal(row["change"]) for row in csv_rows.values())


def test_first_month_has_no_previous_month_and_says_so(tmp_path):
    paths = write_statement(publish(tmp_path / "published", tables()), FEBRUARY, tmp_path / "out")
    page = StatementTables(paths.html.read_text(encoding="utf-8"))
    rows = page.table("USD", "teams")[1:]
    assert all(row[4:7] == [UNKNOWN, UNKNOWN, UNKNOWN] for row in rows)
    assert "no statement for January 2026" in page.text
    assert all(row["previous_total"] == row["change"] == "" for row in read_csv(paths.teams_csv))


def test_tie_out_adds_up_to_the_billed_total_and_shows_what_does_not_tie(page, written):
    _, *rows, total, apart = page.table("USD", "tie-out")
    assert [row[0] for row in (total, apart)] == ["Total", "of which without an invoice yet"]
    assert (
        sum(amount(row[3]) for row in rows)
        == amount(total[3])
        == amount(page.table("USD", "categories-billed")[-1][-1])
    )
    openai = next(row for row in rows if row[0].startswith("OpenAI"))
    assert (
        openai[4:6] == [UNKNOWN, UNKNOWN]
        and "no invoice" in openai[6]
        and "computed at list price 60.50" in openai[6]
    )
    assert amount(apart[3]) == amount(openai[3])
    (google, euro_total) = page.table("EUR", "tie-out")[1:]
    assert amount(google[4]) - amount(google[3]) == amount(google[5]) == amount(euro_total[5])
    assert "does not tie" in google[6] and "unexplained" in google[6]
    file = {row["invoice_issuer_name"]: row for row in read_csv(written.tie_out_csv)}
    assert [file[name]["status"] for name in ("Amazon Web Services", "OpenAI", "Google Cloud")] == [
        "ties",
        "no invoice",
        "gap",
    ]
    assert file["OpenAI"]["invoiced_amount"] == ""
    assert Decimal(file["Google Cloud"]["gap"]) == amount(google[5])


def test_unit_costs_divide_exact_sums_and_name_what_they_cover(page, written):
    rows = {row[0]: row for row in page.table("USD", "unit-costs")[1:]}
    assert rows["llama-8b"][1:5] == ["40,000,000", "40,000", "600.46", "15.0114"]
    assert rows["llama-8b"][6:9] == ["20.0000", "self-hosted", "0.015011"]
    assert rows["openai/gpt"][7] == "10.0000", "50 USD over the priced 5M tokens"
    assert rows["All models"][3] == "661.58" and rows["All models"][4] == "13.7829"
    idle = page.table("USD", "units-without-tokens")[1]
    assert idle[:3] == ["notebooks", "Research", "12.50"] and "no tokens counted" in idle[3]
    listed = next(row for row in read_csv(written.unit_costs_csv) if row["cost_basis"] == "list")
    assert listed["note"] == "covers the priced 5,000,000 of 8,000,000 tokens"
    notebooks = next(row for row in read_csv(written.unit_costs_csv) if row["deployment_id"] == "notebooks")
    assert notebooks["cost_per_million_tokens"] == "" and notebooks["note"] == "no tokens counted"


def test_gpu_table_adds_up_and_idle_leaves_out_unobserved(page, written):
    _, *states, total, idle = page.table("USD", "gpu-states")
    for column in (2, 4, 6):
        assert sum(amount(row[column]) for row in states) == amount(total[column])
    by_state = {row[0]: row for row in states}
    assert (
        amount(idle[4])
        == amount(by_state["Warm idle"][4]) + amount(by_state["Unallocated"][4])
        == Decimal("291.43")
    )
    assert by_state["Unobserved"][1] == "unknown"
    _, *owners, owner_total = page.table("USD", "gpu-owners")
    assert sum(amount(row[-1]) for row in owners) == amount(owner_total[-1]) == amount(total[4])
    rows = read_csv(written.gpu_waste_csv)
    assert sum(Decimal(row["effective_cost"]) for row in rows) == amount(total[4])
    assert sum(Decimal(row["gpu_hours"]) for row in rows) == amount(total[2])
    assert sum(Decimal(row["effective_cost"]) for row in rows if row["is_idle"] == "true") == amount(idle[4])


def test_unknowns_stand_apart_with_their_reason(page):
    _, *rows, total = page.table("USD", "unallocated")
    assert {row[1] for row in rows} == {
        "no rule matched",
        "GPU held by namespace:lost, which belongs to no team",
    }
    header, *_, unowned, _ = page.table("USD", "categories-effective")
    cells = dict(zip(header, unowned, strict=True))
    assert amount(total[2]) == amount(cells["Total"]) - amount(cells["Unobserved"])
    assert page.table("USD", "unobserved")[1] == ["L40S", "14\u201315 March", "6.0", "24.60"]
    mystery = page.table("", "unpriced")[1]
    assert mystery[0] == "ft:mystery" and mystery[5:] == [UNKNOWN, "model not in the price list"]
    usage = {row[0]: row for row in page.table("", "usage")[1:]}
    assert usage["openai"][4:6] == [UNKNOWN, UNKNOWN] and usage["litellm"][1] == "second view"


def test_headline_counts_everything_without_an_owner(page):
    total = next(row for row in page.table("USD", "teams") if row[0] == "Unallocated")[2]
    assert total == "49.00"
    assert "24.40 unallocated, 24.60 unobserved GPU time" in " ".join(page.text.split())


def test_full_cost_keeps_evidence_in_its_own_columns(page):
    header, *rows, total = page.table("USD", "components")
    assert header[1:] == ["Invoiced", "Assumed", "Total"]
    assert [row[0] for row in rows] == ["gpu_productive", "Engineers"]
    assert [amount(cell) for cell in total[1:]] == [Decimal("400.13"), Decimal("199.54"), Decimal("599.67")]


def test_currencies_have_their_own_blocks_and_are_never_added(page):
    assert list(page.tables) == ["", "USD", "EUR"]
    assert page.table("EUR", "categories-effective")[-1][-1] == "20.01"
    assert "no GPU hours billed in EUR" in page.text


def test_page_names_its_snapshot_and_inputs(page):
    assert (
        "s1" in page.text
        and "2026-04-02 06:00 UTC" in page.text
        and "0.1.0+abc1234" in page.text
        and "9a8b7c" in page.text
    )
    rows = page.table("", "inputs")[1:]
    assert rows[0] == ["aws_main", "aws_cur_2_0", "2026-03", "cur-2026-03"]
    assert rows[1][2] == "2026-03-01 to 2026-03-31 (31)" and rows[1][3].endswith("and 29 more")


def test_statement_is_the_same_for_the_same_snapshot_wherever_it_lies(written, tmp_path):
    copy = publish(tmp_path / "elsewhere", tables())
    first = write_statement(copy, MARCH, tmp_path / "a")
    moved = tmp_path / "moved"
    shutil.copytree(copy, moved, symlinks=True)
    second = write_statement(moved, MARCH, tmp_path / "b")
    for name in ("html", "pdf", "xlsx", "teams_csv", "lines_csv", "tie_out_csv", "unit_costs_csv", "gpu_waste_csv"):
        assert getattr(first, name).read_bytes() == getattr(second, name).read_bytes()
        if name != "html":
            assert getattr(first, name).read_bytes() == getattr(written, name).read_bytes()
    assert sorted(path.name for path in first.folder.iterdir() if path.is_file()) == [
        "gpu_waste.csv", "journal.csv", "statement.html", "statement.json", "statement.pdf", "statement.xlsx",
        "statement_lines.csv", "statement_teams.csv", "tie_out.csv", "unit_costs.csv",
    ]  # fmt: skip


def test_published_periods_lists_the_months(tmp_path):
    assert published_periods(publish(tmp_path / "published", tables())) == (FEBRUARY, MARCH)


def test_affected_periods_are_those_whose_pages_show_a_changed_month():
    months = [f"{2025 + number // 12}-{number % 12 + 1:02d}" for number in range(15)]
    assert affected_periods({"2026-03"}, months) == ("2026-03",)
    assert affected_periods({"2025-02"}, months) == tuple(months[1:13]), "a page shows twelve months"
    assert affected_periods({"2024-12"}, months) == tuple(months[:11]), "a vanished month leaves later pages"
    assert affected_periods((), months) == ()


def test_statement_of_an_unpublished_month_names_the_months_there_are(tmp_path):
    published = publish(tmp_path / "published", tables())
    with pytest.raises(StatementError, match=r"2026-04.*\n.*2026-02, 2026-03"):
        write_statement(published, "2026-04", tmp_path / "out")
    assert not (tmp_path / "out").exists()
    with pytest.raises(StatementError, match="YYYY-MM"):
        write_statement(published, "../../etc", tmp_path / "out")


def test_statement_without_published_marts_says_what_to_run(tmp_path):
    with pytest.raises(StatementError, match="tco run"):
        write_statement(tmp_path, MARCH, tmp_path / "out")


def test_statement_refuses_marts_that_contradict_each_other(tmp_path):
    content = tables()
    content["fct_chargeback"] = chargeback_of([*allocations(), allocation("ads", "direct", "0.000000001")])
    published = publish(tmp_path / "published", content)
    with pytest.raises(
        StatementError, match=r"effective ads/direct: allocations 50\.005.*chargeback 50\.005000001"
    ):
        write_statement(published, MARCH, tmp_path / "out")


def test_crossover_shows_an_unknown_break_even_as_a_dash(page):
    row = page.table("", "crossover")[1]
    assert row[0] == "llm-aSearchllama-8b"
    assert row[2:8] == ["10,000,000", "4.20", "800.10", UNKNOWN, "1", UNKNOWN]
    assert row[8].startswith("API cheaper")
