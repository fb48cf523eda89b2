"""Plain FOCUS files: quirks that load, months and accounts, what replaces what, what is refused."""

import gzip
import hashlib
from decimal import Decimal

import duckdb
import pytest

from ingest.lake import Lake
from tests.unit.ingest.folder_deliveries import Inbox, csv_text, focus_row


@pytest.fixture
def inbox(tmp_path):
    return Inbox.below(tmp_path, "focus_files")


def test_quirks_of_real_files_load(inbox):
    row = focus_row(
        BilledCost="1.23e1",
        BillingPeriodStart="2026-05-31T20:00-05:00",
        ChargePeriodStart="2026-06-01 01:00:00 UTC",
        ChargePeriodEnd="2026-06-02T00:00",
        ListCost="NULL",
        ServiceName="a, b\nc",
        Tags='{"note": "x, ""y"""}',
        ChargeFrequency="Usage-based",
    )
    inbox.put("hazard.csv.gz", gzip.compress(b"\xef\xbb\xbf" + csv_text({**row, "Id": "7"}).encode()))
    manifest = inbox.load().committed[0].manifest
    assert (manifest.partition, manifest.rows) == ("2026-06", 1)
    assert "column Id is not of FOCUS; it is kept as it came" in manifest.notes
    assert inbox.rows("2026-06", "BilledCost, ListCost, ServiceName, Id") == [
        (Decimal("12.3"), None, "a, b\nc", "7")
    ]


def test_files_of_several_accounts_are_one_partition(inbox):
    inbox.put("a.csv", csv_text(focus_row(), focus_row("2026-06", BilledCost="2")))
    inbox.put("b.csv", csv_text(focus_row(BillingAccountId="4", x_Own="1")))
    inbox.put("c.csv", csv_text(focus_row(InvoiceIssuerName="Northwind", BilledCost="-3")))
    assert inbox.loaded() == ["2026-05", "2026-06"]
    assert inbox.money() == {"2026-05": Decimal("-0.5"), "2026-06": Decimal(2)}
    assert inbox.loaded() == []


def test_a_restated_file_replaces_under_its_name(inbox):
    inbox.put("bill.csv", csv_text(focus_row(BilledCost="15"), focus_row("2026-06")))
    inbox.load()
    inbox.put("bill.csv", csv_text(focus_row(BilledCost="13"), focus_row("2026-06")))
    messages = [result.message for result in inbox.load().committed]
    assert "billed_cost 15 -> 13 USD (delta -2)" in messages[0]
    assert "billed_cost 1.25 -> 1.25 USD (delta 0)" in messages[1]


def test_a_restated_file_beside_the_old_one_is_refused(inbox):
    inbox.put("bill.csv", csv_text(focus_row()))
    inbox.load()
    inbox.put("bill-restated.csv", csv_text(focus_row(BilledCost="1")))
    entry = inbox.load().quarantined[0]
    assert "bill-restated.csv" in entry.found
    assert inbox.money() == {"2026-05": Decimal("1.25")}
    (inbox.folder / "bill-restated.csv").replace(inbox.folder / "bill.csv")
    assert inbox.loaded() == ["2026-05"]
    assert inbox.money() == {"2026-05": Decimal(1)}


@pytest.mark.parametrize(
    ("one", "other", "is_chunk"),
    [
        ("2026/part-0.csv", "2026/part-1.csv", True),
        ("export_chunk2.csv", "export_chunk10.csv", True),
        ("export-00001.csv.gz", "export-00002.csv.gz", True),
        ("x000000000000.csv", "x000000000001.csv", True),
        ("focus-20260501.csv", "focus-20260502.csv", False),
        ("focus-1.csv", "focus-2.csv", False),
        ("a/part-0.csv", "b/part-0.csv", False),
    ],
)
def test_only_numbered_chunks_may_share_an_account_and_month(inbox, one, other, is_chunk):
    for number, name in enumerate((one, other)):
        content = csv_text(focus_row(ServiceName=f"service {number}")).encode()
        inbox.put(name, gzip.compress(content) if name.endswith("gz") else content)
    assert (inbox.loaded() == ["2026-05"]) is is_chunk
    assert inbox.money() == ({"2026-05": Decimal("2.5")} if is_chunk else {})


