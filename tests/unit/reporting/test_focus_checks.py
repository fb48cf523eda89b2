"""Each rule of the FOCUS checks finds a file that breaks it, and a good file has no finding."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from reporting.focus_checks import check_files
from reporting.focus_export import export_focus
from reporting.focus_rules import ROW_RULES
from tests.unit.reporting.focus_marts import publish

VM, TAX, FEE, CREDIT = (f"x_RowKey = '{key}'" for key in ("vm", "tax", "fee", "credit"))
BROKEN: dict[str, tuple[str, str, str]] = {
    "ChargeCategory_listed": ("ChargeCategory", "'Taxx'", CREDIT),
    "ChargeClass_listed": ("ChargeClass", "'Corrected'", VM),
    "ChargeFrequency_listed": ("ChargeFrequency", "null", VM),
    "PricingCategory_listed": ("PricingCategory", "'Bogus'", VM),
    "CommitmentDiscountCategory_listed": ("CommitmentDiscountCategory", "'Money'", FEE),
    "CommitmentDiscountStatus_listed": ("CommitmentDiscountStatus", "'Active'", "x_RowKey = 'covered'"),
    "CapacityReservationStatus_listed": ("CapacityReservationStatus", "'Free'", VM),
    "ServiceCategory_listed": ("ServiceCategory", "'Bogus'", VM),
    "subcategory_of_category": ("ServiceSubcategory", "'Generative AI'", VM),
    "mandatory_filled": ("BillingCurrency", "null", VM),
    "ListCost_is_price_times_quantity": ("ListCost", "ListCost * 1.00000001", VM),
    "ContractedCost_is_price_times_quantity": ("ContractedUnitPrice", "ContractedUnitPrice * 2", VM),
    "period_order": ("ChargePeriodEnd", "ChargePeriodStart", VM),
    "charge_inside_billing_period": ("ChargePeriodEnd", "BillingPeriodEnd + interval 1 second", VM),
    "tags_flat": ("Tags", """'{"a":{"b":1}}'""", VM),
    "price_details_flat": ("SkuPriceDetails", """'["x"]'""", VM),
    "tax_has_no_price": ("PricingCategory", "'Standard'", TAX),
    "purchase_not_effective": ("EffectiveCost", "1", FEE),
    "status_with_commitment": ("CommitmentDiscountStatus", "null", "x_RowKey = 'covered'"),
    "commitment_described": ("CommitmentDiscountType", "'Plan'", VM),
    "unit_known": ("PricingUnit", "'1K tokens'", "x_RowKey = 'tokens'"),
    "unit_with_quantity": ("PricingUnit", "'Hours'", TAX),
    "issuer_provides_what_is_billed": ("ProviderName", "'AWS'", VM),
    "natural_key_unique": ("x_RowKey", "'tax'", VM),
    "no_empty_text": ("ResourceName", "''", VM),
    "one_category_per_service": ("ServiceSubcategory", "'Containers'", VM),
    "commitment_balances": ("EffectiveCost", "EffectiveCost + 1", "x_RowKey = 'unused'"),
}


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One good file: the charges of a month."""
    folder = tmp_path_factory.mktemp("focus")
    export_focus(publish(folder / "published"), folder / "out", kinds=["charges"])
    duckdb.sql(f"copy (from '{folder}/out/*.parquet') to '{folder}/good.parquet' (format parquet)")
    return folder / "good.parquet"


def findings(path: Path) -> dict[str, int]:
    with duckdb.connect() as con:
        con.execute("set timezone = 'UTC'")
        return {finding.rule: finding.rows for finding in check_files(con, [path])}


def test_a_good_file_has_no_finding(good):
    assert findings(good) == {}


def test_every_rule_has_a_broken_file():
    assert {rule.name for rule in ROW_RULES} <= set(BROKEN)


@pytest.mark.parametrize("rule", BROKEN)
def test_a_broken_row_is_found(good, tmp_path, rule):
    column, value, condition = BROKEN[rule]
    sql = f"select * replace (case when {condition} then {value} else {column} end as {column}) from '{good}'"
    duckdb.sql("set timezone = 'UTC'")
    duckdb.sql(f"copy ({sql}) to '{tmp_path}/broken.parquet' (format parquet)")
    found = findings(tmp_path / "broken.parquet")
    assert found[rule] == 1


@pytest.mark.parametrize(
    ("select", "example"),
    [("* exclude (SkuMeter)", "missing SkuMeter"), ("*, 1 as TeamId", "unknown TeamId")],
)
def test_columns_are_those_of_focus(good, tmp_path, select, example):
    duckdb.sql(f"copy (select {select} from '{good}') to '{tmp_path}/broken.parquet' (format parquet)")
    with duckdb.connect() as con:
        (finding,) = check_files(con, [tmp_path / "broken.parquet"])
    assert (finding.rule, finding.examples) == ("columns", (example,))


def test_a_finding_names_rule_rows_and_examples(good, tmp_path):
    duckdb.sql(f"copy (select * replace ('1K tokens' as PricingUnit) from '{good}') to '{tmp_path}/broken.parquet'")
    with duckdb.connect() as con:
        texts = [str(finding) for finding in check_files(con, [tmp_path / "broken.parquet"])]
    (text,) = (text for text in texts if text.startswith("unit_known"))
    assert text.startswith("unit_known (every unit is a FOCUS unit): 13 rows, e.g. PricingUnit 1K tokens, ConsumedUnit")
    assert text.count("PricingUnit") == 3
