"""AWS Data Exports over S3: boto3 against a server that speaks the S3 protocol."""

from decimal import Decimal
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

from ingest.errors import ConfigError, TransientError
from ingest.run import ingest
from ingest.sources.aws_period import AwsPeriod
from ingest.sources.registry import build_source
from tests.unit.ingest.aws_exports import AwsExport, csv_gz, focus_parquet, focus_row, settings_for


@pytest.fixture(scope="module")
def server():
    running = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    yield f"http://{host}:{port}"
    running.stop()


def set_environment(monkeypatch, tmp_path):
    """Credentials of the test server, none of the machine, and no waiting between attempts."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setattr("ingest.run.FIRST_WAIT_SECONDS", 0)
    monkeypatch.setattr("ingest.run.LONGEST_WAIT_SECONDS", 0)


@pytest.fixture
def s3(server, monkeypatch, tmp_path):
    set_environment(monkeypatch, tmp_path)
    client = boto3.client("s3", endpoint_url=server, region_name="us-east-1")
    client.create_bucket(Bucket="bucket")
    yield client
    found = client.list_objects_v2(Bucket="bucket").get("Contents", [])
    for item in found:
        client.delete_object(Bucket="bucket", Key=item["Key"])
    client.delete_bucket(Bucket="bucket")


@pytest.fixture
def export(tmp_path):
    return AwsExport(tmp_path / "in")


def upload(client, export):
    root = export.root / export.bucket
    for path in sorted(root.rglob("*")):
        if path.is_file():
            client.upload_file(str(path), export.bucket, path.relative_to(root).as_posix())


def settings_of(tmp_path: Path, server: str, location: str = "s3://bucket/exports"):
    return settings_for(tmp_path / "home", location, endpoint_url=server, region="us-east-1")


def test_exports_are_loaded_from_s3_and_skipped_when_unchanged(tmp_path, server, s3, export):
    export.deliver(
        "2026-05", {"a.csv.gz": csv_gz([focus_row()]), "b.csv.gz": csv_gz([focus_row(BilledCost="2")])}
    )
    export.deliver("2026-06", {"a.parquet": focus_parquet(tmp_path, period="2026-06")})
    upload(s3, export)
    s3.put_object(Bucket="bucket", Key="exports/demo/data/BILLING_PERIOD=2026-05/stale.csv.gz", Body=b"x")
    settings = settings_of(tmp_path, server)
    report = ingest(settings)
    assert report.is_clean
    totals = {item.manifest.partition: item.manifest.money["USD"]["billed_cost"] for item in report.committed}
    assert totals == {"2026-05": Decimal("3.25"), "2026-06": Decimal("2.5")}
    assert report.committed[0].manifest.source_files[0].path == export.uri("2026-05", "a.csv.gz")
    again = ingest(settings)
    assert (len(again.committed), len(again.unchanged)) == (0, 2)
    export.deliver("2026-06", {"c.csv.gz": csv_gz([focus_row("2026-06", BilledCost="9")])}, execution="2")
    upload(s3, export)
    assert [item.manifest.partition for item in ingest(settings).committed] == ["2026-06"]


def test_check_reaches_the_bucket_without_loading(tmp_path, server, s3, export):
    export.deliver("2026-05", {"a.parquet": focus_parquet(tmp_path)})
    export.manifest("2026-05", {"dataFiles": [export.uri("2026-05", "a.parquet")]})
    upload(s3, export)
    settings = settings_of(tmp_path, server, "s3://bucket")
    assert build_source(settings.sources[0], settings).check() == [
        "export demo: 1 billing periods up to 2026-05",
        "aws_focus, 1 data files in 2026-05",
    ]


def test_file_of_another_bucket_is_refused(tmp_path, server, s3, export):
    export.manifest(
        "2026-05", {"dataFiles": ["s3://stranger/exports/demo/data/BILLING_PERIOD=2026-05/a.csv.gz"]}
    )
    upload(s3, export)
    (entry,) = ingest(settings_of(tmp_path, server)).quarantined
    assert "outside the delivery" in entry.message and "s3://stranger/" in entry.message


def test_object_replaced_while_it_is_read_is_read_again(tmp_path, server, s3, export, monkeypatch):
    export.deliver("2026-05", {"a.csv.gz": csv_gz([focus_row()])})
    upload(s3, export)
    looked_up = AwsPeriod._checked_files

    def replaced_after_look_up(period):
        files = looked_up(period)
        monkeypatch.undo()
        set_environment(monkeypatch, tmp_path)
        export.deliver("2026-05", {"a.csv.gz": csv_gz([focus_row(BilledCost="7")])}, execution="2")
        upload(s3, export)
        return files

    monkeypatch.setattr(AwsPeriod, "_checked_files", replaced_after_look_up)
    stages = []
    report = ingest(settings_of(tmp_path, server), on_progress=lambda event: stages.append(event.stage))
    assert stages == ["source", "landing", "retrying", "committed"]
    assert report.committed[0].manifest.money["USD"]["billed_cost"] == Decimal(7)


def test_missing_bucket_and_missing_credentials_are_configuration_errors(tmp_path, server, s3, monkeypatch):
    settings = settings_of(tmp_path, server, "s3://no-such-bucket/x")
    with pytest.raises(ConfigError, match="NoSuchBucket"):
        build_source(settings.sources[0], settings).check()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    settings = settings_of(tmp_path, server)
    with pytest.raises(ConfigError, match="no usable AWS credentials"):
        build_source(settings.sources[0], settings).check()


def test_unreachable_endpoint_is_transient_and_reported_after_retries(tmp_path, s3):
    settings = settings_of(tmp_path, "http://127.0.0.1:9")
    stages = []
    report = ingest(settings, on_progress=lambda event: stages.append(event.stage))
    (failure,) = report.failed
    assert isinstance(failure.error, TransientError)
    assert stages.count("retrying") == 3
