"""Google Cloud's FOCUS export as a BigQuery result: nested envelopes, exact amounts, changed schemas."""

import json
from decimal import Decimal
from pathlib import Path

import pytest

from ingest.duckdb_session import connect
from ingest.errors import DeliveryError
from ingest.sources.bigquery_envelope import read_fields, text_rows
from ingest.sources.gcp_focus import EXPORT_COLUMNS
from tests.unit.ingest.folder_deliveries import Inbox, envelope, microseconds

LABEL = [
    {"name": "Key", "type": "STRING", "mode": "NULLABLE"},
    {"name": "Value", "type": "STRING", "mode": "NULLABLE"},
]
RECORDS = {"x_Credits", "x_Labels", "x_Project", "x_ProjectLabels", "x_SystemLabels", "x_Tags"}


def kind(column: str) -> str:
    if column.endswith(("Start", "End", "Time")):
        return "TIMESTAMP"
    return "NUMERIC" if column.endswith(("Cost", "Price", "Quantity")) else "STRING"


FIELDS = [
    {"name": name, "type": "RECORD", "mode": "REPEATED", "fields": LABEL}
    if name in RECORDS
    else {"name": name, "type": kind(name), "mode": "NULLABLE"}
    for name in EXPORT_COLUMNS
]


def focus_cells(month: str = "2026-05", **changes):
    """A row's values as BigQuery encodes them."""
    cells = {
        "BilledCost": "1.25",
        "EffectiveCost": "1.25",
        "ListCost": "2",
        "ContractedCost": "1.5",
        "BillingAccountId": "010101-F0F0F0",
        "BillingCurrency": "USD",
        "BillingPeriodStart": microseconds(f"{month}-01T00:00:00+00:00"),
        "BillingPeriodEnd": microseconds(f"{month}-28T00:00:00+00:00"),
        "ChargePeriodStart": microseconds("2026-04-30T23:30:00.123456+00:00"),
        "ChargePeriodEnd": microseconds("2026-05-01T00:30:00+00:00"),
        "ChargeCategory": "Usage",
        **{name: [] for name in RECORDS},
    }
    return {**cells, **changes}


@pytest.fixture
def inbox(tmp_path):
    return Inbox.below(tmp_path, "gcp_focus_export")


def read_envelope(tmp_path: Path, text: str):
    path = tmp_path / "result.json"
    path.write_text(text)
    with connect() as connection:
        fields = read_fields(connection, path, name=path.name)
        query = connection.execute(text_rows(fields, path), {"path": str(path)})
        names = [column[0] for column in query.description]
        return [dict(zip(names, row, strict=True)) for row in query.fetchall()]


def test_nested_records_and_arrays_become_json_with_snake_case_keys(tmp_path):
    member = [*LABEL, {"name": "SubTags", "type": "RECORD", "mode": "REPEATED", "fields": LABEL}]
    fields = [
        {"name": "x_Project", "type": "RECORD", "mode": "NULLABLE", "fields": member},
        {"name": "x_Owners", "type": "STRING", "mode": "REPEATED"},
        {"name": "Amount", "type": "NUMERIC", "mode": "NULLABLE"},
    ]
    inner = [{"v": {"f": [{"v": "k"}, {"v": 'a "quoted" 🙂'}]}}]
    full = {
        "x_Project": {"f": [{"v": "id"}, {"v": None}, {"v": inner}]},
        "x_Owners": [{"v": "a"}, {"v": "b"}],
    }
    first, second = read_envelope(tmp_path, envelope(fields, {**full, "Amount": "1E-18"}, {}))
    assert json.loads(first["x_Project"]) == {
        "key": "id",
        "value": None,
        "sub_tags": [{"key": "k", "value": 'a "quoted" 🙂'}],
    }
    assert json.loads(first["x_Owners"]) == ["a", "b"]
    assert (first["Amount"], first["x_row"]) == ("1E-18", 1)
    assert (second["x_Project"], second["x_Owners"], second["Amount"]) == (None, None, None)


