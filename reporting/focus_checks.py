"""Rules a FOCUS 1.2 file must keep, checked row by row on the written file.

The independent validator passes a closed list as soon as one row is right, never multiplies a price by a quantity and
sums nothing, so these rules are this project's own. A rule is a condition that breaks it; a finding names the rule,
how many rows break it and up to three of them. Sums against the marts are `focus_totals`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from duckdb import DuckDBPyConnection

from reporting.focus_columns import FOCUS_COLUMNS, OWN_COLUMNS
from reporting.focus_services import SUBCATEGORIES, pairs_table
from reporting.focus_units import is_unknown

EXAMPLES = 3
PRICE_TOLERANCE = 1e-9
SMALLEST = 1e-15


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A broken rule: what it says, how many rows break it, and some of them."""

    rule: str
    says: str
    rows: int
    examples: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.rule} ({self.says}): {self.rows} rows, e.g. {'; '.join(self.examples)}"


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


def check_files(con: DuckDBPyConnection, paths: Sequence[Path], *, is_whole: bool = True) -> list[Finding]:
    """Every broken rule of FOCUS 1.2 Parquet files, taken together as one data set.

    Args:
        con: a DuckDB session; the view `exported` of it is replaced by the files' rows.
        paths: the files.
        is_whole: the files hold a whole month, so that commitments must balance (not so in a team's slice).

    Returns:
        The findings; files without the columns of FOCUS give that one finding, as nothing else can be looked at.
    """
    names = ", ".join("'{}'".format(str(path).replace("'", "''")) for path in paths)
    con.execute(f"create or replace temp view exported as select * from read_parquet([{names}])")
    findings = _names(con)
    if findings:
        return findings
    counts = ", ".join(f"count(*) filter ({rule.broken})" for rule in ROW_RULES)
    rows = con.execute(f"select {counts} from exported").fetchall()[0]
    findings += [
        Finding(rule=rule.name, says=rule.says, rows=count, examples=_examples(con, rule))
        for rule, count in zip(ROW_RULES, rows, strict=True)
        if count
    ]
    findings += [*_keys(con), *_empty_texts(con), *_services(con)]
    return findings + (_commitments(con) if is_whole else [])


def _examples(con: DuckDBPyConnection, rule: Rule) -> tuple[str, ...]:
    shown = ", ".join(rule.shows)
    rows = con.execute(f"select {shown} from exported where {rule.broken} limit {EXAMPLES}").fetchall()
    return tuple(", ".join(f"{name} {value}" for name, value in zip(rule.shows, row, strict=True)) for row in rows)


def _grouped(con: DuckDBPyConnection, rule: str, says: str, sql: str) -> list[Finding]:
    rows = con.execute(sql).fetchall()
    examples = tuple(", ".join(str(value) for value in row) for row in rows[:EXAMPLES])
    return [Finding(rule=rule, says=says, rows=len(rows), examples=examples)] if rows else []


def _names(con: DuckDBPyConnection) -> list[Finding]:
    names = [row[0] for row in con.execute("describe exported").fetchall()]
    expected = [column.name for column in (*FOCUS_COLUMNS, *OWN_COLUMNS[:2])]
    wrong = [f"missing {name}" for name in expected if name not in names]
    wrong += [f"unknown {name}" for name in names if name not in expected and not name.startswith("x_")]
    says = "the 57 columns of FOCUS 1.2, own columns start with x_"
    return [Finding(rule="columns", says=says, rows=len(wrong), examples=tuple(wrong[:EXAMPLES]))] if wrong else []


def _keys(con: DuckDBPyConnection) -> list[Finding]:
    sql = "select x_RowKey, count(*) from exported group by all having count(*) > 1 or x_RowKey is null order by all"
    return _grouped(con, "natural_key_unique", "x_RowKey is unique and filled", sql)


def _empty_texts(con: DuckDBPyConnection) -> list[Finding]:
    texts = [row[0] for row in con.execute("describe exported").fetchall() if row[1] == "VARCHAR"]
    counted = ", ".join(f"count(*) filter (trim({name}) = '') as {name}" for name in texts)
    sql = f"select name, n from (unpivot (select {counted} from exported) on columns(*) into name name value n) where n > 0"
    return _grouped(con, "no_empty_text", "null means null: no empty texts", sql)


def _services(con: DuckDBPyConnection) -> list[Finding]:
    sql = """
        select ServiceName, string_agg(distinct ServiceCategory || '/' || ServiceSubcategory, ' and ')
        from exported group by all having count(distinct (ServiceCategory, ServiceSubcategory)) > 1 order by all
    """
    return _grouped(con, "one_category_per_service", "a service has one category and subcategory", sql)


def _commitments(con: DuckDBPyConnection) -> list[Finding]:
    """Only plans that are paid as they are used balance within a month; others do over their term."""
    sql = """
        select
            CommitmentDiscountId, x_BillingPeriod, BillingCurrency,
            sum(EffectiveCost) filter (ChargeCategory = 'Usage') as used_and_unused,
            sum(BilledCost) filter (ChargeCategory = 'Purchase') as fee
        from exported
        where CommitmentDiscountId is not null and ChargeClass is null
        group by all
        having bool_or(ChargeCategory = 'Purchase' and ChargeDescription ilike '%no upfront%')
            and abs(used_and_unused - fee) > greatest(0.01, 1e-6 * abs(fee))
        order by all
    """
    return _grouped(con, "commitment_balances", "used and unused parts of a No Upfront plan are its fee", sql)
