"""A bounded, private DuckDB session of one landing: in memory, UTC, without any extension from outside."""

from __future__ import annotations

import os
from collections.abc import Iterable
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
