"""A bounded, private DuckDB session of one landing: in memory, UTC, without any extension from outside."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import duckdb


@dataclass(frozen=True, kw_only=True)
class EngineLimits:
    """How much of the machine DuckDB may take."""

    memory_limit: str = "2GB"
    threads: int = 2


def connect(
    *, memory_limit: str = "2GB", threads: int = 2, scratch: Path | None = None
) -> duckdb.DuckDBPyConnection:
    """A private in-memory DuckDB: UTC, bounded, fetches no extensions, spills into ``scratch`` if given."""
    connection = duckdb.connect(
        config={
            "memory_limit": memory_limit,
            "threads": threads,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "temp_directory": str(scratch) if scratch else "",
        }
    )
    connection.execute("SET GLOBAL TimeZone = 'UTC'")  # for its cursors too
    connection.execute("SET enable_progress_bar = false")
    return connection


@contextmanager
def session(*, memory_limit: str = "2GB", threads: int = 2, scratch: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A private session for one landing on a database that the landings of this process share.

    Opening a database and its first reads cost some 100 ms, more than a small partition takes. What a landing creates
    is temporary and goes with its session.

    Args:
        memory_limit: of all sessions of these limits together.
        threads: threads a query may take.
        scratch: where a query spills to; exists as long as the session.
    """
    key = (os.getpid(), memory_limit, threads)
    if key not in _landing_databases:
        _landing_databases[key] = connect(memory_limit=memory_limit, threads=threads)
    cursor = _landing_databases[key].cursor()
    try:
        cursor.execute("SET temp_directory = ?", [str(scratch)])
    except duckdb.Error:  # an earlier landing spilled: its folder can no longer be exchanged
        _landing_databases[key] = connect(memory_limit=memory_limit, threads=threads, scratch=scratch)
        cursor = _landing_databases[key].cursor()
    try:
        cursor.execute("SET preserve_insertion_order = true")
        yield cursor
    finally:
        cursor.close()


_landing_databases: dict[tuple[int, str, int], duckdb.DuckDBPyConnection] = {}


def metadata_session() -> duckdb.DuckDBPyConnection:
    """A cheap session for looking at Parquet footers: sessions of one process share one small database."""
    return _shared_database(os.getpid()).cursor()


@cache
def _shared_database(process: int) -> duckdb.DuckDBPyConnection:
    """One database per process: opening one takes some 30 ms, and it must not survive a fork."""
    return connect(memory_limit="512MB", threads=1)


def file_list(paths: Iterable[Path]) -> list[str]:
    """Paths as DuckDB reads them: glob characters in names are taken literally."""
    return ["".join(f"[{char}]" if char in "*?[" else char for char in str(path)) for path in paths]
