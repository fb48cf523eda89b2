"""A statement says whether it can be relied on: open, provisional with reasons, or final."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from reporting.statement import StatementOptions, write_statement
from tests.unit.reporting.company_month import MARCH, usage, waste
from tests.unit.reporting.full_month import full_tables
from tests.unit.reporting.marts_fixture import publish
from tests.unit.reporting.statement_formats import PdfText
from tests.unit.reporting.statement_page import StatementTables

DAYS = [f"2026-03-{day:02d}" for day in range(1, 32)]


def clean_tables(**overrides):
    """The full month without anything unknown."""
    return full_tables(fct_token_usage=[usage("openai", "gpt", 8_000_000)], fct_gpu_waste=observed(), **overrides)


def observed(unobserved: str = "0", productive: str = "100"):
    rows = [waste("search", "productive", productive, "400"), waste("search", "warm_idle", "50", "200")]
    if unobserved != "0":
        rows.append(waste("unallocated", "unobserved", unobserved, Decimal(unobserved) * 4))
    return rows


def inputs(days=DAYS, extra=()):
    loads = [{"source": "metrics", "dataset": "prometheus_samples", "partition": day, "load_id": day} for day in days]
    return [*loads, *extra]


def status_of(tmp_path, content, *, options=None, **snapshot):
    facts = {"inputs": inputs(), **snapshot}
    paths = write_statement(publish(tmp_path / "p", content, snapshot=facts), MARCH, tmp_path / "s", options)
    record = json.loads((paths.folder / "statement.json").read_text())
    page = StatementTables(paths.html.read_text(encoding="utf-8"))
    shown = next(attributes for _, attributes in page.tags if "data-status" in attributes)["data-status"]
    pdf = PdfText(paths.pdf).text
    assert shown == record["status"] and f"Status: {record['status']}" in pdf
    for reason in record["reasons"]:
        assert reason in " ".join(page.text.split()), "the reason is on the page"
        assert reason[:40] in pdf
    return record["status"], record["reasons"], page


def test_clean_month_is_open_until_it_is_closed(tmp_path):
    assert status_of(tmp_path, clean_tables())[:2] == ("open", [])
    closed = status_of(tmp_path, clean_tables(), options=StatementOptions(month_state="closed"))
    assert closed[:2] == ("final", []) and "final (closed)" in closed[2].text
    soft = status_of(tmp_path, clean_tables(), options=StatementOptions(month_state="soft_closed"))
    assert soft[0] == "open" and "soft-closed" in soft[2].text


def test_dropping_a_fifth_of_the_telemetry_turns_the_statement_provisional(tmp_path):
    assert status_of(tmp_path, clean_tables())[0] == "open"
    content = {**clean_tables(), "fct_gpu_waste": observed(unobserved="30", productive="70")}
    word, reasons, page = status_of(tmp_path, content)
    assert word == "provisional"
    assert reasons == [
        "GPU telemetry is missing for 30.0 of 150.0 GPU hours paid (20.0 %): 120.00 USD is unobserved, not idle"
    ]
    states = {row[0]: row for row in page.table("USD", "gpu-states")[1:]}
    assert states["Unobserved"][1] == "unknown" and states["Unobserved"][4] == "120.00"
    assert states["of which idle"][4] == "200.00", "the gap is no idle cost"


def test_a_small_gap_in_telemetry_is_ordinary(tmp_path):
    content = {**clean_tables(), "fct_gpu_waste": observed(unobserved="3")}
    assert status_of(tmp_path, content)[:2] == ("open", [])


@pytest.mark.parametrize(
    ("days", "reason"),
    [
        (DAYS[:9] + DAYS[12:], "metrics delivered no prometheus_samples for 10 to 12 March (3 days)"),
        ([day for day in DAYS if day[-2:] not in ("05", "20")],
         "metrics delivered no prometheus_samples for 5, 20 March (2 days)"),
    ],
)  # fmt: skip
def test_missing_days_are_named(tmp_path, days, reason):
    assert status_of(tmp_path, clean_tables(), inputs=inputs(days))[:2] == ("provisional", [reason])


def test_cost_report_without_its_usage_report_is_named(tmp_path):
    extra = [{"source": "oai", "dataset": "openai_costs", "partition": "2026-03", "load_id": "x"}]
    word, reasons, _ = status_of(tmp_path, clean_tables(), inputs=inputs(extra=extra))
    assert (word, reasons) == ("provisional", ["oai delivered openai_costs without openai_usage"])


def test_unpriced_tokens_above_the_threshold_are_named(tmp_path):
    content = clean_tables()
    content["fct_token_usage"] = [usage("openai", "gpt", 98), usage("openai", "new", 2, is_unpriced=True)]
    assert status_of(tmp_path, content)[1] == ["2 of 100 tokens (2.0 %) have no price"]
    content["fct_token_usage"][0]["total_tokens"] = 10_000
    assert status_of(tmp_path, content)[1] == []


def test_invoices_that_do_not_tie_or_are_not_issued_are_named(tmp_path):
    content = clean_tables()
    aws, openai, google = content["fct_reconciliation"]
    aws |= {"is_reconciled": False, "cause": "unexplained"}
    openai |= {"invoiced_amount": None, "cause": "invoice not issued yet"}
    google |= {"invoiced_amount": None, "cause": "vendor cost report, no invoice given"}
    assert sorted(status_of(tmp_path, content)[1]) == [
        "OpenAI INV-OpenAI: invoice not issued yet",
        "the invoice of Amazon Web Services INV-Amazon Web Services does not tie to the ledger: unexplained",
    ]


def test_an_invoice_not_issued_is_no_fault_while_the_month_runs(tmp_path):
    content = clean_tables()
    content["fct_reconciliation"][1] |= {"invoiced_amount": None, "cause": "invoice not issued yet"}
    word, reasons, page = status_of(tmp_path, content, created_at="2026-03-20T06:00:00Z", inputs=inputs(DAYS[:19]))
    assert (word, reasons) == ("open", []) and "the month is still running" in page.text


def test_unexplained_breaks_are_named_and_explained_ones_are_not(tmp_path):
    row = {"billing_period": MARCH, "service_provider_name": "OpenAI", "compared": "usage~cost", "billing_currency": "USD"}
    row["is_break"] = True
    breaks = [
        {**row, "gap": Decimal("12.345"), "is_explained": False},
        {**row, "gap": Decimal("-3"), "is_explained": False},
        {**row, "gap": Decimal("500"), "is_explained": True},
        {**row, "gap": Decimal("0.004"), "is_explained": False, "is_break": False},
    ]
    reasons = status_of(tmp_path, clean_tables(fct_reconciliation_breaks=breaks))[1]
    assert reasons == ["2 unexplained breaks between usage and cost of OpenAI: 15.35 USD"]


def test_warned_gates_of_the_month_and_failed_gates_are_named(tmp_path):
    def result(rule, severity, examples):
        return {"rule": rule, "severity": severity, "status": "failed", "title": "t", "message": "m", "examples": examples}

    gates = [
        {
            "border": "marts",
            "results": [
                {**result("fine", "error", []), "status": "passed"},
                result("gpu_time_is_observed", "warn", ["2026-03: measured by the statement itself"]),
                result("late_rows", "warn", ["2026-02: 3 rows", "2026-03: 4 rows"]),
                result("other_month", "warn", ["2026-01: 3 rows"]),
                result("forced", "error", []),
            ],
        }
    ]
    reasons = status_of(tmp_path, clean_tables(), gates=gates)[1]
    assert reasons == ["gate late_rows warned: 2026-03: 4 rows", "gate forced failed: m"]


def test_closing_keeps_the_reasons_on_the_page(tmp_path):
    content = {**clean_tables(), "fct_gpu_waste": observed(unobserved="30")}
    word, reasons, _ = status_of(tmp_path, content, options=StatementOptions(month_state="closed"))
    assert word == "final" and len(reasons) == 1
