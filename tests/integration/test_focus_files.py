"""The plain FOCUS sample files load to their expected totals; bad ones are refused with every reason."""

from decimal import Decimal

import pytest

from tests.integration.shared_data import SHARED_DATA, deliver, needs_shared_data
from tests.unit.ingest.folder_deliveries import Inbox

BILLING = SHARED_DATA / "billing"
FOCUS_CSV = BILLING / "costroid" / "focus-csv"
AWS_FILES = BILLING / "costroid" / "aws-focus-1.2"
COSTS = ("billed_cost", "effective_cost", "list_cost", "contracted_cost")
pytestmark = needs_shared_data


@pytest.fixture
def inbox(tmp_path):
    return Inbox.below(tmp_path, "focus_files")


def loaded_totals(inbox: Inbox) -> dict[str, tuple[int, tuple[Decimal, ...]]]:
    """Partition -> rows and the four costs in USD of what this ingest committed."""
    report = inbox.load()
    assert report.is_clean
    return {
        result.manifest.partition: (
            result.manifest.rows,
            tuple(result.manifest.money["USD"][name] for name in COSTS),
        )
        for result in report.committed
    }


def same(rows: int, amount: str) -> tuple[int, tuple[Decimal, ...]]:
    return rows, (Decimal(amount),) * 4


@pytest.mark.parametrize(
    ("name", "may", "june"),
    [
        ("focus-1.0.csv", same(2, "3"), same(2, "7")),
        ("focus-1.1.csv", same(2, "10"), same(2, "10")),
        ("focus-1.2.csv", same(2, "4"), same(2, "7")),
        ("focus-1.3.csv", same(2, "15"), same(2, "19")),
        ("focus-1.4.csv", same(2, "15"), same(2, "10")),
        ("focus-1.4-restated.csv", (2, (Decimal(13), *(Decimal(15),) * 3)), same(2, "10")),
        ("hazard.csv.gz", same(1, "12.3"), same(1, "2.5")),
        ("lenient/lenient-1.4.csv", same(1, "1"), same(2, "5")),
    ],
)
def test_each_version_and_its_quirks_load_to_the_expected_totals(inbox, name, may, june):
    deliver(FOCUS_CSV / name, inbox.folder / "bill" / name.split("/")[-1])
    assert loaded_totals(inbox) == {"2026-05": may, "2026-06": june}
    assert inbox.loaded() == []


def test_all_versions_in_one_folder_are_added_up(inbox):
    deliver(FOCUS_CSV, inbox.folder)
    (inbox.folder / "focus-1.4-restated.csv").unlink()
    assert loaded_totals(inbox) == {"2026-05": same(12, "60.3"), "2026-06": same(13, "60.5")}


def test_a_restated_file_replaces_the_old_one_under_its_name(inbox):
    deliver(FOCUS_CSV / "focus-1.4.csv", inbox.folder / "bill.csv")
    inbox.load()
    deliver(FOCUS_CSV / "focus-1.4-restated.csv", inbox.folder / "bill.csv")
    may, june = (result.message for result in inbox.load().committed)
    assert "billed_cost 15 -> 13 USD (delta -2), effective_cost 15 -> 15 USD (delta 0)" in may
    assert "billed_cost 10 -> 10 USD (delta 0)" in june
    assert inbox.loaded() == []


def test_the_old_and_the_restated_file_side_by_side_are_refused(inbox):
    deliver(FOCUS_CSV, inbox.folder)
    report = inbox.load()
    assert report.committed == ()
    assert {entry.partition for entry in report.quarantined} == {"2026-05", "2026-06"}
    assert "Microsoft 333333333333" in report.quarantined[0].found


def test_the_real_sample_of_focus_1_0_loads_to_the_expected_totals(inbox):
    deliver(BILLING / "focus10_sample_1000.csv", inbox.folder / "bill.csv")
    found = loaded_totals(inbox)
    assert found == {
        "2024-09": (
            999,
            tuple(map(Decimal, ("20.28022672899", "14.97651418586", "20.15090575119", "14.97626039326"))),
        ),
        "2024-10": (1, tuple(map(Decimal, ("0.24", "0", "0.24", "0")))),
    }
    columns = "ProviderName, count(*), sum(BilledCost), sum(ListCost)"
    assert sorted(inbox.rows("2024-09", columns, grouping="ProviderName")) == [
        ("AWS", 942, Decimal("18.0066386184"), Decimal("18.1493176406")),
        ("Microsoft", 51, Decimal("1.97651418586"), Decimal("1.97651418586")),
        ("Oracle", 6, Decimal("0.29707392473"), Decimal("0.02507392473")),
    ]
    assert inbox.rows("2024-09", "count(*) FILTER (WHERE ChargeClass IS NULL)") == [(999,)]


@pytest.mark.parametrize("name", ["sample-export.csv.gz", "bom-export.csv.gz"])
def test_single_aws_focus_files_load_to_the_expected_totals(inbox, name):
    deliver(AWS_FILES / name, inbox.folder / name)
    assert loaded_totals(inbox) == {"2026-05": same(42, "32.7663")}


def test_the_invalid_export_is_refused_with_every_row_and_reason(inbox):
    deliver(AWS_FILES / "sample-export.csv.gz", inbox.folder / "export.csv.gz")
    inbox.load()
    deliver(AWS_FILES / "invalid-export.csv.gz", inbox.folder / "export.csv.gz")
    report = inbox.load()
    assert report.committed == ()
    found = [(item["line"], item["column"], item["found"]) for item in report.quarantined[0].mismatches]
    assert found == [
        (3, "ChargeCategory", "'Consumption'"),
        (4, "ChargePeriodEnd", "'2026-05-04T00:00:00.000Z'"),
        (5, "BilledCost", "'12,34'"),
        (6, "BillingCurrency", "nothing"),
    ]
    assert inbox.money() == {"2026-05": Decimal("32.7663")}
