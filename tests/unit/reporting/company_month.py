"""A small company's marts for February and March 2026: two currencies, credits, and every kind of unknown."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from marts_fixture import chargeback_of

MARCH, FEBRUARY = "2026-03", "2026-02"
THIRD = Decimal("33.333333333333333333")


def allocation(team: str, category: str, effective: Any, billed: Any = None, **other: Any) -> dict[str, Any]:
    """An allocation row of March in USD unless told otherwise."""
    row = {
        "billing_period": MARCH,
        "charge_date": date(2026, 3, 14),
        "billing_currency": "USD",
        "team_id": team,
        "cost_category": category,
        "effective_cost": Decimal(str(effective)),
        "billed_cost": Decimal(str(effective if billed is None else billed)),
        "x_evidence": "invoiced",
        "service_provider_name": "Amazon Web Services",
        "service_name": "Amazon EC2",
        "stage": "direct",
        "allocation_path": "rule:tag_team",
        "driver": "rule",
    }
    return {**row, **other}


def allocations() -> list[dict[str, Any]]:
    """March and February, with amounts that do not end at cents."""
    spread = {"stage": "shared_pool", "driver": "even", "service_name": "AWSSupport", "pool_id": "support"}
    gpu = {"stage": "gpu_pool", "pool_id": "gpu", "driver": "gpu_seconds", "rule_id": "gpu_nodes"}
    rows = [
        allocation("search", "direct", "100.005"),
        allocation("ads", "direct", "50.005"),
        *(allocation(team, "shared", THIRD, **spread) for team in ("search", "ads", "research")),
        allocation(
            "search", "shared", "-7.777777777", pool_id="credits", stage="shared_pool", service_name="Credit"
        ),
        allocation(
            "search",
            "gpu",
            "400.123456789",
            "160.1",
            gpu_state="productive",
            deployment_id="llm-a",
            model_id="llama-8b",
            **gpu,
        ),
        allocation(
            "search", "idle", "200.333333333", "80.7", gpu_state="warm_idle", deployment_id="llm-a", **gpu
        ),
        allocation("research", "gpu", "12.5", gpu_state="productive", deployment_id="notebooks", **gpu),
        allocation("platform", "idle", "90.0000000005", "0", gpu_state="unallocated", **gpu),
        allocation("platform", "commitment", "0", "75.25", service_name="Savings Plans"),
        allocation(
            "unallocated",
            "unobserved",
            "24.6",
            gpu_state="unobserved",
            **gpu,
            allocation_path="rule:gpu_nodes > pool:gpu > node:i-1 > state:unobserved",
        ),
        allocation(
            "unallocated",
            "unallocated",
            "19.994999",
            stage="residual",
            allocation_path="rule:none > unallocated: no rule matched",
        ),
        allocation(
            "unallocated",
            "unallocated",
            "3.3",
            stage="gpu_pool",
            gpu_state="productive",
            allocation_path="rule:gpu_nodes > pool:gpu > node:i-1 > namespace:lost > state:productive",
        ),
        allocation(
            "ads",
            "api",
            "61.1234567",
            service_provider_name="OpenAI",
            service_name="API",
            model_id="openai/gpt",
            x_evidence="metered",
        ),
        allocation(
            "search", "direct", "10.004", billing_currency="EUR", service_provider_name="Google Cloud"
        ),
        allocation("ads", "direct", "10.004", billing_currency="EUR", service_provider_name="Google Cloud"),
        allocation(
            "research", "direct", "-0.003", billing_currency="EUR", service_provider_name="Google Cloud"
        ),
        allocation("search", "direct", "80.5", billing_period=FEBRUARY),
        allocation("gone", "direct", "5.5", billing_period=FEBRUARY),
        allocation("search", "direct", "1", billing_period=FEBRUARY, billing_currency="EUR"),
    ]
    return rows


def unit(team: str, basis: str, cost: Any, tokens: int | None, **other: Any) -> dict[str, Any]:
    """A unit cost row of March."""
    row = {
        "charge_date": date(2026, 3, 14),
        "billing_period": MARCH,
        "team_id": team,
        "cost_basis": basis,
        "billing_currency": "USD",
        "cost": None if cost is None else Decimal(str(cost)),
        "total_tokens": tokens,
        "output_tokens": None if tokens is None else tokens // 4,
        "requests": None if tokens is None else tokens // 1000,
        "x_evidence": "invoiced",
    }
    return {**row, **other}


def waste(
    team: str, state: str, hours: Any, effective: Any, billed: Any = None, day: int = 14
) -> dict[str, Any]:
    """A GPU waste row of March."""
    return {
        "charge_date": date(2026, 3, day),
        "billing_period": MARCH,
        "team_id": team,
        "gpu_model": "L40S",
        "state": state,
        "billing_currency": "USD",
        "gpu_hours": Decimal(str(hours)),
        "effective_cost": Decimal(str(effective)),
        "billed_cost": Decimal(str(effective if billed is None else billed)),
    }


def invoice(issuer: str, charged: Any, invoiced: Any, **other: Any) -> dict[str, Any]:
    """A reconciliation row of March."""
    total = Decimal(str(charged))
    row = {
        "billing_period": MARCH,
        "invoice_issuer_name": issuer,
        "invoice_id": f"INV-{issuer}",
        "billing_currency": "USD",
        "x_source": "aws_main",
        "lake_billed_cost": total,
        "charges_billed_cost": total,
        "allocated_billed_cost": total,
        "invoiced_amount": None if invoiced is None else Decimal(str(invoiced)),
        "is_reconciled": True,
    }
    return {**row, **other}


def tables() -> dict[str, list[dict[str, Any]]]:
    """All marts of the company."""
    rows = allocations()
    march = [row for row in rows if row["billing_period"] == MARCH]
    usd = {
        provider: sum(
            row["billed_cost"]
            for row in march
            if row["billing_currency"] == "USD" and row["service_provider_name"] == provider
        )
        for provider in ("Amazon Web Services", "OpenAI")
    }
    eur = sum(row["billed_cost"] for row in march if row["billing_currency"] == "EUR")
    return {
        "dim_teams": [
            {"team_id": team, "team_name": name, "cost_center": "CC-1", "department": "Product"}
            for team, name in (
                ("search", "Search"),
                ("ads", "Ads Ranking"),
                ("research", "Research"),
                ("platform", "Platform"),
            )
        ],
        "dim_tco_components": [
            {
                "tco_component": "labour",
                "component_group": "people",
                "label": "Engineers",
                "evidence_default": "assumed",
            }
        ],
        "fct_cost_allocations": rows,
        "fct_chargeback": chargeback_of(rows),
        "fct_unit_costs": [
            unit(
                "search", "effective", "600.456790122", 40_000_000, model_id="llama-8b", deployment_id="llm-a"
            ),
            unit("search", "fully_loaded", "800", 40_000_000, model_id="llama-8b", deployment_id="llm-a"),
            unit("ads", "effective", "61.1234567", 8_000_000, model_id="openai/gpt"),
            unit("ads", "list", "50", 5_000_000, model_id="openai/gpt"),
            unit("ads", "list", None, 3_000_000, model_id="openai/gpt", charge_date=date(2026, 3, 15)),
            unit("research", "effective", "12.5", None, deployment_id="notebooks"),
        ],
        "fct_tco": [
            {
                "billing_period": MARCH,
                "tco_component": "labour",
                "component_group": "people",
                "evidence": "assumed",
                "billing_currency": "USD",
                "amount": Decimal("199.543209878"),
            },
            {
                "billing_period": MARCH,
                "tco_component": "gpu_productive",
                "component_group": "compute",
                "evidence": "invoiced",
                "billing_currency": "USD",
                "amount": Decimal("400.123456789"),
            },
        ],
        "fct_gpu_waste": [
            waste("search", "productive", "100.04", "400.123456789", "160.1"),
            waste("search", "warm_idle", "50.04", "200.333333333", "80.7"),
            waste("research", "productive", "3.04", "12.5"),
            waste("platform", "unallocated", "22.5", "90.0000000005", "0"),
            waste("unallocated", "unobserved", "4", "16.4", day=14),
            waste("unallocated", "unobserved", "2", "8.2", day=15),
            waste("unallocated", "productive", "0.8", "3.3"),
        ],
        "fct_token_usage": [
            {
                "billing_period": MARCH,
                "source": "openai",
                "model_raw": "ft:mystery",
                "team_id": "ads",
                "total_tokens": 3_000_000,
                "requests": 3000,
                "is_unpriced": True,
                "is_primary": True,
            },
            {
                "billing_period": MARCH,
                "source": "litellm",
                "model_raw": "gpt",
                "model_id": "openai/gpt",
                "team_id": "ads",
                "total_tokens": 8_000_000,
                "requests": 8000,
                "failed_requests": 12,
                "retried_requests": 7,
                "is_unpriced": False,
                "is_primary": False,
            },
        ],
        "fct_reconciliation": [
            invoice("Amazon Web Services", usd["Amazon Web Services"], usd["Amazon Web Services"]),
            invoice(
                "OpenAI",
                usd["OpenAI"],
                None,
                x_source="openai",
                cause="vendor cost report, no invoice given",
                computed_list_cost=Decimal("60.5"),
            ),
            invoice(
                "Google Cloud",
                eur,
                "21.25",
                billing_currency="EUR",
                x_source="gcp",
                is_reconciled=False,
                cause="unexplained",
            ),
        ],
        "fct_crossover": [
            {
                "billing_period": MARCH,
                "workload_id": "llm-a",
                "team_id": "search",
                "model_id": "llama-8b",
                "api_model_id": "groq/llama",
                "total_tokens": 40_000_000,
                "api_cost": Decimal("4.2"),
                "self_hosted_cost": Decimal("800.1"),
                "replicas": 1,
                "horizon": "month",
                "verdict": "api_cheaper",
                "evidence": "modelled",
            },
        ],
    }
