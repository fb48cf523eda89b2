"""Chargeback at tariff: quantity x price, actual cost where no tariff holds, and the rest with the platform team."""

from __future__ import annotations

import csv
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

import pytest

from reporting.statement import StatementOptions, write_statement
from tests.unit.reporting.company_month import MARCH, unit
from tests.unit.reporting.full_month import full_allocations, full_tables, tariff
from tests.unit.reporting.marts_fixture import publish
from tests.unit.reporting.statement_formats import PdfText
from tests.unit.reporting.statement_page import StatementTables, amount

CENT = Decimal("0.01")


def charges_of(tmp_path, **overrides):
    paths = write_statement(
        publish(tmp_path / "p", full_tables(**overrides)), MARCH, tmp_path / "s", StatementOptions("tariff")
    )
    with (paths.folder / "tariff_charges.csv").open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle)), paths


def charge(rows, team, service, item=None):
    (row,) = [
        row for row in rows
        if (row["team_id"], row["service"], row["billing_currency"]) == (team, service, "USD")
        and item in (None, row["item"])
    ]  # fmt: skip
    return Decimal(row["charge"])


def test_gpu_hours_are_charged_by_the_hour_and_api_cost_by_its_factor(tmp_path):
    rows, _ = charges_of(tmp_path)
    assert charge(rows, "search", "gpu_hour") == Decimal("825.44"), "150.08 hours x 5.5, idle hours held included"
    assert charge(rows, "ads", "api_pass_through") == Decimal("62.96"), "61.1234567 x 1.03"
    assert charge(rows, "research", "actual cost", "GPU hours of T4") == Decimal("12.50"), "no tariff: actual cost"
    assert not [row for row in rows if row["service"] == "million_tokens"], "that tariff begins on 20 March"


@pytest.mark.parametrize("currency", ["USD", "EUR"])
def test_charges_and_recovery_add_up_to_the_ledger(tmp_path, currency):
    rows, paths = charges_of(tmp_path)
    own = [Decimal(row["charge"]) for row in rows if row["billing_currency"] == currency]
    exact = [
        row["effective_cost"] for row in full_allocations()
        if (row["billing_period"], row["billing_currency"]) == (MARCH, currency)
    ]  # fmt: skip
    assert sum(own) == sum(exact).quantize(CENT, rounding=ROUND_HALF_UP)
    (recovery,) = [
        row for row in rows if (row["service"], row["billing_currency"]) == ("over- or under-recovery", currency)
    ]  # fmt: skip
    assert recovery["team_id"] == "platform"
    page = StatementTables(paths.html.read_text(encoding="utf-8"))
    total = page.table(currency, "tariff-actual")[-1]
    assert amount(total[1]) == amount(total[2]) == sum(own) and amount(total[3]) == 0


def test_tokens_with_a_tariff_are_not_paid_by_the_hour_too(tmp_path):
    prices = [tariff("gpu_hour", "L40S", "5.5"), tariff("million_tokens", "llama-8b", "12.25")]
    rows, _ = charges_of(tmp_path, dim_tariffs=prices)
    assert charge(rows, "search", "million_tokens") == Decimal("490.00"), "40M tokens x 12.25"
    assert not [row for row in rows if row["service"] == "gpu_hour"], "their GPU hours are covered by the tokens"
    assert charge(rows, "ads", "actual cost", "API calls to OpenAI") == Decimal("61.12")


def test_a_price_holds_from_its_first_day_to_the_day_before_the_next(tmp_path):
    prices = [
        tariff("gpu_hour", "L40S", "5", tariff_id="old", valid_to=date(2026, 3, 14)),
        tariff("gpu_hour", "L40S", "6", tariff_id="new", valid_from=date(2026, 3, 14)),
    ]
    rows, _ = charges_of(tmp_path, dim_tariffs=prices)
    assert [row["tariff_id"] for row in rows if row["service"] == "gpu_hour"] == ["new"]


def test_a_tariff_in_another_currency_prices_nothing(tmp_path):
    euros = [tariff("gpu_hour", "L40S", "5", currency="EUR")]
    rows, _ = charges_of(tmp_path, dim_tariffs=euros)
    assert not [row for row in rows if row["service"] == "gpu_hour"]
    assert charge(rows, "search", "actual cost", "GPU hours of L40S") == Decimal("600.46")


def test_without_any_tariff_all_cost_passes_and_the_page_says_so(tmp_path):
    rows, paths = charges_of(tmp_path, dim_tariffs=[])
    assert {row["service"] for row in rows} == {"actual cost", "over- or under-recovery"}
    assert "Tariff none: no tariff holds for this use" in paths.html.read_text(encoding="utf-8")


def test_a_team_sees_its_own_charges_and_the_difference_to_actual_cost(tmp_path):
    rows, paths = charges_of(tmp_path)
    page = StatementTables((paths.teams["search"] / "statement.html").read_text(encoding="utf-8"))
    *lines, total = page.table("USD", "tariff")[1:]
    own = [Decimal(row["charge"]) for row in rows if (row["team_id"], row["billing_currency"]) == ("search", "USD")]
    assert sum(amount(line[-1]) for line in lines) == amount(total[-1]) == sum(own)
    _, (_, charged, actual, difference), _ = page.table("USD", "tariff-actual")
    assert amount(charged) - amount(actual) == amount(difference)
    assert "Chargeback at tariff" in PdfText(paths.pdf).text


def test_showback_shows_no_tariff(tmp_path):
    paths = write_statement(publish(tmp_path / "p", full_tables()), MARCH, tmp_path / "s")
    assert not (paths.folder / "tariff_charges.csv").exists()
    assert "Chargeback at tariff" not in paths.html.read_text(encoding="utf-8")


def test_tokens_of_two_days_are_priced_by_day(tmp_path):
    units = [
        unit("search", "effective", "600.456790122", 40_000_000, model_id="llama-8b", deployment_id="llm-a"),
        unit("search", "effective", "1", 8_000_000, model_id="llama-8b", charge_date=date(2026, 3, 25)),
    ]
    rows, _ = charges_of(tmp_path, fct_unit_costs=units)
    assert charge(rows, "search", "million_tokens") == Decimal("98.00"), "only the 8M tokens from 20 March on"
    assert charge(rows, "search", "gpu_hour") == Decimal("825.44")
