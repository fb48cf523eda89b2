"""The sample deliveries of Google Cloud's FOCUS export load to the totals of their manifest, restated too."""

from decimal import Decimal

import pytest

from ingest.lake import Lake
from tests.integration.shared_data import SHARED_DATA, deliver, needs_shared_data
from tests.unit.ingest.folder_deliveries import Inbox

SAMPLES = SHARED_DATA / "billing" / "costroid" / "gcp-focus-bq"
pytestmark = needs_shared_data


@pytest.fixture
def inbox(tmp_path):
    inbox = Inbox.below(tmp_path, "gcp_focus_export")
    deliver(SAMPLES / "fixture", inbox.folder)
    return inbox


def totals(inbox: Inbox, partition: str) -> tuple[int, dict[str, Decimal]]:
    manifest = Lake(inbox.settings.lake_dir).current("bills", "gcp_focus", partition)
    assert manifest is not None
    return manifest.rows, dict(manifest.money["USD"])


def costs(billed: str, listed: str, contracted: str) -> dict[str, Decimal]:
    names = ("billed_cost", "effective_cost", "list_cost", "contracted_cost")
    return dict(zip(names, map(Decimal, (billed, billed, listed, contracted)), strict=True))


def test_the_first_delivery_has_the_expected_totals(inbox):
    assert inbox.loaded() == ["2026-05", "2026-06"]
    assert totals(inbox, "2026-05") == (2, costs("3.123456789012345678", "5", "4"))
    assert totals(inbox, "2026-06") == (3, costs("15", "17", "15"))
    newest = "max(epoch_us(CAST(x_ExportTime AS TIMESTAMPTZ)))"
    assert inbox.rows("2026-05", newest) == [(1778846400123456,)]
    assert inbox.rows("2026-06", newest) == [(1781524800000003,)]


def test_a_restated_month_replaces_itself_and_a_third_run_loads_nothing(inbox):
    inbox.load()
    deliver(SAMPLES / "restated", inbox.folder)
    report = inbox.load()
    assert [result.manifest.partition for result in report.committed] == ["2026-06"]
    assert "3 rows -> 5 rows, billed_cost 15 -> 13 USD (delta -2)" in report.committed[0].message
    assert totals(inbox, "2026-06") == (5, costs("13", "15", "13"))
    assert totals(inbox, "2026-05") == (2, costs("3.123456789012345678", "5", "4"))
    assert inbox.rows("2026-06", "max(epoch_us(CAST(x_ExportTime AS TIMESTAMPTZ)))") == [(1781611200000002,)]
    assert inbox.loaded() == []


def test_the_cross_month_row_keeps_its_time_its_credit_and_its_labels(inbox):
    inbox.load()
    columns = "CAST(ChargePeriodStart AS VARCHAR), x_Credits, x_Labels, ConsumedQuantity"
    assert inbox.rows("2026-05", columns)[0] == (
        "2026-04-30 23:30:00.123456",
        '[{"id":"credit-1","full_name":"Promotion","type":"PROMOTION","name":"Promo",'
        '"amount":"-0.500000000000000000"}]',
        '[{"key":"env","value":"prod"},{"key":"team","value":"platform"}]',
        Decimal("1.000000000000000001"),
    )


def test_a_damaged_month_is_quarantined_and_the_other_goes_on(inbox):
    inbox.load()
    inbox.put("2026-06.json", (SAMPLES / "restated" / "2026-06.json").read_bytes()[:-100])
    report = inbox.load()
    assert [(entry.partition, entry.where["file"]) for entry in report.quarantined] == [
        ("2026-06", "2026-06.json")
    ]
    assert totals(inbox, "2026-06") == (3, costs("15", "17", "15"))
    assert [result.manifest.partition for result in report.unchanged] == ["2026-05"]
