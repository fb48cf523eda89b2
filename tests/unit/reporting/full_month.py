"""The small company with everything a later snapshot holds: corrections, change drivers, bridge, breaks, tariffs."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from decimal import Decimal
from typing import Any

from tests.unit.reporting import company_month
from tests.unit.reporting.company_month import FEBRUARY, MARCH, Row, allocation, invoice
from tests.unit.reporting.marts_fixture import chargeback_of

DRIVERS = (("requests", "0.6137"), ("list_price", "0.291"), ("gpu_utilisation", "-0.0447"), ("idle", "0.1"))


def corrections() -> list[Row]:
    """An adjustment and a disputed credit of February, booked in March."""
    late = {"x_original_billing_period": FEBRUARY, "stage": "adjustment", "driver": "restated"}
    dispute = {"x_original_billing_period": FEBRUARY, "stage": "dispute", "driver": "dispute"}
    return [
        allocation("ads", "adjustment", "-12.3456", **late),
        allocation("search", "adjustment", "4.0051", "3.9951", **late),
        allocation("ads", "dispute", "-20.005", rule_id="D-1", **dispute),
        allocation("unallocated", "dispute", "20.005", rule_id="D-1", **dispute),
    ]


def full_allocations() -> list[Row]:
    """All allocations with the corrections."""
    rows = [*company_month.allocations(), *corrections()]
    return [{**row, "stage": "api_pool"} if row["cost_category"] == "api" else row for row in rows]


def full_tables(**overrides: list[Row]) -> dict[str, list[Row]]:
    """All marts, with drivers and bridges that add up exactly."""
    rows = full_allocations()
    content = {
        **company_month.tables(),
        "fct_cost_allocations": rows,
        "fct_chargeback": chargeback_of(rows),
        "fct_cost_changes": changes_of(rows),
        "fct_cost_bridge": bridge_of(rows),
        "fct_reconciliation": _tied(rows),
        "dim_tariffs": tariffs(),
        "fct_gpu_hours": gpu_hours(),
    }
    return {**content, **overrides}


def changes_of(rows: list[Row]) -> list[Row]:
    """Drivers per team and currency that add up to its exact change."""
    deltas: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for row in rows:
        sign = 1 if row["billing_period"] == MARCH else -1
        deltas[row["team_id"], row["billing_currency"]] += sign * row["effective_cost"]
    found = []
    for (team, currency), delta in deltas.items():
        parts = {driver: (delta * Decimal(part)).quantize(Decimal("1e-18")) for driver, part in DRIVERS}
        parts["team_change"] = delta - sum(parts.values())
        fixed = {"billing_period": MARCH, "previous_period": FEBRUARY, "team_id": team, "billing_currency": currency}
        found += [{**fixed, "driver": driver, "amount": amount} for driver, amount in parts.items()]
    return found


def bridge_of(rows: list[Row]) -> list[Row]:
    """Billed, two steps, effective, per currency."""
    found = []
    for currency in ("USD", "EUR"):
        own = [row for row in rows if (row["billing_period"], row["billing_currency"]) == (MARCH, currency)]
        billed, effective = (sum((row[f"{basis}_cost"] for row in own), Decimal(0)) for basis in ("billed", "effective"))
        first = ((effective - billed) / 3).quantize(Decimal("1e-9"))
        steps = [("billed cost", billed), ("use of commitments", first), ("unused commitments", effective - billed - first)]
        steps.append(("effective cost", effective))
        fixed = {"billing_period": MARCH, "billing_currency": currency}
        found += [{**fixed, "step_no": number, "step": step, "amount": amount} for number, (step, amount) in enumerate(steps)]
    return found


def tariff(service: str, item: str, price: str, **other: Any) -> Row:
    """An agreed price from January 2026 on."""
    row = {"tariff_id": f"{service}_{item}", "service": service, "item": item, "unit": "unit", "currency": "USD"}
    return {**row, "unit_price": Decimal(price), "valid_from": date(2026, 1, 1), **other}


def tariffs() -> list[Row]:
    """GPU hours of the L40S, tokens of llama-8b from 20 March on, 3 % on OpenAI."""
    return [
        tariff("gpu_hour", "L40S", "5.5"),
        tariff("million_tokens", "llama-8b", "12.25", valid_from=date(2026, 3, 20)),
        tariff("api_pass_through", "OpenAI", "1.03", currency=None),
    ]


def gpu_hours() -> list[Row]:
    """Held hours of 14 March, hours nobody held, and hours of a GPU model without a tariff."""

    def used(team: str, model: str, state: str, hours: str, cost: str, **other: Any) -> Row:
        fixed = {"charge_date": date(2026, 3, 14), "billing_period": MARCH, "billing_currency": "USD"}
        amounts = {"gpu_hours": Decimal(hours), "effective_cost": Decimal(cost), "billed_cost": Decimal(cost)}
        return {**fixed, "team_id": team, "gpu_model": model, "state": state, **amounts, **other}

    return [
        used("search", "L40S", "productive", "100.04", "400.123456789", model_id="llama-8b"),
        used("search", "L40S", "warm_idle", "50.04", "200.333333333", model_id="llama-8b"),
        used("research", "T4", "productive", "3.04", "12.5"),
        used("platform", "L40S", "unallocated", "22.5", "90"),
        used("unallocated", "L40S", "unobserved", "6", "24.6"),
    ]


def _tied(rows: list[Row]) -> list[Row]:
    """Every issuer's invoice ties, so that nothing but what a test adds makes the month provisional."""
    sums: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for row in rows:
        if row["billing_period"] == MARCH:
            sums[row["service_provider_name"], row["billing_currency"]] += row["billed_cost"]
    return [invoice(name, total, total, billing_currency=currency) for (name, currency), total in sums.items()]
