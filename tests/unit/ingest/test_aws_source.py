"""AWS Data Exports from a folder: what the manifest names; restatements; CUR and FOCUS; CSV and Parquet."""

import csv
import gzip
import io
import json
from decimal import Decimal

import duckdb
import pytest

from ingest.aws_cur_table import AWS_CUR_TABLE
from ingest.errors import ConfigError
from ingest.landed_files import file_sha256
from ingest.run import ingest
from ingest.sources.aws_period import AwsPeriod
from ingest.sources.registry import build_source
from tests.unit.ingest.aws_exports import AwsExport, csv_gz, focus_parquet, focus_row, parquet, settings_for

CUR_SELECT = """
SELECT TIMESTAMP '2026-05-01' AS bill_billing_period_start_date, '111122223333' AS bill_payer_account_id,
    'USD' AS line_item_currency_code, t AS line_item_line_item_type, 'AmazonEC2' AS line_item_product_code,
    c AS line_item_unblended_cost, '444455556666' AS line_item_usage_account_id,
    TIMESTAMP '2026-05-02 03:00:00' AS line_item_usage_start_date,
    TIMESTAMP '2026-05-02 04:00:00' AS line_item_usage_end_date, MAP {'user_team': 'search'} AS resource_tags
FROM (VALUES ('Usage', 1.1::DOUBLE), ('Tax', 2.2), ('Credit', -0.3)) v(t, c)
"""


@pytest.fixture
def export(tmp_path):
    return AwsExport(tmp_path / "in")


def run(tmp_path, location=None, **options):
    return ingest(settings_for(tmp_path / "home", location or tmp_path / "in", **options))


def billed(report):
    return {item.manifest.partition: item.manifest.money["USD"]["billed_cost"] for item in report.committed}


def test_only_the_files_of_the_manifest_are_read(tmp_path, export):
    export.deliver(
        "2026-05", {"a.csv.gz": csv_gz([focus_row()]), "b.csv.gz": csv_gz([focus_row(BilledCost="2")])}
    )
    export.put("2026-05", {"stale.csv.gz": csv_gz([focus_row(BilledCost="100")]), "half.csv.gz": b"\x1f\x8b"})
    copy = export.manifest_path("2026-05").parent / "20260701T000000Z-1" / "demo-Manifest.json"
    copy.parent.mkdir()
    copy.write_text(json.dumps({"dataFiles": [export.uri("2026-05", "stale.csv.gz")]}))
    report = run(tmp_path)
    assert report.is_clean and billed(report) == {"2026-05": Decimal("3.25")}
    manifest = report.committed[0].manifest
    assert manifest.dataset == "aws_focus"
    assert [file.path for file in manifest.source_files] == [
        export.uri("2026-05", f"{n}.csv.gz") for n in "ab"
    ]
    assert manifest.delivered_at.isoformat() == "2026-07-02T12:00:00+00:00"


def test_unchanged_delivery_is_skipped_and_a_restated_one_replaces(tmp_path, export):
    for period in ("2026-05", "2026-06"):
        export.deliver(period, {"a.csv.gz": csv_gz([focus_row(period)])})
    assert len(run(tmp_path).committed) == 2
    again = run(tmp_path)
    assert (len(again.committed), len(again.unchanged)) == (0, 2)
    export.deliver("2026-06", {"b.csv.gz": csv_gz([focus_row("2026-06", BilledCost="5")])}, execution="2")
    third = run(tmp_path)
    assert billed(third) == {"2026-06": Decimal(5)}
    assert "billed_cost 1.25 -> 5 USD (delta 3.75)" in third.committed[0].message
    index = json.loads((tmp_path / "home/lake/index.json").read_text())
    assert [item["money"]["USD"]["billed_cost"] for item in index] == ["1.25", "5"]


def test_month_restated_to_nothing_becomes_empty(tmp_path, export):
    export.deliver("2026-05", {"a.csv.gz": csv_gz([focus_row()])})
    run(tmp_path)
    export.deliver("2026-05", {}, execution="2")
    (result,) = run(tmp_path).committed
    assert result.manifest.rows == 0
    assert "billed_cost 1.25 -> 0 USD (delta -1.25)" in result.message


def test_parquet_is_landed_byte_for_byte(tmp_path, export):
    files = {f"{number}.snappy.parquet": focus_parquet(tmp_path, rows=number) for number in (2, 3)}
    export.deliver("2026-05", files)
    (result,) = run(tmp_path).committed
    assert billed(run(tmp_path / "other", tmp_path / "in")) == {"2026-05": Decimal("6.25")}
    landed = [tmp_path / "home/lake" / file.path for file in result.manifest.files]
    assert [path.read_bytes() for path in landed] == list(files.values())
    assert [file.sha256 for file in result.manifest.files] == [file_sha256(path) for path in landed]


def test_cur_parquet_is_recognised_by_its_own_columns(tmp_path, export):
    export.put("2026-05", {"a.parquet": parquet(CUR_SELECT, tmp_path)})
    export.manifest("2026-05", {"dataFiles": [export.uri("2026-05", "a.parquet")]})
    (result,) = run(tmp_path).committed
    assert (result.manifest.dataset, result.manifest.rows) == ("aws_cur_2_0", 3)
    assert result.manifest.money == {"USD": {"billed_cost": Decimal("3.0")}}
    assert dict((c.name, c.type) for c in result.manifest.columns)["line_item_unblended_cost"] == "DOUBLE"


