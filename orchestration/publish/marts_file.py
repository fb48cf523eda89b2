"""Writing a snapshot's files: marts.duckdb and the Parquet files, of which the unchanged ones are taken over.

marts.duckdb is written in storage version v1.0.0: every DuckDB client from 1.0 on opens it read-only (the
column types used - DECIMAL, VARCHAR, BIGINT, DOUBLE, BOOLEAN, DATE, TIMESTAMP - exist there). It starts as
a copy of the current snapshot's file, in which only the changed periods are replaced; space that a replaced
period leaves is used again by DuckDB, and a file that is more than half free is written anew. Every mart
lies in the schema `main`.

Parquet: `parquet/<mart>/<billing_period>.parquet`, so that a day's work rewrites one file a mart however
long the history is; a mart without billing period is `parquet/<mart>.parquet`. Unchanged files are hard
links.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import duckdb

from ingest.errors import GateError
from ingest.sql_casts import literal, quoted
from orchestration.publish.content import PERIOD_COLUMN, PeriodContent, bound, period_contents
from orchestration.publish.frozen import common_columns, copy_frozen, frozen_rows
from orchestration.publish.plan import MartPlan, PublicationPlan, warehouse_table
from orchestration.publish.snapshot import MARTS_FILE, PARQUET_FOLDER

STORAGE_VERSION = "v1.0.0"
SNAPSHOT = "snapshot"


_PERIOD = re.compile(r"\d{4}-\d{2}")


class PublishedContentError(GateError):
    """The written file does not hold what the warehouse holds; nothing was published."""


def snapshot_table(mart: str) -> str:
    """Qualified name of a mart in the attached snapshot file."""
    return f"{SNAPSHOT}.main.{quoted(mart)}"


def write_marts(con: duckdb.DuckDBPyConnection, *, plan: PublicationPlan, previous_dir: Path | None, building: Path) -> None:
    """Write `building`/marts.duckdb so that it holds exactly the marts of the attached warehouse.

    Raises:
        PublishedContentError: reading the written tables back gives other rows, hashes or sums than planned.
    """
    target = building / MARTS_FILE
    source = previous_dir / MARTS_FILE if previous_dir is not None else None
    if source is not None and source.is_file() and not plan.is_rebuilt:
        shutil.copyfile(source, target)
    con.execute(f"ATTACH {literal(str(target))} AS {SNAPSHOT} (STORAGE_VERSION {literal(STORAGE_VERSION)})")
    for name in plan.dropped:
        con.execute(f"DROP TABLE IF EXISTS {snapshot_table(name)}")
    for mart in plan.marts:
        _write_mart(con, mart)
    con.execute(f"CHECKPOINT {SNAPSHOT}")
    for mart in plan.marts:
        _verify_mart(con, mart)


def is_mostly_free(con: duckdb.DuckDBPyConnection) -> bool:
    """Whether more than half of the attached snapshot file is unused space."""
    row = con.execute(
        "SELECT total_blocks, free_blocks FROM pragma_database_size() WHERE database_name = ?", [SNAPSHOT]
    ).fetchall()[0]
    return int(row[1]) * 2 > int(row[0]) > 64


def parquet_path(mart: MartPlan, period: str) -> str:
    """Path of a mart's Parquet file below the snapshot folder.

    Raises:
        PublishedContentError: the period is no billing period.
    """
    if not mart.has_periods:
        return f"{PARQUET_FOLDER}/{mart.name}.parquet"
    if not _PERIOD.fullmatch(period or ""):
        raise PublishedContentError(
            "a mart holds a billing period that is none",
            where={"mart": mart.name},
            found=repr(period),
            expected="YYYY-MM",
            fix="find the rows in the warehouse by this value and correct the model that makes them",
        )
    return f"{PARQUET_FOLDER}/{mart.name}/{period}.parquet"


def write_parquet(con: duckdb.DuckDBPyConnection, *, plan: PublicationPlan, previous_dir: Path | None, building: Path) -> None:
    """Write the Parquet files of changed periods from the attached snapshot file, copy those of closed
    months from their close, link the others.
    """
    for mart in plan.marts:
        for period in mart.changed:
            path = building / parquet_path(mart, period)
            path.parent.mkdir(parents=True, exist_ok=True)
            where = f"WHERE {PERIOD_COLUMN} = {literal(period)}" if mart.has_periods else ""
            rows = f"SELECT * FROM {snapshot_table(mart.name)} {where}"
            con.execute(f"COPY ({rows}) TO {literal(str(path))} (FORMAT parquet, COMPRESSION zstd)")
        for period, (_, held) in mart.frozen.items():
            copy_frozen(held, building / parquet_path(mart, period))
        for record in mart.kept.values():
            assert previous_dir is not None
            _take_over(previous_dir / record.parquet, building / record.parquet)


def _write_mart(con: duckdb.DuckDBPyConnection, mart: MartPlan) -> None:
    table, source = snapshot_table(mart.name), warehouse_table(mart.name)
    if mart.is_unchanged:
        return
    if mart.is_rebuilt or not mart.has_periods:
        closed = ", ".join(literal(period) for period in sorted(mart.closed))
        where = f"WHERE {PERIOD_COLUMN} IS NULL OR {PERIOD_COLUMN} NOT IN ({closed})" if closed else ""
        con.execute(f"CREATE OR REPLACE TABLE {table} AS SELECT * FROM {source} {where}")
        _insert_frozen(con, mart)
        return
    changed, periods = sorted(mart.changed), sorted({*mart.changed, *mart.removed, *mart.frozen})
    con.execute("BEGIN")
    con.execute(f"DELETE FROM {table} WHERE {PERIOD_COLUMN} IN {bound(periods)}", periods)
    con.execute(
        f"INSERT INTO {table} BY NAME SELECT * FROM {source} WHERE {PERIOD_COLUMN} IN {bound(changed)}",
        changed,
    )
    _insert_frozen(con, mart)
    con.execute("COMMIT")


def _insert_frozen(con: duckdb.DuckDBPyConnection, mart: MartPlan) -> None:
    for _, held in mart.frozen.values():
        rows = frozen_rows(held.path, common_columns(con, path=held.path, columns=mart.columns))
        con.execute(f"INSERT INTO {snapshot_table(mart.name)} BY NAME {rows}")


def _verify_mart(con: duckdb.DuckDBPyConnection, mart: MartPlan) -> None:
    table = snapshot_table(mart.name)
    if mart.changed:
        found = period_contents(con, table=table, columns=mart.columns, periods=sorted(mart.changed))
        for period, expected in mart.changed.items():
            _demand_equal(mart, period, found.get(period), expected, source="the warehouse")
    for period, (_, held) in mart.frozen.items():
        columns = common_columns(con, path=held.path, columns=mart.columns)
        frozen = period_contents(con, table=f"({frozen_rows(held.path, columns)})", columns=columns)
        written = period_contents(con, table=table, columns=columns, periods=[period])
        _demand_equal(mart, period, written.get(period), frozen.get(period), source="the close")


def _demand_equal(
    mart: MartPlan, period: str, found: PeriodContent | None, expected: PeriodContent | None, *, source: str
) -> None:
    if found != expected:
        raise PublishedContentError(
            f"a written mart does not hold what {source} holds; nothing was published",
            where={"mart": mart.name, "billing period": period},
            found=str(found),
            expected=str(expected),
            fix="run again; if it stays, check the disk and report it",
        )


def _take_over(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
