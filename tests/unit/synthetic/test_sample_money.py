"""What the deliveries ask for is what the truth says, to the last digit."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from pathlib import Path

import pytest

from tests.unit.synthetic.deliveries import cur, focus_rows, gcp_rows, results, truth

MONTHS = ("2026-10", "2026-11")


def _invoiced(sample: Path, month: str) -> dict[tuple[str, str], Decimal]:
    rows = [row for row in truth(sample, "invoices") if row["billing_period"] == month]
    return {(row["invoice_issuer_name"], row["invoice_id"]): Decimal(row["billed_total"]) for row in rows}


@pytest.mark.parametrize("month", MONTHS)
def test_cur_sums_to_its_invoices(sample: Path, month: str) -> None:
    found = cur(
        sample,
        month,
        """
        select
            line_item_legal_entity, coalesce(bill_invoice_id, ''),
            sum(line_item_unblended_cost::decimal(38, 9))
        from lines group by all
        """,
    )
    expected = _invoiced(sample, month)
    focus = sum(Decimal(row["BilledCost"]) for row in focus_rows(sample, month))
    for issuer, number, total in found:
        # in the open month no invoice has a number yet, and both payers have one issuer
        shared = focus if issuer.startswith("Amazon") and number == "" else 0
        assert total + shared == expected[issuer, number]


def test_focus_sums_to_its_invoice(sample: Path) -> None:
    rows = focus_rows(sample, "2026-10")
    assert len(rows[0]) == 60
    totals: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for row in rows:
        totals[row["InvoiceIssuerName"], row["InvoiceId"]] += Decimal(row["BilledCost"])
    assert totals.items() <= _invoiced(sample, "2026-10").items()


def test_focus_price_times_quantity_is_list_cost(sample: Path) -> None:
    for row in focus_rows(sample, "2026-10"):
        if row["ChargeCategory"] == "Usage":
            product = Decimal(row["ListUnitPrice"]) * Decimal(row["PricingQuantity"])
            assert product == pytest.approx(Decimal(row["ListCost"]), rel=Decimal("1e-9"))
        else:
            assert row["SkuId"] == row["PricingQuantity"] == row["ListUnitPrice"] == ""


@pytest.mark.parametrize("month", MONTHS)
def test_gcp_costs_and_credits_sum_to_the_invoice(sample: Path, month: str) -> None:
    rows = gcp_rows(sample, month)
    total = sum(row["cost"] + sum(credit["amount"] for credit in row["credits"]) for row in rows)
    assert total == _invoiced(sample, month)["Google Cloud", ""]
    assert any(len(row["credits"]) == 2 for row in rows)
    assert {row["cost_type"] for row in rows} == {"regular", "tax", "rounding error", "adjustment"}


def test_gcp_correction_negates_what_the_month_before_billed(sample: Path) -> None:
    corrected = [row for row in gcp_rows(sample, "2026-11") if row["cost_type"] == "adjustment"]
    billed = [
        row["cost"]
        for row in gcp_rows(sample, "2026-10")
        if row["project"] and row["project"]["id"] == "nw-research-notebooks"
        and row["usage_start_time"].startswith("2026-10-20") and row["cost_type"] == "regular"
    ]  # fmt: skip
    assert sorted(row["cost"] for row in corrected) == [-billed[0], billed[0] * Decimal("0.8")]


@pytest.mark.parametrize("month", MONTHS)
def test_vendor_reports_sum_to_their_invoices(sample: Path, month: str) -> None:
    openai = sum(Decimal(item["amount"]["value"]) for item in results(sample, f"openai/costs_{month}*.json"))
    cents = sum(Decimal(item["amount"]) for item in results(sample, f"anthropic/cost_report_{month}*.json"))
    invoiced = _invoiced(sample, month)
    assert (openai, cents / 100) == (invoiced["OpenAI", ""], invoiced["Anthropic", ""])


def test_savings_plan_cancels_and_is_partly_unused(sample: Path) -> None:
    [(residual, fee, committed, used, covered)] = cur(
        sample,
        "2026-10",
        """
        select
            sum(line_item_unblended_cost::decimal(38, 9)) filter (line_item_line_item_type in
                ('SavingsPlanCoveredUsage', 'SavingsPlanNegation')),
            sum(line_item_unblended_cost::decimal(38, 9)) filter (
                line_item_line_item_type = 'SavingsPlanRecurringFee'),
            sum(savings_plan_total_commitment_to_date::decimal(38, 9)),
            sum(savings_plan_used_commitment::decimal(38, 9)),
            sum(savings_plan_savings_plan_effective_cost::decimal(38, 9))
        from lines
        """,
    )
    assert residual == 0
    assert fee == committed
    assert used == covered
    assert 0 < committed - used < committed / 10


@pytest.mark.parametrize("month", MONTHS)
def test_teams_pay_exactly_what_was_invoiced(sample: Path, month: str) -> None:
    totals: dict[str, Decimal] = defaultdict(Decimal)
    for row in truth(sample, "team_month_cost"):
        if row["billing_period"] == month:
            totals[row["cost_basis"]] += Decimal(row["amount"])
    invoiced = sum(_invoiced(sample, month).values())
    for total in totals.values():
        # every amount is rounded to 18 places once
        assert abs(total - invoiced) < Decimal("1e-16")


def test_categories_add_up_to_the_teams(sample: Path) -> None:
    by_team: dict[tuple[str, str, str], Decimal] = defaultdict(Decimal)
    for row in truth(sample, "team_month_category"):
        by_team[row["billing_period"], row["team_id"], row["cost_basis"]] += Decimal(row["amount"])
    for row in truth(sample, "team_month_cost"):
        difference = by_team[row["billing_period"], row["team_id"], row["cost_basis"]] - Decimal(row["amount"])
        assert abs(difference) < Decimal("1e-16")
