"""What dbt's data tests found, as a gate report: which test, how many rows, three examples, what to do.

Read from `run_results.json` of the build; the examples come from running the failed test's own query on the
warehouse, read-only, after dbt has ended.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb

from ingest.durable_files import read_json
from ingest.errors import TcoError
from ingest.settings import Settings
from orchestration.duck import DuckLimits, warehouse_connection
from orchestration.quality.results import EXAMPLES, GateReport, RuleResult

BORDER = "dbt tests"
FIX = "a model broke a truth it must keep: look at the rows of the named test and report it"


def failed_tests_report(settings: Settings, target: Path) -> GateReport:
    """The data tests of the last build that did not pass; models that failed are not in it."""
    results = read_json(target / "run_results.json") or {"results": []}
    tests = [item for item in results["results"] if item["unique_id"].startswith("test.")]
    troubles = [item for item in tests if item["status"] in ("fail", "warn", "error")]
    found: tuple[RuleResult, ...] = ()
    if troubles:
        limits = DuckLimits(settings.threads, settings.memory_limit, settings.home / "tmp")
        with warehouse_connection(settings.warehouse_path, limits) as con:
            con.execute("USE warehouse")
            found = tuple(_result(con, item) for item in troubles)
    return GateReport(border=BORDER, results=found, checked=len(tests))


def build_error(target: Path, *, said: str) -> TcoError:
    """The error of a build that did not end well: the models and seeds that failed, else what dbt said."""
    results = read_json(target / "run_results.json") or {"results": []}
    failed = [
        f"{item['unique_id'].rsplit('.', 1)[-1]}: {(item['message'] or '').strip()}"
        for item in results["results"]
        if item["status"] == "error" and not item["unique_id"].startswith("test.")
    ]
    return TcoError(
        "dbt could not build the warehouse",
        where={"log": target / "dbt.log"},
        found="\n".join(failed) or said,
        fix="correct the named model or seed; the published marts stay as they are",
    )


def _result(con: duckdb.DuckDBPyConnection, item: dict[str, Any]) -> RuleResult:
    name = item["unique_id"].split(".")[2]
    is_errored = item["status"] == "error"
    examples = () if is_errored else _examples(con, item.get("compiled_code") or "")
    rows = int(item.get("failures") or 0)
    said = (item["message"] or "").strip().splitlines()[0] if is_errored else f"{rows} rows"
    return RuleResult(
        suite=BORDER,
        rule=name,
        title=name.replace("_", " "),
        status="errored" if is_errored else "failed",
        severity="warn" if item["status"] == "warn" else "error",
        rows=rows,
        examples=examples,
        message=said + (f", e.g. {examples[0]}" if examples else ""),
        fix=FIX,
    )


def _examples(con: duckdb.DuckDBPyConnection, query: str) -> tuple[str, ...]:
    if not query:
        return ()
    cursor = con.execute(f"SELECT * FROM ({query}) LIMIT {EXAMPLES}")
    names = [column[0] for column in cursor.description or ()]
    return tuple(", ".join(f"{name} {value}" for name, value in zip(names, row, strict=True)) for row in cursor.fetchall())
