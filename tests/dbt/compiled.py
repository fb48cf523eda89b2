"""Compiles the dbt project once and runs single models on small tables, without dbt in the loop.

A property test needs thousands of runs; dbt needs a second for one. What dbt compiles is plain SQL over schema-qualified
names, so the same SQL runs here on tables the test fills.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import duckdb

ROOT = Path(__file__).resolve().parents[2]
DBT_PROJECT = ROOT / "dbt_project"


def dbt_environment(home: Path, *, lake_index: Path | None = None) -> dict[str, str]:
    """Returns the environment of a dbt call whose files all lie below `home`."""
    index = lake_index or home / "lake" / "index.json"
    if not index.exists():
        index.parent.mkdir(parents=True, exist_ok=True)
        index.write_text("[]")
    return os.environ | {
        "TCO_WAREHOUSE": str(home / "warehouse.duckdb"),
        "TCO_LAKE_INDEX": str(index),
        "TCO_TEMP_DIR": str(home / "tmp"),
        "DBT_TARGET_PATH": str(home / "target"),
        "DBT_LOG_PATH": str(home / "logs"),
        "DBT_PROFILES_DIR": str(DBT_PROJECT),
        "DBT_PROJECT_DIR": str(DBT_PROJECT),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "DO_NOT_TRACK": "1",
    }


def run_dbt(home: Path, *arguments: str, lake_index: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Runs dbt and returns what it printed; the caller judges the return code."""
    dbt = Path(sys.executable).parent / "dbt"
    return subprocess.run(
        [str(dbt), *arguments],
        cwd=DBT_PROJECT,
        env=dbt_environment(home, lake_index=lake_index),
        capture_output=True,
        text=True,
        check=False,
    )


class CompiledModels:
    """The compiled SQL of models, to be run on an in-memory database named like the warehouse."""

    def __init__(self, target: Path) -> None:
        self._sql = {path.stem: path.read_text() for path in target.rglob("*.sql") if "compiled" in path.parts}

    def build(self, con: duckdb.DuckDBPyConnection, name: str, *, schema: str) -> None:
        """Creates the table `schema.name` from the model's query."""
        con.execute(f"create or replace table warehouse.{schema}.{name} as {self._sql[name]}")

    def prepare(self, con: duckdb.DuckDBPyConnection, name: str, *, schema: str) -> None:
        """Creates the table and prepares its query, so that `refill` needs no planning."""
        self.build(con, name, schema=schema)
        con.execute(f"prepare fill_{name} as insert into warehouse.{schema}.{name} {self._sql[name]}")

    def refill(self, con: duckdb.DuckDBPyConnection, name: str, *, schema: str) -> None:
        """Replaces the rows of a prepared model's table by its query's result."""
        con.execute(f"delete from warehouse.{schema}.{name}")
        con.execute(f"execute fill_{name}")

    def sql(self, name: str) -> str:
        """Returns the compiled query of a model or data test."""
        return self._sql[name]


def warehouse() -> duckdb.DuckDBPyConnection:
    """Returns an empty in-memory database with the warehouse's name and schemas."""
    con = duckdb.connect()
    con.execute("attach ':memory:' as warehouse")
    con.execute("set timezone = 'UTC'")
    for schema in ("staging", "intermediate", "marts", "seeds"):
        con.execute(f"create schema warehouse.{schema}")
    return con


def column_types(model_yml: Path) -> dict[str, str]:
    """Returns column name -> SQL type from a mart's contract."""
    found = re.findall(r"- name: (\w+)\n\s+data_type: ([^\n]+)", model_yml.read_text())
    return dict(found)
