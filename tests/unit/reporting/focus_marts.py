"""A published `marts.duckdb` with a handful of charges that FOCUS treats specially, and their ledger.

The columns are those of the marts' contracts, so that a changed contract shows here.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from tests.dbt.compiled import DBT_PROJECT, column_types

MARTS = {"fct_charges": "charges", "fct_cost_allocations": "allocation"}
AWS = {"service_provider_name": "AWS", "invoice_issuer_name": "Amazon Web Services, Inc.", "billing_account_id": "1111"}
GOOGLE = {"service_provider_name": "Google Cloud", "invoice_issuer_name": "Google Cloud", "billing_account_id": "01A2"}
PLAN = {"commitment_discount_id": "arn:plan", "commitment_discount_type": "Compute Savings Plan"}
COMPUTE = {"service_category": "Compute", "service_name": "AmazonEC2"}
PLANS = {"service_category": "Compute", "service_name": "ComputeSavingsPlans"}


def charge(key: str, billed: str, *, effective: str | None = None, priced: str | None = None, **values: object) -> dict:
    """A charge of October in USD; list and contracted cost as `priced`, else as billed."""
    costs = {"billed_cost": billed, "effective_cost": effective or billed}
    costs |= dict.fromkeys(("list_cost", "contracted_cost"), priced or billed)
    common = {
        "charge_key": key, "billing_period": "2026-10", "charge_date": "2026-10-05", "charge_category": "Usage",
        "billing_currency": "USD", "x_line_count": 1, "x_source": "bill", "x_dataset": "focus", "x_evidence": "invoiced",
    }
    return common | AWS | costs | values


CHARGES: tuple[dict, ...] = (
    charge("vm", "24.123456789012345678", sku_id="SKU1", sku_meter="BoxUsage", consumed_unit="Hrs", consumed_quantity="24",
           resource_id="i-1", region_id="us-east-1", x_instance_type="p5.48xlarge", tags='{"team":"ads"}', invoice_id="INV1",
           **COMPUTE),
    charge("tokens", "0.000123", sku_id="SKU2", sku_meter="input", consumed_unit="1K tokens", consumed_quantity="0.41",
           x_token_type="uncached_input", x_model="claude", service_category="AI and Machine Learning",
           service_name="Amazon Bedrock", tags="{}"),
    charge("fee", "48", effective="0", charge_category="Purchase", consumed_unit="Hrs", consumed_quantity="24", x_line_count=24,
           charge_description="1 year No Upfront Compute Savings Plan", sku_meter="ComputeSP", **PLANS, **PLAN),
    charge("covered", "0", effective="40.5", priced="60", pricing_category="Committed", commitment_discount_status="Used",
           sku_meter="BoxUsage", consumed_unit="Hrs", consumed_quantity="10", **COMPUTE, **PLAN),
    charge("unused", "0", effective="7.5", priced="0", commitment_discount_status="Unused", pricing_category="Standard",
           sku_meter="ComputeSP", resource_id="arn:plan", **PLANS, **PLAN),
    charge("tax", "3.21", charge_category="Tax", sku_id="SKU1", pricing_category="Standard", consumed_unit="Hrs",
           consumed_quantity="1", charge_description="Tax", **COMPUTE),
    charge("credit", "-5", charge_category="Credit", charge_description="Gutschrift Zürich", **COMPUTE),
    charge("licence", "5", effective="5", priced="0", charge_category="Purchase", charge_description="Marketplace licence",
           consumed_unit="Units", consumed_quantity="1", service_category="Other", sku_meter="licence"),
    charge("pacific", "2", charge_date="2026-11-01", consumed_unit="gibibyte month", consumed_quantity="3", sku_id="G1",
           service_category="Storage", service_name="Cloud Storage", **GOOGLE),
    charge("late", "1.5", charge_date="2026-09-20", sku_id="G1", service_category="Storage", service_name="Cloud Storage",
           **GOOGLE),
    charge("euro", "9.99", billing_currency="EUR", service_category="Observability", service_name="Watcher", sku_meter="",
           consumed_unit="LCU-Hrs", consumed_quantity="3"),
    charge("correction", "-0.75", charge_class="Correction", charge_date="2026-08-02", x_original_billing_period="2026-08",
           sku_id="SKU1", sku_meter="BoxUsage", consumed_unit="Hrs", consumed_quantity="-1", **COMPUTE),
)


def part(number: int, key: str, team: str, billed: str, effective: str, **values: object) -> dict:
    """A ledger row of a charge of CHARGES."""
    common = {
        "allocation_key": f"{number:03}-{key}", "charge_key": key, "billing_period": "2026-10", "charge_date": "2026-10-05",
        "billing_currency": "USD", "service_provider_name": "AWS", "charge_category": "Usage", "cost_category": "direct",
        "stage": "direct", "allocation_path": "rule", "team_id": team, "rule_id": "r1", "driver": "rule", "share": 1.0,
        "x_evidence": "invoiced",
    }
    origin = next((row for row in CHARGES if row["charge_key"] == key), {})
    copied = ("charge_date", "billing_currency", "service_provider_name", "service_name", "charge_category")
    dimensions = {name: origin[name] for name in copied if name in origin}
    return common | dimensions | {"billed_cost": billed, "effective_cost": effective} | values


LEDGER: tuple[dict, ...] = (
    part(1, "vm", "ads", "8.041152263004115226", "8.041152263004115226"),
    part(2, "vm", "search", "8.041152263004115226", "8.041152263004115226"),
    part(3, "vm", "unallocated", "8.041152263004115226", "8.041152263004115226"),
    part(4, "fee", "ads", "12", "0"),
    part(5, "fee", "search", "36", "0"),
    *(
        part(number, row["charge_key"], "ads", row["billed_cost"], row["effective_cost"])
        for number, row in enumerate(CHARGES, start=10)
        if row["charge_key"] not in ("vm", "fee")
    ),
    part(90, "", "ads", "-1.25", "-1.25", charge_key=None, charge_category="Credit", cost_category="dispute", stage="dispute",
         service_name="Amazon Bedrock"),
    part(91, "", "platform", "1.25", "1.25", charge_key=None, charge_category="Credit", cost_category="dispute", stage="dispute",
         service_name="Amazon Bedrock"),
)


def publish(folder: Path, *, charges: tuple[dict, ...] = CHARGES, ledger: tuple[dict, ...] = LEDGER) -> Path:
    """Write a published folder with the two marts; returns it."""
    target = folder / "current"
    target.mkdir(parents=True)
    with duckdb.connect(str(target / "marts.duckdb")) as con:
        for mart, subject in MARTS.items():
            types = column_types(DBT_PROJECT / "models" / "marts" / subject / f"{mart}.yml")
            con.execute(f"create table {mart} ({', '.join(f'{name} {kind}' for name, kind in types.items())})")
            for row in charges if mart == "fct_charges" else ledger:
                marks = ", ".join("?" for _ in row)
                con.execute(f"insert into {mart} ({', '.join(row)}) values ({marks})", list(row.values()))
    return folder
