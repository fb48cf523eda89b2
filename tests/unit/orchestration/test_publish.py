"""Publishing: content hashes, incremental snapshots, atomic pointer, pruning, readers and kills."""

from __future__ import annotations

import json
import multiprocessing
import os
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from orchestration.duck import DuckLimits
from orchestration.publish import marts_file
from orchestration.publish.marts_file import PublishedContentError
from orchestration.publish.pending import Pending, add_pending, read_pending
from orchestration.publish.publisher import Provenance, Publication, publish
from orchestration.publish.snapshot import InputRecord, current_folder, current_record, snapshots_folder
from tests.unit.orchestration.small_warehouse import build_warehouse, change

LIMITS = DuckLimits(threads=1, memory_limit="500MB")
START = datetime(2026, 4, 1, 6, 0, tzinfo=UTC)
LOADED = InputRecord(source="aws_main", dataset="aws_cur_2_0", partition="2026-02", load_id="ab")


def run(warehouse: Path, *, day: int = 0, keep: int = 7) -> Publication:
    return publish(
        warehouse,
        published_dir=warehouse.parent / "published",
        provenance=Provenance(inputs=(LOADED,), gates=({"rule": "r", "status": "passed"},), code_version="1"),
        keep=keep,
        limits=LIMITS,
        now=START + timedelta(days=day),
    )


def published_rows(warehouse: Path, query: str) -> list[tuple]:
    with duckdb.connect(str(warehouse.parent / "published/current/marts.duckdb"), read_only=True) as con:
        return con.execute(query).fetchall()


def test_first_publication_holds_every_mart_and_its_record(warehouse: Path) -> None:
    result = run(warehouse)
    folder = warehouse.parent / "published" / "current"
    record = json.loads((folder / "snapshot.json").read_text())
    assert result.is_new
    assert record["storage_version"] == "v1.0.0"
    assert record["totals"]["2026-02"]["USD"]["billed_cost"] == "12.500000000000000001"
    assert record["marts"]["fct_charges"]["periods"]["2026-03"]["rows"] == 2
    assert record["marts"]["fct_chargeback"]["periods"]["2026-03"]["money"]["USD"]["billed"] == "22.750000000000000000"
    assert record["inputs"] == [LOADED.model_dump()]
    assert published_rows(warehouse, "SELECT count(*) FROM fct_cost_allocations") == [(5,)]
    assert (folder / "parquet/fct_charges/2026-02.parquet").is_file()
    assert (folder / "parquet/dim_teams.parquet").is_file()


def test_storage_version_opens_in_every_client_since_1_0(warehouse: Path) -> None:
    run(warehouse)
    with duckdb.connect() as con:
        con.execute(f"ATTACH '{warehouse.parent}/published/current/marts.duckdb' AS m (READ_ONLY)")
        tags = con.execute("SELECT tags FROM duckdb_databases() WHERE database_name = 'm'").fetchall()
    assert "v1.0.0" in str(tags)


def test_equal_inputs_give_equal_hashes_whatever_the_row_order(tmp_path: Path) -> None:
    hashes = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        warehouse = build_warehouse(tmp_path / name / "warehouse.duckdb")
        if name == "b":
            change(
                warehouse,
                "CREATE OR REPLACE TABLE marts.fct_charges AS FROM marts.fct_charges ORDER BY charge_key DESC",
            )
        hashes.append(run(warehouse, day=len(hashes)).record.content_hash)
    assert hashes[0] == hashes[1]


def test_same_content_keeps_the_pointer_and_renews_the_gate_record(warehouse: Path) -> None:
    first = run(warehouse)
    add_pending(warehouse.parent / "published", periods=["2026-03"], is_full=True)
    second = run(warehouse, day=1)
    assert not second.is_new
    assert second.folder == first.folder
    assert second.record.created_at == START
    assert second.record.checked_at == START + timedelta(days=1)
    assert read_pending(warehouse.parent / "published") == Pending()


def test_only_the_changed_period_is_written(warehouse: Path) -> None:
    first = run(warehouse)
    change(warehouse, "UPDATE marts.fct_charges SET billed_cost = 25 WHERE charge_key = 'k3'")
    add_pending(warehouse.parent / "published", periods=["2026-03"], is_full=False)
    second = run(warehouse, day=1)
    assert second.changed_periods == ("2026-03",)
    old, new = first.folder / "parquet/fct_charges", second.folder / "parquet/fct_charges"
    assert (old / "2026-02.parquet").stat().st_ino == (new / "2026-02.parquet").stat().st_ino
    assert (old / "2026-03.parquet").stat().st_ino != (new / "2026-03.parquet").stat().st_ino
    assert published_rows(warehouse, "SELECT billed_cost FROM fct_charges WHERE charge_key = 'k3'") == [(Decimal(25),)]
    assert [p for p, r in second.record.marts["fct_charges"].periods.items() if r.rows != 2] == []


def test_incremental_snapshot_has_the_hash_of_a_full_one(tmp_path: Path) -> None:
    sql = """
        DELETE FROM marts.fct_charges WHERE billing_period = '2026-02';
        INSERT INTO marts.fct_charges SELECT 'k9', '2026-04', * EXCLUDE (charge_key,
        billing_period) FROM marts.fct_charges;
    """
    grown, fresh = tmp_path / "grown", tmp_path / "fresh"
    grown.mkdir(), fresh.mkdir()
    warehouse = build_warehouse(grown / "warehouse.duckdb")
    run(warehouse)
    change(warehouse, sql)
    incremental = run(warehouse, day=1)
    full = run(build_warehouse(fresh / "warehouse.duckdb", extra=sql))
    assert incremental.record.content_hash == full.record.content_hash
    assert set(incremental.record.marts["fct_charges"].periods) == {"2026-03", "2026-04"}
    assert not (incremental.folder / "parquet/fct_charges/2026-02.parquet").exists()


