"""The AWS CUR 2.0 table (Data Exports ``COST_AND_USAGE_REPORT``, billing.md 2.1): column kinds and row rules.

AWS fixes the columns; an export may leave some out. Amounts are DOUBLE in delivered Parquet, decimals when
converted from CSV; rates that AWS delivers as text stay text.
"""

from __future__ import annotations

from ingest.table_spec import Kind, Rule, TableSpec

LINE_ITEM_TYPES = (
    "Usage",
    "DiscountedUsage",
    "SavingsPlanCoveredUsage",
    "SavingsPlanNegation",
    "SavingsPlanRecurringFee",
    "SavingsPlanUpfrontFee",
    "RIFee",
    "Fee",
    "Tax",
    "Credit",
    "Refund",
    "EdpDiscount",
    "PrivateRateDiscount",
    "BundledDiscount",
    "RiVolumeDiscount",
    "FlatRateSubscription",
)

_RESERVATION_MONEY = (
    "amortized_upfront_cost_for_usage",
    "amortized_upfront_fee_for_billing_period",
    "effective_cost",
    "net_amortized_upfront_cost_for_usage",
    "net_amortized_upfront_fee_for_billing_period",
    "net_effective_cost",
    "net_recurring_fee_for_usage",
    "net_unused_amortized_upfront_fee_for_billing_period",
    "net_unused_recurring_fee",
    "net_upfront_value",
    "recurring_fee_for_usage",
    "unused_amortized_upfront_fee_for_billing_period",
    "unused_normalized_unit_quantity",
    "unused_quantity",
    "unused_recurring_fee",
    "upfront_value",
)
_SAVINGS_PLAN_MONEY = (
    "amortized_upfront_commitment_for_billing_period",
    "net_amortized_upfront_commitment_for_billing_period",
    "net_recurring_commitment_for_billing_period",
    "net_savings_plan_effective_cost",
    "recurring_commitment_for_billing_period",
    "savings_plan_effective_cost",
    "savings_plan_rate",
    "total_commitment_to_date",
    "used_commitment",
)
_SPLIT_MONEY = (
    "actual_usage",
    "net_split_cost",
    "net_unused_cost",
    "public_on_demand_split_cost",
    "public_on_demand_unused_cost",
    "reserved_usage",
    "split_cost",
    "split_usage",
    "split_usage_ratio",
    "unused_cost",
)
_MONEY = (
    "line_item_blended_cost",
    "line_item_net_unblended_cost",
    "line_item_normalization_factor",
    "line_item_normalized_usage_amount",
    "line_item_unblended_cost",
    "line_item_usage_amount",
    "pricing_public_on_demand_cost",
    *(f"reservation_{name}" for name in _RESERVATION_MONEY),
    *(f"savings_plan_{name}" for name in _SAVINGS_PLAN_MONEY),
    *(f"split_line_item_{name}" for name in _SPLIT_MONEY),
)
_TIMES = (
    "bill_billing_period_start_date",
    "bill_billing_period_end_date",
    "line_item_usage_start_date",
    "line_item_usage_end_date",
)
_MAPS = ("product", "resource_tags", "cost_category", "discount")
_REQUIRED = (
    "bill_billing_period_start_date",
    "bill_payer_account_id",
    "line_item_currency_code",
    "line_item_line_item_type",
    "line_item_product_code",
    "line_item_unblended_cost",
    "line_item_usage_account_id",
    "line_item_usage_start_date",
)
_FILLED = ("bill_payer_account_id", "line_item_currency_code", "line_item_line_item_type")
_TEXTS = (
    "bill_invoice_id",
    "bill_invoicing_entity",
    "line_item_line_item_description",
    "line_item_operation",
    "line_item_resource_id",
    "line_item_usage_type",
    "product_instance_type",
)
_KINDS: dict[str, Kind] = {
    **dict.fromkeys(_MONEY, "money"),
    **dict.fromkeys(_TIMES, "time"),
    **dict.fromkeys(_MAPS, "map"),
}

AWS_CUR_TABLE = TableSpec(
    title="AWS CUR 2.0",
    kinds=_KINDS,
    required=_REQUIRED,
    filled=_FILLED,
    rules=(
        Rule(
            column="line_item_usage_end_date",
            needs=("line_item_usage_start_date",),
            bad="{line_item_usage_end_date} < {line_item_usage_start_date}",
            expected="a time not before line_item_usage_start_date",
            fix="let AWS deliver the period again",
        ),
    ),
    money={"billed_cost": "line_item_unblended_cost"},
    currency="line_item_currency_code",
    period_start="bill_billing_period_start_date",
    columns=tuple(dict.fromkeys((*_REQUIRED, *_TIMES, *_MAPS, *_MONEY, *_TEXTS))),
    known_values={"line_item_line_item_type": LINE_ITEM_TYPES},
)
