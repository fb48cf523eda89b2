"""Read access to the warehouse file: bounded, in UTC, without any network, patient with a writer that is
ending.

Belongs here: how the orchestration opens DuckDB. dbt is the warehouse's only writer; publish/ and quality/
read it through here and say themselves what they ask.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from ingest.duckdb_session import connect
from ingest.sql_casts import literal

LOCK_WAIT_SECONDS = 20.0


@dataclass(frozen=True)
class DuckLimits:
    """What a connection may use: threads, memory (DuckDB size text) and the folder it may spill to (None: no
    spill).
    """

    threads: int = 2
    memory_limit: str = "3GB"
    scratch: Path | None = None


@contextmanager
def connection(limits: DuckLimits) -> Iterator[duckdb.DuckDBPyConnection]:
    """An in-memory connection, closed at the end of the block."""
    con = connect(memory_limit=limits.memory_limit, threads=limits.threads, scratch=limits.scratch)
    try:
        yield con
    finally:
        con.close()


@contextmanager
def warehouse_connection(path: Path, limits: DuckLimits) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection whose catalog `warehouse` is the warehouse file, read-only.

    Raises:
        duckdb.IOException: the file is missing, or a writer still holds it after LOCK_WAIT_SECONDS.
    """
    with connection(limits) as con:
        _attach(con, path)
        yield con


def _attach(con: duckdb.DuckDBPyConnection, path: Path) -> None:
    deadline = time.monotonic() + LOCK_WAIT_SECONDS
    while True:
        try:
            con.execute(f"ATTACH {literal(str(path))} AS warehouse (READ_ONLY)")
            return
        except duckdb.IOException as error:
            if "lock" not in str(error).lower() or time.monotonic() > deadline:
                raise
            time.sleep(0.2)
