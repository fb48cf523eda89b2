"""The 60 columns of AWS's FOCUS 1.2 export (57 and three of its own), as SQL over ``focus_lines``."""

from __future__ import annotations

from collections.abc import Sequence

from ingest.synthetic.company import APPS_PAYER, AWS_ISSUER, CURRENCY
from ingest.synthetic.window import Month, month_start

_NAMES = """
    AvailabilityZone BilledCost BillingAccountId BillingAccountName BillingAccountType BillingCurrency
    BillingPeriodEnd BillingPeriodStart CapacityReservationId CapacityReservationStatus ChargeCategory
    ChargeClass ChargeDescription ChargeFrequency ChargePeriodEnd ChargePeriodStart
    CommitmentDiscountCategory CommitmentDiscountId CommitmentDiscountName CommitmentDiscountQuantity
    CommitmentDiscountStatus CommitmentDiscountType CommitmentDiscountUnit ConsumedQuantity ConsumedUnit
    ContractedCost ContractedUnitPrice EffectiveCost InvoiceId InvoiceIssuerName ListCost ListUnitPrice
    PricingCategory PricingCurrency PricingCurrencyContractedUnitPrice PricingCurrencyEffectiveCost
    PricingCurrencyListUnitPrice PricingQuantity PricingUnit ProviderName PublisherName RegionId
    RegionName ResourceId ResourceName ResourceType ServiceCategory ServiceName ServiceSubcategory SkuId
    SkuMeter SkuPriceId SkuPriceDetails SubAccountId SubAccountName SubAccountType Tags x_Discounts
    x_Operation x_ServiceCode
"""
_ISO = "'%Y-%m-%dT%H:%M:%S.000Z'"
_USAGE = "category_of_charge = 'Usage'"
_SKU = "upper(substr(md5(meter), 1, 16))"
_COSTS = ("BilledCost", "EffectiveCost", "ListCost", "ContractedCost", "PricingCurrencyEffectiveCost")
_PRICES = (
    "ListUnitPrice",
    "ContractedUnitPrice",
    "PricingCurrencyContractedUnitPrice",
    "PricingCurrencyListUnitPrice",
)
_EXPRESSIONS = {
    **dict.fromkeys(_COSTS, "trim_number(cost)"),
    **dict.fromkeys(_PRICES, "trim_number(unit_price)"),
    **dict.fromkeys(("PricingQuantity", "ConsumedQuantity"), "trim_number(quantity)"),
    **dict.fromkeys(("PricingUnit", "ConsumedUnit"), f"case when {_USAGE} then unit end"),
    **dict.fromkeys(("BillingCurrency", "PricingCurrency"), f"'{CURRENCY}'"),
    **dict.fromkeys(("ProviderName", "PublisherName"), "'AWS'"),
    "BillingAccountId": f"'{APPS_PAYER}'",
    "BillingAccountName": "'northwind-apps'",
    "BillingAccountType": "'Management Account'",
    "ChargePeriodStart": f"strftime(start_at, {_ISO})",
    "ChargePeriodEnd": f"strftime(end_at, {_ISO})",
    "ChargeCategory": "category_of_charge",
    "ChargeDescription": "case category_of_charge when 'Tax' then 'Tax for product code ' || code "
    "when 'Credit' then 'Migration credit' else '$' || price || ' per ' || unit || ' of ' || meter end",
    "ChargeFrequency": f"case when {_USAGE} then 'Usage-Based' else 'One-Time' end",
    "InvoiceIssuerName": f"'{AWS_ISSUER}'",
    "PricingCategory": f"case when {_USAGE} then 'Standard' end",
    "RegionId": f"case when {_USAGE} then 'us-east-1' end",
    "RegionName": f"case when {_USAGE} then 'US East (N. Virginia)' end",
    "ResourceId": f"case when {_USAGE} then 'arn:aws:northwind:us-east-1:' || account || ':' || item || '-' || copy end",
    "ResourceName": f"case when {_USAGE} then item || '-' || copy end",
    "ResourceType": "resource_type",
    "ServiceCategory": "category",
    "ServiceName": "service",
    "ServiceSubcategory": "subcategory",
    "SkuId": f"case when {_USAGE} then {_SKU} end",
    "SkuMeter": "meter",
    "SkuPriceId": f"case when {_USAGE} then {_SKU} || '.JRTCKXETXF.6YS6EN2CT7' end",
    "SubAccountId": "account",
    "SubAccountName": "account_name",
    "SubAccountType": "'Member Account'",
    "Tags": "nullif(tags, '')",
    "x_Operation": "operation",
    "x_ServiceCode": "code",
}


def focus_columns() -> Sequence[str]:
    """The column names in delivery order."""
    return _NAMES.split()


def focus_select(month: Month, invoice: str) -> str:
    """The SELECT list of a month's export; columns without a value are empty."""
    start, stop = month_start(month.period), month_start(month.period.next())
    of_month = {
        "BillingPeriodStart": f"'{start}T00:00:00.000Z'",
        "BillingPeriodEnd": f"'{stop}T00:00:00.000Z'",
        "InvoiceId": f"nullif('{invoice}', '')",
    }
    expressions = {**_EXPRESSIONS, **of_month}
    return ", ".join(f'{expressions.get(name, "cast(null as varchar)")} as "{name}"' for name in focus_columns())
