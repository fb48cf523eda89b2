"""Where delivered files are scanned: one DuckDB session and one scratch folder, opened when needed."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from types import TracebackType

import duckdb

from ingest.duckdb_session import EngineLimits, connect


class ScanRoom:
    """A context manager; what lies in its scratch folder is deleted at the end.

    Args:
        home: folder that holds the scratch folder; made when needed.
        limits: memory and threads of the session.
    """

    def __init__(self, home: Path, *, limits: EngineLimits) -> None:
        self._home, self._limits, self._stack = home, limits, ExitStack()

    @cached_property
    def scratch(self) -> Path:
        """An empty folder for unpacked files."""
        self._home.mkdir(parents=True, exist_ok=True)
        return Path(self._stack.enter_context(tempfile.TemporaryDirectory(dir=self._home, prefix="scan-")))

    @cached_property
    def connection(self) -> duckdb.DuckDBPyConnection:
        """A private in-memory session that spills into the scratch folder."""
        return self._stack.enter_context(connect(**asdict(self._limits), scratch=self.scratch / "spill"))

    def __enter__(self) -> ScanRoom:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()
