"""Every kind of broken AWS delivery: a clear message, a quarantine entry, the last good load unchanged."""

import gzip
import json

import pytest

from ingest.lake import Lake
from ingest.run import ingest
from tests.unit.ingest.aws_exports import (
    FOCUS_ROW,
    AwsExport,
    csv_gz,
    csv_text,
    focus_parquet,
    focus_row,
    settings_for,
)

MAY, JUNE = "2026-05", "2026-06"
GOOD = csv_gz([focus_row(BilledCost="3")])


def truncated_gzip(export, folder):
    export.deliver(MAY, {"a.csv.gz": csv_gz([focus_row(ChargeDescription=str(n)) for n in range(99)])[:-30]})


def truncated_parquet(export, folder):
    export.deliver(MAY, {"a.parquet": focus_parquet(folder)[:-30]})


def missing_file(export, folder):
    export.deliver(MAY, {"a.csv.gz": GOOD})
    export.data_path(MAY, "a.csv.gz").unlink()


def climbing_name(export, folder):
    (folder / "secret.csv.gz").write_bytes(GOOD)
    export.manifest(MAY, {"dataFiles": [export.uri(MAY, "../../../../../../secret.csv.gz")]})


def absolute_name(export, folder):
    (folder / "secret.csv.gz").write_bytes(GOOD)
    export.manifest(MAY, {"dataFiles": [str(folder / "secret.csv.gz")]})


def other_bucket(export, folder):
    export.deliver(MAY, {"a.csv.gz": GOOD})
    uri = export.uri(MAY, "a.csv.gz").replace("s3://bucket/", "s3://stranger/")
    export.manifest(MAY, {"dataFiles": [uri]})


def other_scheme(export, folder):
    export.manifest(MAY, {"dataFiles": ["https://example.org/a.csv.gz"]})


def link_outside(export, folder):
    (folder / "secret.csv.gz").write_bytes(GOOD)
    export.deliver(MAY, {"a.csv.gz": GOOD})
    export.data_path(MAY, "a.csv.gz").unlink()
    export.data_path(MAY, "a.csv.gz").symlink_to(folder / "secret.csv.gz")


def wrong_size(export, folder):
    export.put(MAY, {"a.csv.gz": GOOD})
    export.manifest(MAY, {"dataFiles": [{"s3Uri": export.uri(MAY, "a.csv.gz"), "size": 17}]})


def text_cost_in_parquet(export, folder):
    export.deliver(MAY, {"a.parquet": focus_parquet(folder, cost="'1.25'")})


def infinite_cost_in_parquet(export, folder):
    export.deliver(MAY, {"a.parquet": focus_parquet(folder, cost="'inf'::DOUBLE")})


def other_month_in_parquet(export, folder):
    export.deliver(MAY, {"a.parquet": focus_parquet(folder, period=JUNE)})


def different_chunks(export, folder):
    chunks = {
        "a.parquet": focus_parquet(folder),
        "b.parquet": focus_parquet(folder, cost="1.25::DECIMAL(9,2)"),
    }
    export.deliver(MAY, chunks)


def listed_twice(export, folder):
    export.put(MAY, {"a.csv.gz": GOOD})
    export.manifest(MAY, {"dataFiles": [export.uri(MAY, "a.csv.gz")] * 2})


def same_bytes_twice(export, folder):
    export.deliver(MAY, {"a.parquet": focus_parquet(folder), "b.parquet": focus_parquet(folder)})


def empty_file(export, folder):
    export.deliver(MAY, {"a.csv.gz": b""})


def empty_gzip(export, folder):
    export.deliver(MAY, {"a.csv.gz": gzip.compress(b"")})


def empty_parquet_file(export, folder):
    export.deliver(MAY, {"a.parquet": b""})


def manifest_cut_off(export, folder):
    export.manifest(MAY, '{"dataFiles": ["s3://')


def manifest_without_files(export, folder):
    export.manifest(MAY, {"files": []})


def manifest_of_numbers(export, folder):
    export.manifest(MAY, {"dataFiles": [1, 2]})


def manifest_is_a_list(export, folder):
    export.manifest(MAY, [])


def manifest_of_another_month(export, folder):
    export.manifest(MAY, {"billingPeriod": JUNE, "dataFiles": []})


def bad_rows(export, folder):
    export.deliver(MAY, {"a.csv.gz": csv_gz([focus_row(), focus_row(ChargeCategory="<b>=1+1</b>")])})


def missing_column(export, folder):
    names = [name for name in FOCUS_ROW if name != "BilledCost"]
    export.deliver(MAY, {"a.csv.gz": gzip.compress(csv_text([focus_row()], names))})


