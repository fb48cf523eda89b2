"""The FOCUS cost and usage table, 1.0 to 1.4: column kinds, required columns, row rules (billing.md 1.2)."""

from __future__ import annotations

from ingest.table_spec import Kind, Rule, TableSpec

CHARGE_CATEGORIES = ("Usage", "Purchase", "Tax", "Credit", "Adjustment")

_MONEY = (
    "BilledCost",
    "EffectiveCost",
    "ListCost",
    "ContractedCost",
    "ListUnitPrice",
    "ContractedUnitPrice",
    "PricingQuantity",
    "ConsumedQuantity",
    "CommitmentDiscountQuantity",
    "PricingCurrencyContractedUnitPrice",
    "PricingCurrencyEffectiveCost",
    "PricingCurrencyListUnitPrice",
)
_TIMES = ("BillingPeriodStart", "BillingPeriodEnd", "ChargePeriodStart", "ChargePeriodEnd")
_REQUIRED = (
    "BilledCost",
    "EffectiveCost",
    "BillingCurrency",
    "BillingAccountId",
    *_TIMES,
    "ChargeCategory",
)
_KINDS: dict[str, Kind] = {**dict.fromkeys(_MONEY, "money"), **dict.fromkeys(_TIMES, "time")}

FOCUS_TABLE = TableSpec(
    title="FOCUS",
    kinds=_KINDS,
    required=_REQUIRED,
    filled=("BillingCurrency", "BillingAccountId", "ChargeCategory"),
    rules=(
        Rule(
            column="ChargeCategory",
            bad="{ChargeCategory} NOT IN (" + ", ".join(f"'{name}'" for name in CHARGE_CATEGORIES) + ")",
            expected="one of " + ", ".join(CHARGE_CATEGORIES),
            fix="map the value to a FOCUS charge category and deliver the file again",
        ),
        Rule(
            column="ChargePeriodEnd",
            needs=("ChargePeriodStart",),
            bad="{ChargePeriodEnd} <= {ChargePeriodStart}",
            expected="a time after ChargePeriodStart",
            fix="the end is exclusive: the first instant after the charge period",
        ),
    ),
    money={
        "billed_cost": "BilledCost",
        "effective_cost": "EffectiveCost",
        "list_cost": "ListCost",
        "contracted_cost": "ContractedCost",
    },
    currency="BillingCurrency",
    period_start="BillingPeriodStart",
    columns=(*_REQUIRED, "ListCost", "ContractedCost", "ServiceName", "SubAccountId", "ResourceId", "Tags"),
)
