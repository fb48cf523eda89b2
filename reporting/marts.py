"""Read-only access to one published `marts.duckdb`: rows in, frozen records out.

Belongs here: opening the file (no extensions, no network, UTC) and turning a query's rows into records. The
queries are `queries`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import duckdb

from reporting.errors import StatementError

Record = TypeVar("Record")

_ANCHOR = "fct_chargeback"


class Marts:
    """An open marts file."""

    def __init__(self, con: duckdb.DuckDBPyConnection, path: Path) -> None:
        self._con = con
        self._path = path

    def records(
        self,
        kind: Callable[..., Record],
        sql: str,
        parameters: Sequence[Any] | Mapping[str, Any] = (),
    ) -> list[Record]:
        """Run a query and build one record per row: `kind` is called with the row's columns in order.

        Raises:
            StatementError: the published marts do not have what the query asks for.
        """
        bound = dict(parameters) if isinstance(parameters, Mapping) else list(parameters)
        try:
            rows = self._con.execute(sql, bound).fetchall()
        except (duckdb.CatalogException, duckdb.BinderException) as error:
            raise StatementError(
                "the published marts do not fit this version of the statement",
                where={"file": self._path},
                found=str(error).splitlines()[0],
                expected="the marts of the same version of the project",
                fix="publish again with `tco run`",
            ) from error
        return [kind(*row) for row in rows]

    def columns(self, table: str) -> frozenset[str]:
        """Column names of a mart; empty when an older snapshot does not hold it."""
        sql = "select column_name from duckdb_columns() where table_name = ? and not internal"
        return frozenset(name for (name,) in self._con.execute(sql, [table]).fetchall())

    def has(self, table: str) -> bool:
        """Whether the snapshot holds a mart; marts are added over time and closed months keep their own."""
        return bool(self.columns(table))


@contextmanager
def open_marts(path: Path) -> Iterator[Marts]:
    """Open a published marts file read-only.

    Raises:
        StatementError: the file is not a readable DuckDB file or holds no marts.
    """
    try:
        con = duckdb.connect(str(path), read_only=True, config={"autoinstall_known_extensions": "false"})
    except duckdb.Error as error:
        raise StatementError(
            "the published marts cannot be opened",
            where={"file": path},
            found=str(error).splitlines()[0],
            expected="a DuckDB file written by a complete run",
            fix="publish again with `tco run`",
        ) from error
    try:
        con.execute("SET TimeZone = 'UTC'")
        if not con.execute("select 1 from duckdb_tables() where table_name = ?", [_ANCHOR]).fetchall():
            raise StatementError(
                "the published file holds no marts",
                where={"file": path},
                found=f"no table {_ANCHOR}",
                expected="the marts of a complete run",
                fix="publish again with `tco run`",
            )
        yield Marts(con, path)
    finally:
        con.close()