def short_row(export, folder):
    export.deliver(MAY, {"a.csv.gz": gzip.compress(csv_text([focus_row()]) + b"1,2\n")})


def bomb(export, folder):
    header = csv_text([])
    export.deliver(MAY, {"a.csv.gz": gzip.compress(header + b"\n" * (70 * 1024**2))})


CASES = [
    (truncated_gzip, "the gzip file is truncated", "a.csv.gz"),
    (truncated_parquet, "the Parquet file is truncated", "a.parquet"),
    (missing_file, "names a file that is missing", "a.csv.gz"),
    (climbing_name, "names a file outside the delivery", "secret.csv.gz"),
    (absolute_name, "names a file outside the delivery", "secret.csv.gz"),
    (other_bucket, "names a file outside the delivery", "s3://stranger/"),
    (other_scheme, "names a file outside the delivery", "https://example.org/a.csv.gz"),
    (link_outside, "names a file outside the delivery", "a.csv.gz"),
    (wrong_size, "has not the size", "17 bytes"),
    (text_cost_in_parquet, "columns are not those of FOCUS", "BilledCost: found type VARCHAR"),
    (infinite_cost_in_parquet, "2 rows break the rules", "row 1, column BilledCost: found 'inf'"),
    (other_month_in_parquet, "2 rows break the rules", "expected a time in 2026-05"),
    (different_chunks, "different columns", "BilledCost DECIMAL(9,2)"),
    (listed_twice, "delivered twice", "its name stands twice"),
    (same_bytes_twice, "delivered twice", "the same bytes as"),
    (empty_file, "the file is empty", "a.csv.gz"),
    (empty_gzip, "the file is empty", "0 bytes after unpacking"),
    (empty_parquet_file, "the file is empty", "a.parquet"),
    (manifest_cut_off, "the manifest is not JSON", "demo-Manifest.json"),
    (manifest_without_files, "does not list its data files", "dataFiles"),
    (manifest_of_numbers, "does not list its data files", "[1, 2]"),
    (manifest_is_a_list, "not a JSON object", "list"),
    (manifest_of_another_month, "of another billing period", "2026-06"),
    (bad_rows, "1 row breaks the rules", "line 3, column ChargeCategory: found '<b>=1+1</b>'"),
    (missing_column, "the header is not one of FOCUS", "BilledCost: found the column is missing"),
    (short_row, "the CSV file cannot be read", "line 3"),
    (bomb, "unpacks to more than is allowed", "a.csv.gz"),
]


@pytest.mark.parametrize(("break_it", "what", "detail"), CASES, ids=[case[0].__name__ for case in CASES])
def test_broken_delivery_is_quarantined_and_the_last_good_load_stays(tmp_path, break_it, what, detail):
    export = AwsExport(tmp_path / "in")
    settings = settings_for(tmp_path / "home", tmp_path / "in")
    for period in (MAY, JUNE):
        export.deliver(period, {"a.csv.gz": csv_gz([focus_row(period)])})
    ingest(settings)
    lake = Lake(settings.lake_dir)
    before = (
        lake.current("aws", "aws_focus", MAY),
        lake.load_log.path.read_bytes(),
        lake.index_path.read_bytes(),
    )

    break_it(export, tmp_path)
    export.deliver(JUNE, {"a.csv.gz": csv_gz([focus_row(JUNE, BilledCost="8")])}, execution="2")
    report = ingest(settings)

    (entry,) = report.quarantined
    assert report.failed == () and [item.manifest.partition for item in report.committed] == [JUNE]
    assert what in entry.message and detail in entry.message and "fix:" in entry.message
    assert lake.current("aws", "aws_focus", MAY) == before[0]
    for file in before[0].files:
        assert (lake.root / file.path).stat().st_size == file.size
    ingest(settings)
    (path,) = (lake.root / "_quarantine/aws").rglob("*.json")
    assert json.loads(path.read_text())["resolved_at"] is None
    assert list((lake.root / "_tmp").glob("*/*")) == []

    export.deliver(MAY, {"a.csv.gz": GOOD}, execution="3")
    assert len(ingest(settings).committed) == 1
    assert lake.quarantine_entries.entries() == []


def test_first_delivery_with_an_unreadable_manifest_is_resolved_later(tmp_path):
    export = AwsExport(tmp_path / "in")
    settings = settings_for(tmp_path / "home", tmp_path / "in")
    export.manifest(MAY, "{")
    (entry,) = ingest(settings).quarantined
    assert (entry.dataset, entry.partition) == ("unknown", MAY)
    export.deliver(MAY, {"a.csv.gz": GOOD})
    assert len(ingest(settings).committed) == 1
    assert Lake(settings.lake_dir).quarantine_entries.entries() == []
