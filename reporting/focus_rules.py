"""The rules a single row of a FOCUS 1.2 file must keep; `focus_checks` applies them.

Closed lists, prices, periods and null rules that the independent validator does not look at row by row. Source: FOCUS
1.2, data set Cost and Usage.
"""

from __future__ import annotations

from dataclasses import dataclass

from reporting.focus_services import SUBCATEGORIES, pairs_table
from reporting.focus_units import is_unknown

PRICE_TOLERANCE = 1e-9
SMALLEST = 1e-15


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A rule on single rows: `broken` is the SQL condition of a row that breaks it, `shows` what to print of it."""

    name: str
    says: str
    broken: str
    shows: tuple[str, ...]


def _listed(column: str, values: tuple[str, ...], *, is_required: bool = False) -> Rule:
    texts = ", ".join(f"'{value}'" for value in values)
    missing = f"{column} is null or " if is_required else f"{column} is not null and "
    return Rule(
        name=f"{column}_listed",
        says=f"{column} is one of {', '.join(values)}{'' if is_required else ' or null'}",
        broken=f"{missing}{column} not in ({texts})",
        shows=(column,),
    )


def _price(price: str, cost: str) -> Rule:
    product = f"cast({price} as double) * cast(PricingQuantity as double)"
    tolerance = f"greatest({PRICE_TOLERANCE} * abs(cast({cost} as double)), {SMALLEST})"
    return Rule(
        name=f"{cost}_is_price_times_quantity",
        says=f"{price} x PricingQuantity = {cost} outside corrections",
        broken=f"ChargeClass is null and {price} is not null and PricingQuantity is not null"
        f" and abs({product} - cast({cost} as double)) > {tolerance}",
        shows=(price, "PricingQuantity", cost),
    )


def _filled(*columns: str) -> Rule:
    return Rule(
        name="mandatory_filled",
        says=f"{', '.join(columns)} are filled",
        broken=" or ".join(f"{column} is null" for column in columns),
        shows=columns,
    )


def _together(name: str, condition: str, *columns: str, says: str) -> Rule:
    return Rule(name=name, says=says, broken=condition, shows=columns)


_IS_FLAT = (
    "({0} is not null and (not json_valid({0}) or json_type(cast({0} as json)) != 'OBJECT'"
    " or len(list_distinct(json_keys(cast({0} as json)))) != len(json_keys(cast({0} as json)))"
    " or list_has_any(list_transform(json_keys(cast({0} as json)), lambda k: coalesce(json_type(json_extract("
    "cast({0} as json), '/' || replace(replace(k, '~', '~0'), '/', '~1'))), 'NULL')), ['OBJECT', 'ARRAY'])))"
)

ROW_RULES: tuple[Rule, ...] = (
    _listed("ChargeCategory", ("Usage", "Purchase", "Tax", "Credit", "Adjustment"), is_required=True),
    _listed("ChargeClass", ("Correction",)),
    _listed("ChargeFrequency", ("One-Time", "Recurring", "Usage-Based"), is_required=True),
    _listed("PricingCategory", ("Standard", "Dynamic", "Committed", "Other")),
    _listed("CommitmentDiscountCategory", ("Spend", "Usage")),
    _listed("CommitmentDiscountStatus", ("Used", "Unused")),
    _listed("CapacityReservationStatus", ("Used", "Unused")),
    _listed("ServiceCategory", tuple(SUBCATEGORIES), is_required=True),
    _together(
        "subcategory_of_category",
        f"(ServiceCategory, ServiceSubcategory) not in (select (category, subcategory) from {pairs_table()})"
        " or ServiceSubcategory is null",
        "ServiceCategory",
        "ServiceSubcategory",
        says="ServiceSubcategory belongs to its ServiceCategory",
    ),
    _filled(
        "BilledCost", "EffectiveCost", "ListCost", "ContractedCost", "BillingAccountId", "BillingCurrency", "PricingCurrency",
        "InvoiceIssuerName", "ProviderName", "PublisherName", "ServiceName", "BillingPeriodStart", "BillingPeriodEnd",
        "ChargePeriodStart", "ChargePeriodEnd",
    ),
    _price("ListUnitPrice", "ListCost"),
    _price("ContractedUnitPrice", "ContractedCost"),
    _together(
        "period_order",
        "BillingPeriodEnd <= BillingPeriodStart or ChargePeriodEnd <= ChargePeriodStart",
        "BillingPeriodStart", "BillingPeriodEnd", "ChargePeriodStart", "ChargePeriodEnd",
        says="periods end after they start",
    ),
    _together(
        "charge_inside_billing_period",
        "ChargeClass is null and (ChargePeriodStart < BillingPeriodStart or ChargePeriodEnd > BillingPeriodEnd)",
        "ChargePeriodStart", "ChargePeriodEnd", "BillingPeriodStart", "BillingPeriodEnd",
        says="the charge period lies inside the billing period, except on corrections",
    ),
    _together("tags_flat", _IS_FLAT.format("Tags"), "Tags", says="Tags is one flat JSON object"),
    _together("price_details_flat", _IS_FLAT.format("SkuPriceDetails"), "SkuPriceDetails",
              says="SkuPriceDetails is one flat JSON object"),
    _together(
        "tax_has_no_price",
        "ChargeCategory = 'Tax' and coalesce(SkuId, SkuPriceId, PricingUnit, PricingCategory, cast(PricingQuantity as varchar),"
        " cast(ListUnitPrice as varchar), cast(ContractedUnitPrice as varchar)) is not null",
        "SkuId", "PricingQuantity", "PricingUnit", "ListUnitPrice", "PricingCategory",
        says="tax has no SKU, quantity, unit, price or pricing category",
    ),
    _together("purchase_not_effective", "ChargeCategory = 'Purchase' and EffectiveCost != 0", "EffectiveCost",
              says="a purchase has no effective cost"),
    _together(
        "status_with_commitment",
        "(CommitmentDiscountId is null and CommitmentDiscountStatus is not null)"
        " or (CommitmentDiscountId is not null and ChargeCategory = 'Usage' and CommitmentDiscountStatus is null)"
        " or (CapacityReservationId is null and CapacityReservationStatus is not null)"
        " or (CapacityReservationId is not null and ChargeCategory = 'Usage' and CapacityReservationStatus is null)",
        "CommitmentDiscountId", "CommitmentDiscountStatus", "CapacityReservationId", "CapacityReservationStatus",
        says="a status stands on the usage of a commitment or reservation and nowhere else",
    ),
    _together(
        "commitment_described",
        "(CommitmentDiscountId is null) != (CommitmentDiscountType is null)"
        " or (CommitmentDiscountId is null) != (CommitmentDiscountCategory is null)",
        "CommitmentDiscountId", "CommitmentDiscountType", "CommitmentDiscountCategory",
        says="type and category stand exactly where a commitment does",
    ),
    _together(
        "unit_known",
        f"{is_unknown('PricingUnit')} or {is_unknown('ConsumedUnit')}",
        "PricingUnit", "ConsumedUnit",
        says="every unit is a FOCUS unit",
    ),
    _together(
        "unit_with_quantity",
        "(PricingUnit is null) != (PricingQuantity is null) or (ConsumedUnit is null) != (ConsumedQuantity is null)",
        "PricingQuantity", "PricingUnit", "ConsumedQuantity", "ConsumedUnit",
        says="a unit stands exactly where its quantity does",
    ),
    _together(
        "issuer_provides_what_is_billed", "ProviderName != InvoiceIssuerName and BilledCost != 0", "ProviderName",
        "InvoiceIssuerName", says="what an issuer bills is provided by it",
    ),
)
