"""The suites of landed bills: how their money is summed and which truths their rows keep.

Declarations only. Column names are those of the lake schemas; closed lists come from the providers' own documents
(FOCUS 1.4, AWS CUR 2.0 dictionary, Google Cloud's detailed export). A list that its provider may extend at any time
warns; one that decides how money is read blocks.
"""

from __future__ import annotations

from orchestration.quality.lake_rules import WRONG_PARTITION, LakeSuite, RowRule, filled, iso_currency, listed, ordered

AWS_LINE_ITEM_TYPES = (
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

AWS_CUR = LakeSuite(
    dataset="aws_cur_2_0",
    money={"billed_cost": "$line_item_unblended_cost"},
    currency="line_item_currency_code",
    rules=(
        filled(
            "bill_payer_account_id",
            "line_item_usage_account_id",
            "line_item_line_item_type",
            "line_item_unblended_cost",
            "line_item_usage_start_date",
        ),
        iso_currency("line_item_currency_code"),
        listed("line_item_type_is_known", "line_item_line_item_type", AWS_LINE_ITEM_TYPES),
        ordered("line_item_usage_start_date", "line_item_usage_end_date", may_be_equal=True),
        RowRule(
            name="machine_time_is_in_hours",
            title="instance usage is metered in hours",
            broken="""regexp_matches("line_item_usage_type", '(BoxUsage|SpotUsage):')
                AND "line_item_line_item_type" IN ('Usage', 'DiscountedUsage', 'SavingsPlanCoveredUsage')
                AND coalesce("pricing_unit", '') NOT IN ('Hrs', 'Hours', 'hour')""",
            needs=("line_item_usage_type", "line_item_line_item_type", "pricing_unit"),
            shows=("line_item_usage_type", "pricing_unit"),
            fix="GPU-hours are read from these lines: add the unit to the staging model before the next run",
        ),
    ),
)


def focus_suite(dataset: str) -> LakeSuite:
    """The suite of a data set in FOCUS columns."""
    return LakeSuite(
        dataset=dataset,
        money={
            "billed_cost": "$BilledCost",
            "effective_cost": "$EffectiveCost",
            "list_cost": "$ListCost",
            "contracted_cost": "$ContractedCost",
        },
        currency="BillingCurrency",
        rules=(
            filled("BillingAccountId", "ChargeCategory", "ChargePeriodStart", "BilledCost", "BillingCurrency"),
            iso_currency("BillingCurrency"),
            listed(
                "charge_category_is_known",
                "ChargeCategory",
                ("Usage", "Purchase", "Tax", "Credit", "Adjustment"),
            ),
            listed("charge_class_is_known", "ChargeClass", ("Correction",), optional=True),
            listed(
                "pricing_category_is_known",
                "PricingCategory",
                ("Standard", "Dynamic", "Committed", "Other"),
                warn=True,
                optional=True,
            ),
            listed("commitment_status_is_known", "CommitmentDiscountStatus", ("Used", "Unused"), optional=True),
            ordered("ChargePeriodStart", "ChargePeriodEnd"),
        ),
    )


GCP_BILLING = LakeSuite(
    dataset="gcp_billing_detailed",
    money={"billed_cost": "$cost + $credits"},
    currency="currency",
    rules=(
        filled("billing_account_id", "invoice", "cost", "currency", "usage_start_time"),
        iso_currency("currency"),
        listed(
            "cost_type_is_known",
            "cost_type",
            ("regular", "tax", "adjustment", "rounding_error", "rounding error"),
        ),
        ordered("usage_start_time", "usage_end_time", may_be_equal=True),
        RowRule(
            name="rows_belong_to_the_partition",
            title="invoice.month is the partition",
            broken="invoice.month != replace(partition, '-', '')",
            needs=("invoice",),
            shows=("invoice",),
            fix=WRONG_PARTITION,
        ),
    ),
)