def test_a_changed_schema_rebuilds_that_mart(warehouse: Path) -> None:
    run(warehouse)
    change(warehouse, "ALTER TABLE marts.dim_teams ADD COLUMN owner VARCHAR; DROP TABLE marts.fct_token_usage")
    record = run(warehouse, day=1).record
    assert "owner" in record.marts["dim_teams"].columns
    assert "fct_token_usage" not in record.marts
    assert published_rows(warehouse, "SELECT owner FROM dim_teams LIMIT 1") == [(None,)]


def test_pending_periods_survive_until_published(warehouse: Path) -> None:
    published = warehouse.parent / "published"
    add_pending(published, periods=["2026-02"], is_full=False)
    add_pending(published, periods=["2026-03"], is_full=False)
    assert read_pending(published) == Pending(periods=frozenset({"2026-02", "2026-03"}))
    run(warehouse)
    assert read_pending(published) == Pending()


def test_a_write_that_went_wrong_publishes_nothing(warehouse: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = run(warehouse)
    change(warehouse, "DELETE FROM marts.fct_charges WHERE charge_key = 'k3'")
    monkeypatch.setattr(marts_file, "_write_mart", lambda con, mart: None)
    with pytest.raises(PublishedContentError, match="2026-03"):
        run(warehouse, day=1)
    assert current_folder(warehouse.parent / "published") == first.folder


def test_old_snapshots_are_pruned_and_leftovers_removed(warehouse: Path) -> None:
    published = warehouse.parent / "published"
    for day in range(4):
        change(warehouse, f"UPDATE marts.fct_charges SET billed_cost = {day} WHERE charge_key = 'k3'")
        add_pending(published, periods=["2026-03"], is_full=False)
        (snapshots_folder(published) / f".building-{day}").mkdir(parents=True)
        last = run(warehouse, day=day, keep=2)
    names = sorted(folder.name for folder in snapshots_folder(published).iterdir())
    assert len(names) == 2
    assert names[-1] == last.folder.name == current_folder(published).name


def test_a_damaged_snapshot_is_published_anew(warehouse: Path) -> None:
    first = run(warehouse)
    (first.folder / "parquet/fct_charges/2026-02.parquet").unlink()
    second = run(warehouse, day=1)
    assert second.is_new
    assert second.record.content_hash == first.record.content_hash


def test_a_record_of_another_version_is_published_anew(warehouse: Path) -> None:
    first = run(warehouse)
    record = json.loads((first.folder / "snapshot.json").read_text())
    del record["files"]
    (first.folder / "snapshot.json").write_text(json.dumps(record))
    second = run(warehouse, day=1)
    assert second.is_new
    assert second.record.content_hash == first.record.content_hash


def _read_in_a_loop(path: str, stop, failures, reads) -> None:
    while not stop.is_set():
        try:
            with duckdb.connect(path, read_only=True) as con:
                rows = con.execute(
                    "SELECT (SELECT sum(billed_cost) FROM fct_charges), (SELECT sum(billed_cost) FROM fct_cost_allocations)"
                ).fetchall()
            if rows[0][0] != rows[0][1]:
                failures.put(f"half state {rows}")
            reads.value += 1
        except duckdb.Error as error:
            failures.put(str(error))


def test_a_reader_never_sees_an_error_or_a_half_state(warehouse: Path) -> None:
    run(warehouse)
    context = multiprocessing.get_context("spawn")
    stop, failures, reads = context.Event(), context.Queue(), context.Value("i", 0)
    path = str(warehouse.parent / "published/current/marts.duckdb")
    reader = context.Process(target=_read_in_a_loop, args=(path, stop, failures, reads))
    reader.start()
    day = 0
    while day < 6 or (reads.value < 10 and day < 200):
        day += 1
        for table in ("fct_charges", "fct_cost_allocations"):
            change(warehouse, f"UPDATE marts.{table} SET billed_cost = billed_cost + 1 WHERE charge_key = 'k3'")
        add_pending(warehouse.parent / "published", periods=["2026-03"], is_full=False)
        run(warehouse, day=day, keep=3)
    stop.set()
    reader.join(20)
    assert reads.value >= 10
    assert failures.empty(), failures.get()


def _publish_and_die(warehouse: str, point: str) -> None:
    from orchestration.publish import publisher

    def die(*_args: object, **_kwargs: object) -> None:
        os._exit(9)

    setattr(publisher, point, die)
    run(Path(warehouse), day=1)


@pytest.mark.parametrize("point", ["write_marts", "write_parquet", "write_record", "point_to", "clear_pending", "prune"])
def test_killed_at_any_step_the_next_run_ends_the_same(warehouse: Path, point: str) -> None:
    published = warehouse.parent / "published"
    before = run(warehouse).record.content_hash
    change(warehouse, "UPDATE marts.fct_charges SET billed_cost = 25 WHERE charge_key = 'k3'")
    add_pending(published, periods=["2026-03"], is_full=False)
    context = multiprocessing.get_context("fork")
    process = context.Process(target=_publish_and_die, args=(str(warehouse), point))
    process.start()
    process.join(30)
    assert process.exitcode == 9
    seen = current_record(published).content_hash
    after = run(warehouse, day=2).record.content_hash
    assert seen in (before, after)
    assert published_rows(warehouse, "SELECT billed_cost FROM fct_charges WHERE charge_key = 'k3'") == [(Decimal(25),)]
    assert not list(snapshots_folder(published).glob(".building-*"))
