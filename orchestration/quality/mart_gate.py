"""Border 2: the marts in the warehouse are conserved and complete, before they are published.

Reads the warehouse and the lake's index, writes nothing but its own memory: the state of the warehouse file
that last passed. An untouched warehouse is not checked twice; its last report counts on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from ingest.durable_files import read_json
from ingest.sql_casts import literal
from orchestration.duck import DuckLimits, warehouse_connection
from orchestration.durable import write_record
from orchestration.quality.gx_bridge import judge
from orchestration.quality.mart_conservation import CONSERVATION
from orchestration.quality.mart_rows import ROWS
from orchestration.quality.mart_rule import MartRule
from orchestration.quality.mart_unknowns import UNKNOWNS
from orchestration.quality.results import Finding, GateReport, Observation

SUITE = "marts"
RULES: tuple[MartRule, ...] = (*CONSERVATION, *ROWS, *UNKNOWNS)


@dataclass(frozen=True)
class MartsState:
    """What the gate looks at: warehouse file, lake index, and where the memory of the last passed state
    lies.
    """

    warehouse: Path
    lake_index: Path
    memory: Path


def check_marts(state: MartsState, *, periods: Iterable[str] | None, limits: DuckLimits) -> GateReport:
    """Check all rules.

    Args:
        state: files to read.
        periods: billing periods whose rows are looked at one by one; None means all. Sums always cover all.
        limits: threads and memory.
    """
    known = read_json(state.memory)
    now = _fingerprint(state)
    if known is not None and known["state"] == now:
        return GateReport.from_json(known["report"])
    with warehouse_connection(state.warehouse, limits) as con:
        _prepare(con, state, periods)
        results, seconds = judge([_observe(con, rule) for rule in RULES])
        checked = con.execute("SELECT count(*) FROM due").fetchall()[0][0]
    report = GateReport(border="marts", results=tuple(results), checked=checked, library_seconds=seconds)
    if report.is_passed:
        write_record(state.memory, {"state": now, "report": report.to_json()})
    return report


def _prepare(con: duckdb.DuckDBPyConnection, state: MartsState, periods: Iterable[str] | None) -> None:
    con.execute(
        "CREATE MACRO trim_amount(x) AS CASE WHEN contains(CAST(x AS VARCHAR), '.')"
        " THEN rtrim(rtrim(CAST(x AS VARCHAR), '0'), '.') ELSE CAST(x AS VARCHAR) END"
    )
    con.execute(
        f"""
        CREATE MACRO current_loads() AS TABLE
        SELECT source, dataset, partition, money
        FROM read_json(
            {literal(str(state.lake_index))},
            columns = {{source: 'VARCHAR', dataset: 'VARCHAR', partition: 'VARCHAR',
                money: 'MAP(VARCHAR, MAP(VARCHAR, VARCHAR))'}},
            maximum_object_size = {max(2**20, state.lake_index.stat().st_size)}
        )
        """
    )
    con.execute("CREATE TEMP TABLE due (billing_period VARCHAR)")
    if periods is None:
        con.execute("INSERT INTO due SELECT DISTINCT billing_period FROM warehouse.marts.fct_charges")
    else:
        con.execute("INSERT INTO due SELECT unnest(?)", [sorted(periods)])


def _observe(con: duckdb.DuckDBPyConnection, rule: MartRule) -> Observation:
    try:
        rows = con.execute(rule.query).fetchall()
    except duckdb.Error as error:
        return Observation(SUITE, rule, error=str(error).splitlines()[0])
    count = len(rule.places)
    findings = (Finding(", ".join(map(str, row[:count])), _exact(row[count]), _said(row[count + 1])) for row in rows)
    return Observation(SUITE, rule, tuple(findings))


def _said(value: Any) -> str | tuple[str, ...]:
    return value if isinstance(value, str) else tuple(value or ())


def _exact(value: Any) -> Any:
    return value if not isinstance(value, float) else Decimal(repr(value))


def _fingerprint(state: MartsState) -> list[int | str]:
    stats = [path.stat() for path in (state.warehouse, state.lake_index)]
    rules = hashlib.sha256(repr(RULES).encode()).hexdigest()
    return [rules, *(number for stat in stats for number in (stat.st_size, stat.st_mtime_ns))]
