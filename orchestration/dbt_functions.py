"""SQL functions of this project that dbt's DuckDB connection has, as a dbt-duckdb plugin (profiles.yml).

Belongs here: the border between SQL values and Python functions; what they compute stands elsewhere.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from dbt.adapters.duckdb.plugins import BasePlugin
from duckdb import DuckDBPyConnection

from orchestration.pool_solver import Edge, solve

EDGES = "struct(pool_id varchar, target_type varchar, target varchar, weight decimal(38, 18), is_first boolean)[]"
REACHES = """struct(
    pool_id varchar, exit_pool_id varchar, pool_path varchar, team_id varchar, residual_reason varchar, weight decimal(38, 18)
)[]"""


class Plugin(BasePlugin):
    """Registers the functions on every connection dbt opens."""

    def configure_connection(self, conn: DuckDBPyConnection) -> None:
        """Called by dbt-duckdb once a connection is made."""
        register_functions(conn)


def register_functions(connection: DuckDBPyConnection) -> None:
    """Gives a connection the function `solve_pools(entries varchar[], edges struct[]) -> struct[]`."""
    connection.create_function("solve_pools", solve_pools, ["varchar[]", EDGES], REACHES, null_handling="special")  # type: ignore[arg-type]


def solve_pools(entries: list[str], edges: list[dict[str, Any]] | None) -> list[dict[str, str | Decimal | None]]:
    """`solve` on SQL values."""
    reaches = solve(entries, [Edge(**edge) for edge in edges or ()])
    return [
        {
            "pool_id": reach.pool_id,
            "exit_pool_id": reach.exit_pool_id,
            "pool_path": reach.pool_path,
            "team_id": reach.team_id,
            "residual_reason": reach.reason,
            "weight": reach.weight,
        }
        for reach in reaches
    ]
