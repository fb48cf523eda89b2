"""The FOCUS export carries the marts exactly, in FOCUS terms, and leaves nothing behind when it must not."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from reporting.errors import FocusError, StatementError
from reporting.focus_columns import FOCUS_COLUMNS
from reporting.focus_export import export_focus, write_focus
from tests.unit.reporting.focus_marts import CHARGES, LEDGER, publish


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The export of the handful of charges."""
    folder = tmp_path_factory.mktemp("focus")
    export_focus(publish(folder / "published"), folder / "out")
    return folder / "out"


def rows(files: Path, kind: str, columns: str, condition: str = "true") -> list[tuple]:
    sql = f"select {columns} from read_parquet('{files}/focus_1.2_{kind}_*.parquet') where {condition} order by all"
    return duckdb.sql(sql).fetchall()


def one(files: Path, key: str, columns: str, *, kind: str = "charges") -> tuple:
    (row,) = rows(files, kind, columns, f"x_RowKey = '{key}'")
    return row


def test_invoiced_and_open_charges_are_two_files(files):
    assert sorted(path.name for path in files.iterdir()) == [
        f"focus_1.2_{kind}_2026-10_{state}.parquet" for kind in ("allocated", "charges") for state in ("invoiced", "open")
    ]


def test_the_57_columns_come_first_with_exact_money_and_instants(files):
    described = duckdb.sql(f"describe select * from '{files}/focus_1.2_charges_2026-10_open.parquet'").fetchall()
    assert [row[0] for row in described[:57]] == [column.name for column in FOCUS_COLUMNS]
    assert all(row[0].startswith("x_") for row in described[57:])
    types = {row[0]: row[1] for row in described}
    assert {types[name] for name in ("BilledCost", "EffectiveCost", "ListCost", "ContractedCost")} == {"DECIMAL(38,18)"}
    assert types["ChargePeriodStart"] == "TIMESTAMP WITH TIME ZONE" and types["Tags"] == "VARCHAR"


@pytest.mark.parametrize(("kind", "source"), [("charges", CHARGES), ("allocated", LEDGER)])
def test_totals_are_those_of_the_mart(files, kind, source):
    columns = "BillingCurrency, sum(BilledCost), sum(EffectiveCost)"
    found = {row[0]: row[1:] for row in rows(files, kind, columns, "true group by 1")}
    for currency, sums in found.items():
        mine = [row for row in source if row["billing_currency"] == currency]
        assert sums == tuple(sum(Decimal(row[name]) for row in mine) for name in ("billed_cost", "effective_cost"))


def test_units_are_scaled_and_prices_give_the_cost_back(files):
    columns = "PricingUnit, PricingQuantity, ListUnitPrice, SkuMeter, SkuPriceDetails"
    unit, quantity, price, meter, details = one(files, "tokens", columns)
    assert (unit, quantity, price * quantity, meter) == ("Tokens", 410, Decimal("0.000123"), "Input Tokens")
    assert details == '{"x_ModelId":"claude","x_TokenDirection":"Input"}'
    assert one(files, "euro", "PricingUnit, ConsumedUnit") == ("LCU-Hours", "LCU-Hours")
    assert one(files, "pacific", "PricingUnit") == ("GiB-Months",)


def test_a_plan_is_a_purchase_without_effective_cost_and_committed_usage(files):
    columns = "ChargeFrequency, PricingCategory, EffectiveCost, CommitmentDiscountStatus, CommitmentDiscountQuantity"
    assert one(files, "fee", columns) == ("Recurring", "Standard", 0, None, 48)
    assert one(files, "covered", columns) == ("Usage-Based", "Committed", Decimal("40.5"), "Used", Decimal("40.5"))
    assert one(files, "unused", columns)[1:4] == ("Committed", Decimal("7.5"), "Unused")
    assert one(files, "unused", "PricingQuantity, ConsumedQuantity, CommitmentDiscountUnit") == (None, None, "USD")


def test_a_purchase_used_up_at_once_is_a_purchase_and_its_use(files):
    columns = "ChargeCategory, BilledCost, EffectiveCost"
    assert one(files, "licence", columns) == ("Purchase", 5, 0)
    assert one(files, "licence:use", columns) == ("Usage", 0, 5)


def test_tax_has_no_price_and_null_means_null(files):
    columns = "SkuId, SkuPriceId, SkuMeter, PricingQuantity, PricingUnit, ListUnitPrice, PricingCategory, ConsumedQuantity"
    assert one(files, "tax", columns) == (None,) * 8
    assert one(files, "tokens", "Tags") == (None,)
    assert one(files, "euro", "SkuMeter") == (None,)


def test_periods_follow_the_issuer_and_late_usage_is_a_correction(files):
    instants = "epoch_ms(BillingPeriodStart), epoch_ms(BillingPeriodEnd), epoch_ms(ChargePeriodStart), epoch_ms(ChargePeriodEnd)"
    texts = instants.replace("epoch_ms(", "strftime(").replace(")", ", '%m-%d %H')")
    duckdb.sql("set timezone = 'UTC'")
    assert one(files, "pacific", texts) == ("10-01 07", "11-01 07", "11-01 00", "11-01 07")
    assert one(files, "vm", texts) == ("10-01 00", "11-01 00", "10-05 00", "10-06 00")
    assert one(files, "late", f"ChargeClass, {texts}") == ("Correction", "10-01 07", "11-01 07", "09-20 00", "09-21 00")


