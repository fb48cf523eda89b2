"""A small company's marts for February and March 2026: two currencies, credits, and every kind of unknown."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from tests.unit.reporting.marts_fixture import chargeback_of

MARCH, FEBRUARY = "2026-03", "2026-02"
THIRD = Decimal("33.333333333333333333")
Row = dict[str, Any]

TEAMS = {"search": "Search", "ads": "Ads Ranking", "research": "Research", "platform": "Platform"}
_GPU = {"stage": "gpu_pool", "pool_id": "gpu", "driver": "gpu_seconds", "rule_id": "gpu_nodes"}
_LLM = {"model_id": "llama-8b", "deployment_id": "llm-a"}


def allocation(team: str, category: str, effective: Any, billed: Any = None, **other: Any) -> Row:
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


def allocations() -> list[Row]:
    """March and February, with amounts that do not end at cents."""
    return [
        *_shared_and_direct(),
        *_gpu_pool(),
        *_ownerless(),
        *_euros(),
        allocation("search", "direct", "80.5", billing_period=FEBRUARY),
        allocation("gone", "direct", "5.5", billing_period=FEBRUARY),
        allocation("search", "direct", "1", billing_period=FEBRUARY, billing_currency="EUR"),
    ]


def _shared_and_direct() -> list[Row]:
    spread = {"stage": "shared_pool", "driver": "even", "service_name": "AWSSupport", "pool_id": "support"}
    credit = {"stage": "shared_pool", "pool_id": "credits", "service_name": "Credit"}
    api = {"service_provider_name": "OpenAI", "service_name": "API", "model_id": "openai/gpt"}
    return [
        allocation("search", "direct", "100.005"),
        allocation("ads", "direct", "50.005"),
        *(allocation(team, "shared", THIRD, **spread) for team in ("search", "ads", "research")),
        allocation("search", "shared", "-7.777777777", **credit),
        allocation("platform", "commitment", "0", "75.25", service_name="Savings Plans"),
        allocation("ads", "api", "61.1234567", x_evidence="metered", **api),
    ]


def _gpu_pool() -> list[Row]:
    productive = {**_GPU, "gpu_state": "productive"}
    return [
        allocation("search", "gpu", "400.123456789", "160.1", **productive, **_LLM),
        allocation("search", "idle", "200.333333333", "80.7", gpu_state="warm_idle", **_GPU, **_LLM),
        allocation("research", "gpu", "12.5", deployment_id="notebooks", **productive),
        allocation("platform", "idle", "90.0000000005", "0", gpu_state="unallocated", **_GPU),
    ]


def _ownerless() -> list[Row]:
    node = "rule:gpu_nodes > pool:gpu > node:i-1"
    dark = {**_GPU, "gpu_state": "unobserved", "allocation_path": f"{node} > state:unobserved"}
    lost = {**_GPU, "allocation_path": f"{node} > namespace:lost > state:productive"}
    unmatched = {"stage": "residual", "allocation_path": "rule:none > unallocated: no rule matched"}
    return [
        allocation("unallocated", "unobserved", "24.6", **dark),
        allocation("unallocated", "unallocated", "19.994999", **unmatched),
        allocation("unallocated", "unallocated", "3.3", gpu_state="productive", **lost),
        allocation("unallocated", "idle", "1.1", gpu_state="warm_idle", **lost),
    ]


def _euros() -> list[Row]:
    google = {"billing_currency": "EUR", "service_provider_name": "Google Cloud"}
    return [
        allocation("search", "direct", "10.004", **google),
        allocation("ads", "direct", "10.004", **google),
        allocation("research", "direct", "-0.003", **google),
    ]


def unit(team: str, basis: str, cost: Any, tokens: int | None, **other: Any) -> Row:
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


def _unit_costs() -> list[Row]:
    return [
        unit("search", "effective", "600.456790122", 40_000_000, **_LLM),
        unit("search", "fully_loaded", "800", 40_000_000, **_LLM),
        unit("ads", "effective", "61.1234567", 8_000_000, model_id="openai/gpt"),
        unit("ads", "list", "50", 5_000_000, model_id="openai/gpt"),
        unit("ads", "list", None, 3_000_000, model_id="openai/gpt", charge_date=date(2026, 3, 15)),
        unit("research", "effective", "12.5", None, deployment_id="notebooks"),
    ]


def waste(team: str, state: str, hours: Any, effective: Any, billed: Any = None, day: int = 14) -> Row:
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


def _gpu_waste() -> list[Row]:
    return [
        waste("search", "productive", "100.04", "400.123456789", "160.1"),
        waste("search", "warm_idle", "50.04", "200.333333333", "80.7"),
        waste("research", "productive", "3.04", "12.5"),
        waste("platform", "unallocated", "22.5", "90.0000000005", "0"),
        waste("unallocated", "unobserved", "4", "16.4", day=14),
        waste("unallocated", "unobserved", "2", "8.2", day=15),
        waste("unallocated", "productive", "0.8", "3.3"),
        waste("unallocated", "warm_idle", "0.3", "1.1"),
    ]


def invoice(issuer: str, charged: Any, invoiced: Any, **other: Any) -> Row:
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


def _invoices(rows: list[Row]) -> list[Row]:
    def billed(provider: str) -> Decimal:
        own = [row for row in rows if row["service_provider_name"] == provider]
        return sum((row["billed_cost"] for row in own if row["billing_period"] == MARCH), Decimal(0))

    amazon, openai, google = (billed(name) for name in ("Amazon Web Services", "OpenAI", "Google Cloud"))
    report = {"cause": "vendor cost report, no invoice given", "computed_list_cost": Decimal("60.5")}
    open_gap = {"is_reconciled": False, "cause": "unexplained"}
    return [
        invoice("Amazon Web Services", amazon, amazon),
        invoice("OpenAI", openai, None, x_source="openai", **report),
        invoice("Google Cloud", google, "21.25", billing_currency="EUR", x_source="gcp", **open_gap),
    ]


def component(name: str, group: str, evidence: str, cost: str) -> Row:
    """A TCO row of March."""
    return {
        "billing_period": MARCH,
        "tco_component": name,
        "component_group": group,
        "evidence": evidence,
        "billing_currency": "USD",
        "amount": Decimal(cost),
    }


def usage(source: str, model: str, tokens: int, **other: Any) -> Row:
    """A token usage row of March."""
    row = {
        "billing_period": MARCH,
        "source": source,
        "model_raw": model,
        "team_id": "ads",
        "total_tokens": tokens,
        "requests": tokens // 1000,
        "is_unpriced": False,
        "is_primary": True,
    }
    return {**row, **other}


def crossover() -> Row:
    """One crossover row of March without a break-even."""
    return {
        "billing_period": MARCH,
        "workload_id": "llm-a",
        "team_id": "search",
        "model_id": "llama-8b",
        "api_model_id": "groq/llama",
        "billing_currency": "USD",
        "output_tokens": 10_000_000,
        "api_cost": Decimal("4.2"),
        "self_hosted_cost": Decimal("800.1"),
        "replicas": 1,
        "horizon": "1 month",
        "verdict": "API cheaper",
        "evidence": "modelled",
    }


def account(posting: str, code: str, name: str, priority: int = 90, **conditions: Any) -> Row:
    """A posting rule; without conditions it fits everything."""
    key = f"{posting}-{code}-{priority}"
    fixed = {"posting_id": key, "posting": posting, "priority": priority, "account_code": code, "account_name": name}
    return {**fixed, "valid_from": date(2020, 1, 1), **conditions}


def accounts() -> list[Row]:
    """Accounts like those of the seed."""
    return [
        account("expense", "1951", "Suspense: unobserved", 10, owner="unallocated", cost_category="unobserved"),
        account("expense", "1950", "Suspense: no owner", 11, owner="unallocated"),
        account("expense", "6100", "R&D", 30, lifecycle="experiment"),
        account("expense", "5110", "Cost of revenue", 41, lifecycle="production"),
        account("expense", "6190", "Lifecycle not recorded"),
        account("payable", "2110", "Payable: AWS", 10, invoice_issuer_name="Amazon Web Services"),
        account("payable", "2190", "Payable: others"),
        account("prepaid", "1420", "Prepaid commitments"),
        account("recharge", "5900", "Recharge"),
        account("rounding", "7990", "Rounding"),
    ]


def workloads() -> list[Row]:
    """llm-a went from experiment to production on 10 March; notebooks stay an experiment."""
    llm = {"deployment_id": "llm-a", "team_id": "search", "product": "chat"}
    return [
        {**llm, "lifecycle": "experiment", "valid_from": date(2026, 1, 1), "valid_to": date(2026, 3, 10)},
        {**llm, "lifecycle": "production", "valid_from": date(2026, 3, 10)},
        {"deployment_id": "notebooks", "team_id": "research", "lifecycle": "experiment", "valid_from": date(2026, 1, 1)},
    ]


def tables() -> dict[str, list[Row]]:
    """All marts of the company."""
    rows = allocations()
    calls = {"failed_requests": 12, "retried_requests": 7, "is_primary": False}
    return {
        "dim_teams": [
            {"team_id": team, "team_name": name, "cost_center": "CC-1", "department": "Product"}
            for team, name in TEAMS.items()
        ],
        "dim_accounts": accounts(),
        "dim_workloads": workloads(),
        "dim_tco_components": [{"tco_component": "labour", "label": "Engineers"}],
        "fct_cost_allocations": rows,
        "fct_chargeback": chargeback_of(rows),
        "fct_unit_costs": _unit_costs(),
        "fct_tco": [
            component("labour", "people", "assumed", "199.543209878"),
            component("gpu_productive", "compute", "invoiced", "400.123456789"),
        ],
        "fct_gpu_waste": _gpu_waste(),
        "fct_token_usage": [
            usage("openai", "ft:mystery", 3_000_000, is_unpriced=True),
            usage("litellm", "gpt", 8_000_000, model_id="openai/gpt", **calls),
        ],
        "fct_reconciliation": _invoices(rows),
        "fct_crossover": [crossover()],
    }
