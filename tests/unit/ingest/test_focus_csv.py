"""FOCUS CSV to checked Parquet: exact values, all findings by file and line, hostile text unchanged."""

import gzip
from datetime import datetime
from decimal import Decimal

import pytest

from ingest.duckdb_session import connect
from ingest.errors import DeliveryError
from ingest.focus_csv import billing_months, convert_focus_csv
from tests.unit.ingest.aws_exports import FOCUS_ROW, csv_text, focus_row

HOSTILE = (
    '<script>alert("x")</script>',
    '=HYPERLINK("http://example.org";"click")',
    'it\'s "quoted", with commas',
    "two\nlines\r\nand, a\rthird",
    "naïve 🚀 漢字 \u202eright-to-left",
    "NULLABLE",
    "';DROP TABLE x;--",
    " blank ",
)


def convert(tmp_path, content, **options):
    path = tmp_path / "delivered.csv"
    path.write_bytes(content)
    folder = tmp_path / "load"
    folder.mkdir(exist_ok=True)
    return convert_focus_csv(
        [path], folder, names={path: "delivered.csv"}, **{"partition": "2026-05", **options}
    )


def rows_of(landed, select):
    with connect() as connection:
        source = "read_parquet(?, file_row_number = true, filename = true)"
        query = f"SELECT {select} FROM {source} ORDER BY filename, file_row_number"
        return connection.execute(query, [[str(path) for path in landed.files]]).fetchall()


def test_values_are_typed_and_totalled_exactly(tmp_path):
    rows = [
        focus_row(BilledCost="0.000000000000000001", ListUnitPrice="1.23e1"),
        focus_row(BilledCost="-3", BillingCurrency="EUR", ListCost="NULL"),
    ]
    landed = convert(tmp_path, b"\xef\xbb\xbf" + csv_text(rows))
    assert landed.rows == 2
    assert landed.money["USD"]["billed_cost"] == Decimal("0.000000000000000001")
    assert landed.money["EUR"] == {
        "billed_cost": Decimal(-3),
        "effective_cost": Decimal("1.25"),
        "list_cost": Decimal(0),
        "contracted_cost": Decimal("1.25"),
    }
    found = rows_of(landed, "BilledCost, ListUnitPrice, ListCost, ChargePeriodStart")
    assert found == [
        (Decimal("0.000000000000000001"), Decimal("12.3"), Decimal("2.5"), datetime(2026, 5, 2)),
        (Decimal(-3), None, None, datetime(2026, 5, 2)),
    ]


def test_hostile_text_comes_back_unchanged(tmp_path):
    rows = [focus_row(ChargeDescription=text, Tags=text) for text in HOSTILE]
    landed = convert(tmp_path, gzip.compress(csv_text(rows)))
    assert rows_of(landed, "ChargeDescription, Tags") == [(text, text) for text in HOSTILE]


def test_every_wrong_cell_is_named_by_line(tmp_path):
    rows = [
        focus_row(ChargeDescription="line\nbreak"),
        focus_row(ChargeCategory="Consumption", BilledCost="12,34"),
        focus_row(ChargePeriodEnd="2026-05-02T00:00:00Z"),
        focus_row(BillingCurrency=""),
        focus_row(ListUnitPrice="cheap"),
        focus_row("2026-06"),
        focus_row(BillingPeriodEnd="soon"),
    ]
    with pytest.raises(DeliveryError, match="6 rows break") as caught:
        convert(tmp_path, csv_text(rows))
    found = [(item.line, item.column, item.found) for item in caught.value.mismatches]
    assert found == [
        (4, "BilledCost", "'12,34'"),
        (4, "ChargeCategory", "'Consumption'"),
        (5, "ChargePeriodEnd", "'2026-05-02T00:00:00Z'"),
        (6, "BillingCurrency", "nothing"),
        (7, "ListUnitPrice", "'cheap'"),
        (8, "BillingPeriodStart", "'2026-06-01T00:00:00Z'"),
        (9, "BillingPeriodEnd", "'soon'"),
    ]
    assert {item.file for item in caught.value.mismatches} == {"delivered.csv"}


def test_a_file_of_several_months_is_taken_apart(tmp_path):
    rows = [focus_row("2026-05"), focus_row("2026-06", BilledCost="4"), focus_row("2026-06", BilledCost="x")]
    path = tmp_path / "many.csv"
    path.write_bytes(csv_text(rows))
    (tmp_path / "scratch").mkdir()
    assert billing_months([path], tmp_path / "scratch", names={path: "many"}) == {"2026-05": 1, "2026-06": 2}
    may = convert(tmp_path, csv_text(rows), only_partition=True)
    assert (may.rows, may.money["USD"]["billed_cost"]) == (1, Decimal("1.25"))
    with pytest.raises(DeliveryError) as caught:
        convert(tmp_path, csv_text(rows), only_partition=True, partition="2026-06")
    assert [(item.line, item.column) for item in caught.value.mismatches] == [(4, "BilledCost")]


def test_row_of_unreadable_month_is_refused_with_every_month(tmp_path):
    rows = [focus_row("2026-05"), focus_row(BillingPeriodStart="May")]
    with pytest.raises(DeliveryError) as caught:
        convert(tmp_path, csv_text(rows), only_partition=True)
    assert [(item.line, item.column) for item in caught.value.mismatches] == [(3, "BillingPeriodStart")]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (
            csv_text([], [name for name in FOCUS_ROW if name != "BilledCost"]),
            "BilledCost: found the column is missing",
        ),
        (csv_text([], [*FOCUS_ROW, "billedcost"]), "billedcost: found the column is twice there"),
        (b"a;b;c\n1;2;3\n", "BillingCurrency: found the column is missing"),
        (csv_text([focus_row()]) + b"1,2,3\n", r"cannot be read \(file delivered.csv, line 3\)"),
        (csv_text([focus_row()]) + b'"never closed\n', "never closed"),
        (csv_text([focus_row(ChargeDescription="x")]).replace(b",x,", b",\xff\xfe,"), "cannot be read"),
    ],
)
def test_files_that_are_no_focus_csv_are_refused(tmp_path, content, words):
    with pytest.raises(DeliveryError, match=words):
        convert(tmp_path, content)


def test_header_without_rows_is_an_empty_month(tmp_path):
    landed = convert(tmp_path, csv_text([]))
    assert (landed.rows, landed.money) == (0, {})


def test_chunks_with_different_columns_get_the_union(tmp_path):
    folder = tmp_path / "load"
    folder.mkdir()
    first, second = tmp_path / "1.csv", tmp_path / "2.csv"
    first.write_bytes(csv_text([focus_row()]))
    second.write_bytes(csv_text([{**focus_row(), "x_Extra": "e"}], [*FOCUS_ROW, "x_Extra"]))
    landed = convert_focus_csv([first, second], folder, partition="2026-05", names={first: "1", second: "2"})
    assert rows_of(landed, "x_Extra") == [(None,), ("e",)]
    assert sorted(path.name for path in folder.glob("*")) == ["part-00000.parquet", "part-00001.parquet"]


def test_the_same_file_twice_is_refused(tmp_path):
    first, second = tmp_path / "1.csv", tmp_path / "2.csv"
    for path in (first, second):
        path.write_bytes(csv_text([focus_row()]))
    (tmp_path / "load").mkdir()
    with pytest.raises(DeliveryError, match=r"delivered twice(.|\n)*2.csv(.|\n)*1.csv"):
        convert_focus_csv(
            [first, second], tmp_path / "load", partition=None, names={first: "1.csv", second: "2.csv"}
        )
