"""Builds a published snapshot with a small `marts.duckdb` whose columns follow the marts' contract."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import duckdb

_MONEY = "DECIMAL(38, 18)"

TABLES: dict[str, dict[str, str]] = {
    "dim_teams": {
        "team_id": "VARCHAR",
        "team_name": "VARCHAR",
        "cost_center": "VARCHAR",
        "department": "VARCHAR",
    },
    "dim_tco_components": {
        "tco_component": "VARCHAR",
        "component_group": "VARCHAR",
        "label": "VARCHAR",
        "evidence_default": "VARCHAR",
    },
    "dim_workloads": {
        "deployment_id": "VARCHAR",
        "team_id": "VARCHAR",
        "product": "VARCHAR",
        "lifecycle": "VARCHAR",
        "valid_from": "DATE",
        "valid_to": "DATE",
    },
    "dim_accounts": {
        "posting_id": "VARCHAR",
        "posting": "VARCHAR",
        "priority": "INTEGER",
        "owner": "VARCHAR",
        "cost_category": "VARCHAR",
        "lifecycle": "VARCHAR",
        "invoice_issuer_name": "VARCHAR",
        "account_code": "VARCHAR",
        "account_name": "VARCHAR",
        "valid_from": "DATE",
        "valid_to": "DATE",
    },
    "dim_tariffs": {
        "tariff_id": "VARCHAR",
        "service": "VARCHAR",
        "item": "VARCHAR",
        "unit": "VARCHAR",
        "unit_price": _MONEY,
        "currency": "VARCHAR",
        "valid_from": "DATE",
        "valid_to": "DATE",
    },
    "fct_charges": {
        "charge_key": "VARCHAR",
        "billing_period": "VARCHAR",
        "invoice_issuer_name": "VARCHAR",
    },
    "fct_gpu_hours": {
        "charge_date": "DATE",
        "billing_period": "VARCHAR",
        "gpu_model": "VARCHAR",
        "team_id": "VARCHAR",
        "model_id": "VARCHAR",
        "state": "VARCHAR",
        "gpu_hours": "DECIMAL(18, 9)",
        "effective_cost": _MONEY,
        "billed_cost": _MONEY,
        "billing_currency": "VARCHAR",
    },
    "fct_cost_changes": {
        "billing_period": "VARCHAR",
        "previous_period": "VARCHAR",
        "team_id": "VARCHAR",
        "billing_currency": "VARCHAR",
        "driver": "VARCHAR",
        "amount": _MONEY,
    },
    "fct_cost_bridge": {
        "billing_period": "VARCHAR",
        "billing_currency": "VARCHAR",
        "step_no": "INTEGER",
        "step": "VARCHAR",
        "amount": _MONEY,
    },
    "fct_reconciliation_breaks": {
        "billing_period": "VARCHAR",
        "service_provider_name": "VARCHAR",
        "compared": "VARCHAR",
        "billing_currency": "VARCHAR",
        "gap": _MONEY,
        "is_explained": "BOOLEAN",
        "is_break": "BOOLEAN",
    },
    "fct_chargeback": {
        "billing_period": "VARCHAR",
        "team_id": "VARCHAR",
        "cost_category": "VARCHAR",
        "cost_basis": "VARCHAR",
        "billing_currency": "VARCHAR",
        "amount": _MONEY,
        "x_evidence": "VARCHAR",
    },
    "fct_cost_allocations": {
        "allocation_key": "VARCHAR",
        "charge_key": "VARCHAR",
        "billing_period": "VARCHAR",
        "charge_date": "DATE",
        "billing_currency": "VARCHAR",
        "service_provider_name": "VARCHAR",
        "service_name": "VARCHAR",
        "charge_category": "VARCHAR",
        "cost_category": "VARCHAR",
        "stage": "VARCHAR",
        "allocation_path": "VARCHAR",
        "team_id": "VARCHAR",
        "product": "VARCHAR",
        "model_id": "VARCHAR",
        "deployment_id": "VARCHAR",
        "gpu_state": "VARCHAR",
        "rule_id": "VARCHAR",
        "pool_id": "VARCHAR",
        "driver": "VARCHAR",
        "share": "DOUBLE",
        "x_evidence": "VARCHAR",
        "billed_cost": _MONEY,
        "effective_cost": _MONEY,
        "x_original_billing_period": "VARCHAR",
    },
    "fct_unit_costs": {
        "charge_date": "DATE",
        "billing_period": "VARCHAR",
        "model_id": "VARCHAR",
        "deployment_id": "VARCHAR",
        "team_id": "VARCHAR",
        "cost_basis": "VARCHAR",
        "billing_currency": "VARCHAR",
        "cost": _MONEY,
        "total_tokens": "BIGINT",
        "output_tokens": "BIGINT",
        "requests": "BIGINT",
        "usd_per_million_tokens": _MONEY,
        "usd_per_million_output_tokens": _MONEY,
        "usd_per_request": _MONEY,
        "x_evidence": "VARCHAR",
    },
    "fct_tco": {
        "charge_date": "DATE",
        "billing_period": "VARCHAR",
        "workload_type": "VARCHAR",
        "workload_id": "VARCHAR",
        "team_id": "VARCHAR",
        "tco_component": "VARCHAR",
        "component_group": "VARCHAR",
        "evidence": "VARCHAR",
        "billing_currency": "VARCHAR",
        "amount": _MONEY,
    },
    "fct_gpu_waste": {
        "charge_date": "DATE",
        "billing_period": "VARCHAR",
        "team_id": "VARCHAR",
        "gpu_model": "VARCHAR",
        "state": "VARCHAR",
        "billing_currency": "VARCHAR",
        "gpu_hours": "DECIMAL(18, 9)",
        "effective_cost": _MONEY,
        "billed_cost": _MONEY,
    },
    "fct_token_usage": {
        "usage_key": "VARCHAR",
        "billing_period": "VARCHAR",
        "source": "VARCHAR",
        "service_provider_name": "VARCHAR",
        "model_id": "VARCHAR",
        "model_raw": "VARCHAR",
        "team_id": "VARCHAR",
        "total_tokens": "BIGINT",
        "output_tokens": "BIGINT",
        "requests": "BIGINT",
        "failed_requests": "BIGINT",
        "retried_requests": "BIGINT",
        "list_cost": _MONEY,
        "is_unpriced": "BOOLEAN",
        "is_tier_assumed": "BOOLEAN",
        "is_primary": "BOOLEAN",
    },
    "fct_reconciliation": {
        "billing_period": "VARCHAR",
        "invoice_issuer_name": "VARCHAR",
        "invoice_id": "VARCHAR",
        "billing_currency": "VARCHAR",
        "x_source": "VARCHAR",
        "lake_billed_cost": _MONEY,
        "charges_billed_cost": _MONEY,
        "allocated_billed_cost": _MONEY,
        "invoiced_amount": _MONEY,
        "computed_list_cost": _MONEY,
        "gap": _MONEY,
        "cause": "VARCHAR",
        "is_reconciled": "BOOLEAN",
    },
    "fct_crossover": {
        "billing_period": "VARCHAR",
        "workload_id": "VARCHAR",
        "team_id": "VARCHAR",
        "model_id": "VARCHAR",
        "api_model_id": "VARCHAR",
        "billing_currency": "VARCHAR",
        "output_tokens": "BIGINT",
        "api_cost": _MONEY,
        "self_hosted_cost": _MONEY,
        "self_hosted_cost_without_labour": _MONEY,
        "replicas": "INTEGER",
        "break_even_tokens": "BIGINT",
        "horizon": "VARCHAR",
        "verdict": "VARCHAR",
        "evidence": "VARCHAR",
    },
}

Rows = Iterable[Mapping[str, Any]]


OPTIONAL = {"fct_cost_changes", "fct_cost_bridge", "fct_reconciliation_breaks", "dim_accounts", "dim_workloads"}


def publish(folder: Path, tables: Mapping[str, Rows], *, snapshot: Mapping[str, Any] | None = None) -> Path:
    """Write `folder/snapshots/s1`, point `folder/current` at it and return `folder`."""
    home = folder / "snapshots" / "s1"
    home.mkdir(parents=True, exist_ok=True)
    write_marts(home / "marts.duckdb", tables)
    facts = {
        "snapshot_id": "s1",
        "created_at": "2026-04-02T06:00:00Z",
        "code_version": "0.1.0+abc1234",
        "inputs": [],
    }
    (home / "snapshot.json").write_text(json.dumps({**facts, **(snapshot or {})}), encoding="utf-8")
    link = folder / "current"
    link.unlink(missing_ok=True)
    link.symlink_to(home.relative_to(folder))
    return folder


def write_marts(path: Path, tables: Mapping[str, Rows]) -> None:
    """A marts file with every table of the contract; tables not given stay empty."""
    path.unlink(missing_ok=True)
    with duckdb.connect(str(path)) as con:
        for name, columns in TABLES.items():
            if name in OPTIONAL and name not in tables:
                continue  # snapshots of an older version do not hold it
            fields = ", ".join(f"{column} {kind}" for column, kind in columns.items())
            con.execute(f"create table {name} ({fields})")
            rows = [[row.get(column) for column in columns] for row in tables.get(name, ())]
            unknown = {key for row in tables.get(name, ()) for key in row} - columns.keys()
            assert not unknown, f"{name} has no columns {unknown}"
            if rows:
                con.executemany(f"insert into {name} values ({', '.join('?' * len(columns))})", rows)


def chargeback_of(allocations: Rows) -> list[dict[str, Any]]:
    """Chargeback rows that carry exactly the given allocations, one per allocation and basis."""
    return [
        {
            "billing_period": row["billing_period"],
            "team_id": row["team_id"],
            "cost_category": row["cost_category"],
            "cost_basis": basis,
            "billing_currency": row["billing_currency"],
            "amount": row[f"{basis}_cost"],
            "x_evidence": row["x_evidence"],
        }
        for row in allocations
        for basis in ("effective", "billed")
    ]