def test_wrong_rows_refuse_their_month_and_no_other(inbox):
    good = focus_row("2026-06")
    wrong = [
        focus_row(ServiceName="line\nbreak", BilledCost="12,34"),
        focus_row(ChargeCategory="Consumption"),
        focus_row(BillingCurrency=""),
        focus_row(ChargePeriodEnd=focus_row()["ChargePeriodStart"]),
    ]
    inbox.put("bill.csv", csv_text(good, focus_row(), *wrong))
    report = inbox.load()
    assert [result.manifest.partition for result in report.committed] == ["2026-06"]
    assert [(item["line"], item["column"]) for item in report.quarantined[0].mismatches] == [
        (4, "BilledCost"),
        (6, "ChargeCategory"),
        (7, "BillingCurrency"),
        (8, "ChargePeriodEnd"),
    ]


def test_a_row_without_a_readable_month_refuses_the_file(inbox):
    inbox.put("bill.csv", csv_text(focus_row(BillingPeriodStart="soon")))
    entry = inbox.load().quarantined[0]
    assert (entry.partition, entry.mismatches[0]["column"]) == ("unknown", "BillingPeriodStart")
    inbox.put("bill.csv", csv_text(focus_row()))
    assert inbox.load().is_clean
    assert Lake(inbox.settings.lake_dir).quarantine_entries.entries() == []
    inbox.put("bill.csv", csv_text(focus_row(), focus_row(BillingPeriodStart="soon")))
    report = inbox.load()
    assert report.committed == ()
    assert report.quarantined[0].partition == "2026-05"


def test_a_file_that_is_restated_to_nothing_empties_its_month(inbox):
    inbox.put("bill.csv", csv_text(focus_row()))
    inbox.load()
    inbox.put("bill.csv", csv_text(focus_row()).splitlines()[0] + "\n")
    assert inbox.load().committed[0].manifest.rows == 0
    assert inbox.loaded() == []


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "the file is empty"),
        (gzip.compress(csv_text(*[focus_row()] * 500).encode())[:-12], "truncated"),
        (b"Some,Other\n1,2\n", "header"),
        (csv_text(focus_row()).encode() + b'"open quote', "never closed"),
    ],
)
def test_broken_files_are_quarantined_and_the_last_load_stays(inbox, content, words):
    inbox.put("2026-05.csv", csv_text(focus_row()))
    inbox.load()
    inbox.put("2026-05.csv", content)
    report = inbox.load()
    assert [entry.partition for entry in report.quarantined] == ["2026-05"]
    assert words in report.quarantined[0].message
    assert inbox.money() == {"2026-05": Decimal("1.25")}
    inbox.put("2026-05.csv", csv_text(focus_row()))
    assert inbox.load().is_clean


def write_parquet(inbox: Inbox, name: str, *months: str) -> bytes:
    path = inbox.put(name, "")
    rows = " UNION ALL ".join(
        f"""SELECT 1.5::DOUBLE AS BilledCost, 1.5::DOUBLE AS EffectiveCost, 'USD' AS BillingCurrency,
        '9' AS BillingAccountId, 'Contoso' AS InvoiceIssuerName, TIMESTAMP '{month}-01' AS BillingPeriodStart,
        TIMESTAMP '{month}-28' AS BillingPeriodEnd, TIMESTAMP '{month}-01' AS ChargePeriodStart,
        TIMESTAMP '{month}-02' AS ChargePeriodEnd, 'Usage' AS ChargeCategory"""
        for month in months
    )
    with duckdb.connect() as connection:
        connection.execute(f"COPY ({rows}) TO '{path}' (FORMAT parquet)")
    return path.read_bytes()


def test_parquet_of_one_month_lands_byte_for_byte(inbox):
    delivered = write_parquet(inbox, "bill.parquet", "2026-05")
    manifest = inbox.load().committed[0].manifest
    assert (Lake(inbox.settings.lake_dir).root / manifest.files[0].path).read_bytes() == delivered
    assert manifest.files[0].sha256 == hashlib.sha256(delivered).hexdigest()


def test_parquet_of_two_months_is_split(inbox):
    write_parquet(inbox, "bill.parquet", "2026-05", "2026-06", "2026-06")
    inbox.load()
    assert inbox.money() == {"2026-05": Decimal("1.5"), "2026-06": Decimal(3)}


def test_a_month_in_two_formats_is_refused(inbox):
    write_parquet(inbox, "bill.parquet", "2026-05")
    inbox.put("bill.csv", csv_text(focus_row()))
    assert "two formats" in inbox.load().quarantined[0].message