def test_cur_csv_is_typed_with_exact_costs_and_maps(tmp_path, export):
    rows = duckdb.sql(CUR_SELECT).fetchall()
    names = duckdb.sql(CUR_SELECT).columns
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(names)
    for row in rows:
        cells = dict(zip(names, row, strict=True))
        cells |= {"line_item_unblended_cost": "7.32E-7", "resource_tags": '{"user_team": "a \\"b\\" 🚀"}'}
        writer.writerow(cells.values())
    export.deliver("2026-05", {"a.csv.gz": gzip.compress(text.getvalue().encode())})
    export.manifest("2026-05", {"dataFiles": [export.uri("2026-05", "a.csv.gz")]})
    (result,) = run(tmp_path).committed
    path = tmp_path / "home/lake" / result.manifest.files[0].path
    found = duckdb.sql(
        f"SELECT line_item_unblended_cost, resource_tags['user_team'] FROM '{path}'"
    ).fetchall()
    assert found == [(Decimal("0.000000732"), 'a "b" 🚀')] * 3
    assert result.manifest.money == {"USD": {"billed_cost": Decimal("0.000002196")}}


def test_unknown_line_item_type_is_loaded_and_noted(tmp_path, export):
    export.deliver("2026-05", {"a.parquet": parquet(CUR_SELECT.replace("'Tax'", "'NewFee'"), tmp_path)})
    export.manifest("2026-05", {"dataFiles": [export.uri("2026-05", "a.parquet")]})
    (result,) = run(tmp_path).committed
    assert result.manifest.notes == ("unknown line_item_line_item_type 'NewFee': 1 rows",)
    assert result.manifest.rows == 3


def test_empty_cur_month_has_the_columns_of_the_table(tmp_path, export):
    export.manifest("2026-05", {"dataFiles": [], "table": "COST_AND_USAGE_REPORT"})
    (result,) = run(tmp_path).committed
    assert (result.manifest.dataset, result.manifest.rows) == ("aws_cur_2_0", 0)
    assert {column.name for column in result.manifest.columns} == set(AWS_CUR_TABLE.columns)


@pytest.mark.parametrize("inside", ["bucket", "bucket/exports", "bucket/exports/demo"])
def test_location_may_be_the_copy_of_a_part_of_the_bucket(tmp_path, export, inside):
    export.deliver("2026-05", {"a.csv.gz": csv_gz([focus_row()])})
    assert billed(run(tmp_path, tmp_path / "in" / inside)) == {"2026-05": Decimal("1.25")}


def test_two_exports_need_a_choice(tmp_path, export):
    other = AwsExport(tmp_path / "in", name="other")
    export.deliver("2026-05", {"a.csv.gz": csv_gz([focus_row()])})
    other.deliver("2026-05", {"a.csv.gz": csv_gz([focus_row(BilledCost="9")])})
    (failure,) = run(tmp_path).failed
    assert isinstance(failure.error, ConfigError)
    for word in (
        "demo in bucket/exports/demo",
        "other in bucket/exports/other",
        "same cost twice",
        "`export`",
    ):
        assert word in str(failure.error)
    assert billed(run(tmp_path, export="other")) == {"2026-05": Decimal(9)}


def test_location_without_an_export_is_a_configuration_error(tmp_path):
    (tmp_path / "in").mkdir()
    (failure,) = run(tmp_path).failed
    assert "no AWS data export is there" in str(failure.error) and "fix:" in str(failure.error)


def test_check_tells_what_is_there_without_loading(tmp_path, export):
    for period in ("2026-05", "2026-06"):
        export.deliver(period, {"a.csv.gz": csv_gz([focus_row(period)])})
    settings = settings_for(tmp_path / "home", tmp_path / "in")
    lines = build_source(settings.sources[0], settings).check()
    assert lines == [
        "export demo: 2 billing periods up to 2026-06",
        "aws_focus, 1 data files in 2026-06",
    ]
    assert not (tmp_path / "home").exists()


def test_delivery_that_changes_while_it_is_read_is_read_again(tmp_path, export, monkeypatch):
    export.deliver("2026-05", {"a.csv.gz": csv_gz([focus_row()])})
    monkeypatch.setattr("ingest.run.FIRST_WAIT_SECONDS", 0)
    monkeypatch.setattr("ingest.run.LONGEST_WAIT_SECONDS", 0)
    copied, copies = AwsPeriod._copied, []

    def refreshed_after_copy(period, files, targets):
        sources = copied(period, files, targets)
        if not copies:
            export.deliver("2026-05", {"a.csv.gz": csv_gz([focus_row(BilledCost="7")])}, execution="2")
        copies.append(sources)
        return sources

    monkeypatch.setattr(AwsPeriod, "_copied", refreshed_after_copy)
    assert billed(run(tmp_path)) == {"2026-05": Decimal(7)}
    assert len(copies) == 2


def test_export_of_another_table_replaces_the_earlier_one(tmp_path, export):
    export.put("2026-05", {"a.parquet": parquet(CUR_SELECT, tmp_path)})
    export.manifest("2026-05", {"dataFiles": [export.uri("2026-05", "a.parquet")]})
    run(tmp_path)
    export.deliver("2026-05", {"b.csv.gz": csv_gz([focus_row()])}, execution="2")
    report = run(tmp_path)
    rows = {item.manifest.dataset: item.manifest.rows for item in report.committed}
    assert rows == {"aws_focus": 1, "aws_cur_2_0": 0}
    assert len(run(tmp_path).committed) == 0
