"""The lake: atomic partitions, content-derived loads, deltas, repair."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal

import pytest

from ingest.errors import DeliveryError, TransientError
from ingest.lake import Lake
from ingest.landed_files import file_sha256
from tests.unit.ingest.lake_deliveries import DELIVERED_AT, delivery_of

KEY = ("aws", "aws_focus", "2026-05")


@pytest.fixture
def lake(tmp_path):
    return Lake(tmp_path / "lake")


def messages(lake):
    return [line["message"] for line in lake.load_log.lines()]


def test_lake_is_not_touched_until_something_is_written(lake):
    assert lake.manifests() == []
    assert not lake.root.exists()


def test_commit_writes_files_manifest_pointer_and_log(lake):
    result = lake.commit(delivery_of(["10", "5.00"], fingerprint="v1"))
    manifest = lake.current(*KEY)
    assert result.status == "committed" and result.manifest == manifest
    assert (manifest.rows, manifest.money) == (2, {"USD": {"billed_cost": Decimal(15)}})
    assert manifest.delivered_at == DELIVERED_AT
    assert [(column.name, column.type) for column in manifest.columns] == [
        ("currency", "VARCHAR"),
        ("cost", "DECIMAL(38,18)"),
    ]
    folder = lake.root / "aws/aws_focus/partition=2026-05" / manifest.load_id
    assert sorted(path.name for path in folder.iterdir()) == ["manifest.json", "part-00000.parquet"]
    (file,) = manifest.files
    path = lake.root / file.path
    stat = path.stat()
    assert (file.size, file.mtime_ns, file.sha256) == (stat.st_size, stat.st_mtime_ns, file_sha256(path))
    assert json.loads((folder.parent / "current.json").read_text())["money"] == {"USD": {"billed_cost": "15"}}
    assert messages(lake) == ["2026-05 loaded: 2 rows, billed_cost 15 USD"]


def test_equal_fingerprint_is_not_landed_again(lake):
    first = delivery_of(["15"], fingerprint="v1")
    lake.commit(first)

    def never(folder):
        raise AssertionError("landed again")

    assert lake.commit(replace(first, land=never)).status == "unchanged"


def test_new_format_version_lands_again_under_a_new_id(lake):
    first = lake.commit(delivery_of(["15"], fingerprint="v1"))
    second = lake.commit(delivery_of(["15"], fingerprint="v1", version=2))
    assert second.status == "committed" and second.manifest.load_id != first.manifest.load_id


def test_restatement_replaces_the_partition_and_logs_the_delta(lake):
    first = lake.commit(delivery_of(["5", "5", "5"], fingerprint="v1"))
    second = lake.commit(delivery_of(["5", "5", "5", "-4", "2"], fingerprint="v2"))
    assert second.manifest.previous_load_id == first.manifest.load_id
    assert messages(lake)[-1] == "2026-05 replaced: 3 rows -> 5 rows, billed_cost 15 -> 13 USD (delta -2)"
    assert (lake.root / first.manifest.files[0].path).is_file(), "earlier loads stay"
    assert [manifest.load_id for manifest in lake.manifests()] == [second.manifest.load_id]


def test_older_content_delivered_again_turns_the_pointer_back(lake):
    first = lake.commit(delivery_of(["15"], fingerprint="v1"))
    lake.commit(delivery_of(["13"], fingerprint="v2"))
    third = lake.commit(delivery_of(["15"], fingerprint="v3"))
    assert third.manifest.load_id == first.manifest.load_id
    assert third.manifest.files == first.manifest.files
    assert lake.current(*KEY).fingerprint == "v3"
    assert messages(lake)[-1] == "2026-05 replaced: 1 rows -> 1 rows, billed_cost 13 -> 15 USD (delta 2)"


def test_same_content_under_a_new_fingerprint_is_unchanged_and_remembered(lake):
    lake.commit(delivery_of(["15"], fingerprint="v1"))
    assert lake.commit(delivery_of(["15"], fingerprint="touched")).status == "unchanged"
    assert lake.current(*KEY).fingerprint == "touched"
    assert len(messages(lake)) == 1


def test_month_restated_to_nothing_becomes_empty(lake):
    lake.commit(delivery_of(["15"], fingerprint="v1"))
    result = lake.commit(delivery_of([], fingerprint="v2"))
    assert (result.manifest.rows, result.manifest.money) == (0, {})
    assert messages(lake)[-1] == "2026-05 replaced: 1 rows -> 0 rows, billed_cost 15 -> 0 USD (delta -15)"


def test_lost_file_is_landed_again(lake):
    first = lake.commit(delivery_of(["15"], fingerprint="v1"))
    path = lake.root / first.manifest.files[0].path
    path.unlink()
    lake.commit(delivery_of(["15"], fingerprint="v1"))
    assert path.is_file()


def test_load_id_depends_on_content_only(tmp_path):
    ids = [
        Lake(tmp_path / name).commit(delivery_of(["1", "2"], fingerprint=name)).manifest.load_id
        for name in "ab"
    ]
    assert ids[0] == ids[1]


def test_refused_delivery_leaves_the_partition_and_no_traces(lake):
    good = lake.commit(delivery_of(["15"], fingerprint="v1"))

    def broken(folder):
        (folder / "part-00000.parquet").write_bytes(b"half")
        raise DeliveryError("broken", where={"file": "x", "line": 3}, found="a", expected="b", fix="c")

    delivery = replace(delivery_of(["1"], fingerprint="v2"), land=broken)
    for _ in range(2):
        with pytest.raises(DeliveryError) as caught:
            lake.commit(delivery)
        lake.quarantine(delivery, caught.value)
    assert lake.current(*KEY) == good.manifest
    assert [path for path in lake.root.glob("_tmp/*/*")] == []
    (entry,) = lake.quarantine_entries.entries()
    assert (entry.what, entry.where, entry.found, entry.fix) == ("broken", {"file": "x", "line": 3}, "a", "c")
    lake.commit(delivery_of(["16"], fingerprint="v3"))
    assert lake.quarantine_entries.entries() == []
    assert lake.quarantine_entries.entries(open_only=False)[0].resolved_at


def test_quarantine_is_also_resolved_when_the_old_delivery_comes_back(lake):
    lake.commit(delivery_of(["15"], fingerprint="v1"))
    lake.quarantine(delivery_of(["1"], fingerprint="../v2"), DeliveryError("broken"))
    assert lake.commit(delivery_of(["15"], fingerprint="v1")).status == "unchanged"
    assert lake.quarantine_entries.entries() == []


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (OSError("no such host"), TransientError),
        (ValueError("bad"), DeliveryError),
        (MemoryError(), TransientError),
    ],
)
def test_faults_of_an_adapter_become_errors_of_the_project(lake, fault, kind):
    def land(folder):
        raise fault

    with pytest.raises(kind, match="aws_focus"):
        lake.commit(replace(delivery_of(["1"], fingerprint="v1"), land=land))


def test_rows_that_are_not_in_the_files_are_refused(lake):
    honest = delivery_of(["1", "2"], fingerprint="v1")
    with pytest.raises(DeliveryError, match=r"2 rows(.|\n)*3 rows"):
        lake.commit(replace(honest, land=lambda folder: replace(honest.land(folder), rows=3)))


def test_index_lists_the_current_manifests_in_a_fixed_order(lake):
    for partition in ("2026-06", "2026-05"):
        lake.commit(delivery_of(["1"], fingerprint="v1", partition=partition))
    lake.commit(delivery_of(["1"], fingerprint="v1", source="aaa"))
    path = lake.write_index()
    index = json.loads(path.read_text())
    assert [(item["source"], item["partition"]) for item in index] == [
        ("aaa", "2026-05"),
        ("aws", "2026-05"),
        ("aws", "2026-06"),
    ]
    before = path.stat()
    lake.write_index()
    assert path.stat().st_mtime_ns == before.st_mtime_ns, "an unchanged index is not rewritten"


def test_recovery_repairs_a_torn_and_a_missing_log_line(lake):
    lake.commit(delivery_of(["15"], fingerprint="v1"))
    lake.commit(delivery_of(["13"], fingerprint="v2"))
    whole = lake.load_log.path.read_bytes()
    lake.load_log.path.write_bytes(whole[:-20])
    Lake(lake.root).recover()
    assert lake.load_log.path.read_bytes() == whole
    lake.load_log.path.unlink()
    Lake(lake.root).recover()
    assert messages(lake) == ["2026-05 replaced: 1 rows -> 1 rows, billed_cost 15 -> 13 USD (delta -2)"]


def test_recovery_removes_folders_of_dead_runs_but_not_of_living_ones(lake):
    dead = lake.root / "_tmp" / "99999-dead"
    dead.mkdir(parents=True)
    (dead / "part").write_text("x")

    def land(folder):
        Lake(lake.root).recover()
        assert folder.is_dir()
        return delivery_of(["1"], fingerprint="v1").land(folder)

    lake.commit(replace(delivery_of(["1"], fingerprint="v1"), land=land))
    assert not dead.exists()


def test_several_writers_commit_side_by_side(lake):
    days = [f"2026-05-{day:02d}" for day in range(1, 13)]

    def write(day):
        own = Lake(lake.root)
        own.recover()
        own.commit(delivery_of([day[-2:]], fingerprint="v1", partition=day))
        own.write_index()

    with ThreadPoolExecutor(max_workers=4) as pool:
        list(pool.map(write, days))
    assert [manifest.partition for manifest in lake.manifests()] == days
    assert sorted(line["partition"] for line in lake.load_log.lines()) == days
    assert [item["partition"] for item in json.loads(lake.index_path.read_text())] == days