def test_a_booking_of_a_closed_month_is_a_correction_of_its_own_time(files):
    columns = "ChargeClass, ChargeCategory, ListUnitPrice, x_OriginalBillingPeriod, strftime(ChargePeriodStart, '%Y-%m-%d')"
    assert one(files, "correction", columns) == ("Correction", "Usage", None, "2026-08", "2026-08-02")


def test_a_category_off_the_list_becomes_the_legal_one(files):
    columns = "ServiceCategory, ServiceSubcategory, x_DeliveredServiceCategory"
    assert one(files, "euro", columns) == ("Management and Governance", "Other (Management and Governance)", "Observability")
    assert one(files, "vm", columns)[:2] == ("Compute", "Virtual Machines")


def test_parts_sum_to_their_charge_in_every_metric(files):
    columns = "sum(ListCost), sum(ContractedCost), sum(PricingQuantity), sum(x_AllocatedRatio)"
    cost = Decimal("24.123456789012345678")
    assert rows(files, "allocated", columns, "x_ChargeKey = 'vm'") == [(cost, cost, 24, 1)]
    ratios = rows(files, "allocated", "x_TeamId, x_AllocatedRatio, BilledCost", "x_ChargeKey = 'fee'")
    assert ratios == [("ads", Decimal("0.25"), 12), ("search", Decimal("0.75"), 36)]
    prices = rows(files, "allocated", "distinct ListUnitPrice", "x_ChargeKey = 'vm'")
    assert prices == rows(files, "charges", "ListUnitPrice", "x_ChargeKey = 'vm'")


def test_a_ledger_row_without_a_charge_is_exported(files):
    assert rows(files, "allocated", "x_TeamId, ChargeCategory, ListCost", "x_AllocationStage = 'dispute'") == [
        ("ads", "Credit", Decimal("-1.25")),
        ("platform", "Credit", Decimal("1.25")),
    ]


def test_a_teams_slice_holds_its_part_alone(tmp_path):
    marts = publish(tmp_path / "published") / "current" / "marts.duckdb"
    written = write_focus(marts, tmp_path / "out", rows="allocated", period="2026-10", team_id="search", name="search")
    assert [path.path.name for path in written] == ["search_invoiced.parquet", "search_open.parquet"]
    sums = duckdb.sql(f"select sum(BilledCost), list(distinct x_TeamId) from '{tmp_path}/out/*.parquet'").fetchall()
    assert sums == [(Decimal("44.041152263004115226"), ["search"])]
    assert write_focus(marts, tmp_path / "out", rows="allocated", period="2026-10", team_id="nobody") == []
    with pytest.raises(ValueError, match="only allocated"):
        write_focus(marts, tmp_path / "out", rows="charges", period="2026-10", team_id="search")


def test_texts_stay_as_they_are_unless_ascii_is_asked_for(files, tmp_path):
    assert one(files, "credit", "ChargeDescription") == ("Gutschrift Zürich",)
    export_focus(publish(tmp_path / "published"), tmp_path / "out", kinds=["charges"], is_ascii=True)
    assert one(tmp_path / "out", "credit", "ChargeDescription") == ("Gutschrift Zurich",)


def test_a_file_that_would_break_a_rule_is_not_left_behind(tmp_path):
    broken = {"vm": {"consumed_unit": "GB/s % of x"}, "fee": {"charge_category": "Fee"}}
    charges = tuple(row | broken.get(row["charge_key"], {}) for row in CHARGES)
    with pytest.raises(FocusError) as raised:
        export_focus(publish(tmp_path / "published", charges=charges), tmp_path / "out", kinds=["charges"])
    assert "unit_known" in str(raised.value) and "GB/s % of x" in str(raised.value)
    assert "ChargeCategory_listed" in str(raised.value) and "1 rows" in str(raised.value)
    assert list((tmp_path / "out").iterdir()) == []


def test_a_ledger_that_lost_money_is_refused(tmp_path):
    with pytest.raises(FocusError, match="parts_equal_charges"):
        export_focus(publish(tmp_path / "published", ledger=LEDGER[1:]), tmp_path / "out", kinds=["allocated"])


def test_an_unpublished_month_or_nothing_published_is_named(tmp_path):
    with pytest.raises(FocusError, match="2027-01"):
        export_focus(publish(tmp_path / "published"), tmp_path / "out", periods=["2027-01"])
    with pytest.raises(StatementError):
        export_focus(tmp_path / "nothing", tmp_path / "out")


def test_the_same_marts_give_the_same_bytes(tmp_path):
    published = publish(tmp_path / "published")
    hashes = []
    for name in ("one", "two"):
        files = export_focus(published, tmp_path / name)
        hashes.append([file.path.read_bytes() for file in files])
    assert hashes[0] == hashes[1]