@pytest.mark.parametrize("text", ["[]", "{}", '{"schema": {"fields": []}, "rows": []}', '{"rows": 5}', "x"])
def test_what_is_no_envelope_is_refused(tmp_path, text):
    with pytest.raises(DeliveryError, match="not a BigQuery result"):
        read_envelope(tmp_path, text)


def test_a_row_of_another_width_is_refused(tmp_path):
    text = json.dumps({"schema": {"fields": [{"name": "A", "type": "STRING"}]}, "rows": [{"f": []}]})
    with pytest.raises(DeliveryError, match="0 cells for 1 columns"):
        read_envelope(tmp_path, text)


def test_an_envelope_without_rows_has_no_rows(tmp_path):
    assert read_envelope(tmp_path, '{"schema": {"fields": [{"name": "A", "type": "STRING"}]}}') == []


def test_amounts_times_and_labels_reach_the_lake_exactly(inbox):
    labels = [{"v": {"f": [{"v": "team"}, {"v": "search"}]}}]
    inbox.put(
        "2026-05.json", envelope(FIELDS, focus_cells(BilledCost="1.123456789012345678", x_Labels=labels))
    )
    inbox.load()
    columns = "BilledCost, CAST(ChargePeriodStart AS VARCHAR), x_Labels, x_Tags, x_ExportTime, ListUnitPrice"
    assert inbox.rows("2026-05", columns) == [
        (
            Decimal("1.123456789012345678"),
            "2026-04-30 23:30:00.123456",
            '[{"key":"team","value":"search"}]',
            "[]",
            None,
            None,
        )
    ]


def test_a_file_with_two_months_feeds_both(inbox):
    inbox.put("all.json", envelope(FIELDS, focus_cells(), focus_cells("2026-06", BilledCost="-3")))
    assert inbox.loaded() == ["2026-05", "2026-06"]
    assert inbox.money() == {"2026-05": Decimal("1.25"), "2026-06": Decimal(-3)}


def test_a_restated_file_replaces_its_month(inbox):
    inbox.put("2026-05.json", envelope(FIELDS, focus_cells()))
    inbox.load()
    inbox.put("2026-05.json", envelope(FIELDS, focus_cells(BilledCost="1")))
    message = inbox.load().committed[0].message
    assert "billed_cost 1.25 -> 1 USD (delta -0.25)" in message


def test_two_files_with_the_same_account_and_month_are_refused(inbox):
    inbox.put("2026-05.json", envelope(FIELDS, focus_cells()))
    inbox.put("2026-05-copy.json", envelope(FIELDS, focus_cells(), focus_cells()))
    assert "same billing account and period" in inbox.load().quarantined[0].message


def test_a_missing_column_is_refused_and_a_new_one_noted(inbox):
    missing = [field for field in FIELDS if field["name"] != "ListCost"]
    inbox.put("2026-05.json", envelope(missing, focus_cells()))
    assert inbox.load().quarantined[0].mismatches[0]["column"] == "ListCost"
    inbox.put(
        "2026-05.json", envelope([*FIELDS, {"name": "x_New", "type": "STRING"}], focus_cells(x_New="1"))
    )
    report = inbox.load()
    assert report.committed[0].manifest.notes == ("2026-05.json: new column x_New is kept as text",)
    assert inbox.rows("2026-05", "x_New") == [("1",)]


def test_every_wrong_row_is_named(inbox):
    rows = [
        focus_cells(),
        focus_cells(BilledCost="12,5"),
        focus_cells(ChargeCategory="Consumption"),
        focus_cells(BillingCurrency=None),
        focus_cells(ChargePeriodEnd=focus_cells()["ChargePeriodStart"]),
        focus_cells(ListCost="much"),
        focus_cells(BillingPeriodStart="soon"),
    ]
    inbox.put("2026-05.json", envelope(FIELDS, *rows))
    entry = inbox.load().quarantined[0]
    assert [(item["row"], item["column"]) for item in entry.mismatches] == [
        (2, "BilledCost"),
        (3, "ChargeCategory"),
        (4, "BillingCurrency"),
        (5, "ChargePeriodEnd"),
        (6, "ListCost"),
        (7, "BillingPeriodStart"),
    ]
