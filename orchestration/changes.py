"""Which partitions the warehouse has to rebuild.

Compares the lake's index of current loads with `intermediate.load_state`, the loads the warehouse was built from. Only reads:
dbt stays the warehouse's only writer. A first run, a change of models, macros or seeds, and a warehouse without a load state
all ask for a full refresh; an interrupted run left the old load state, so it asks for the same partitions again.

Closes and accepted disputes count as loads (source `closes`): a new one touches its month, the month that books corrections
and the closed months that have any. Whatever touches a closed month touches the booking month too.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb

from ingest.durable_files import read_json
from ingest.errors import TransientError

LoadKey = tuple[str, str, str]
"""(source, dataset, partition)"""
CLOSES = "closes"
"""Source name of closes and disputes among the loads."""


@dataclass(frozen=True)
class Changes:
    """What a dbt run has to rebuild.

    Attributes:
        touched_months: billing periods ('YYYY-MM') of the marts to rebuild.
        touched_days: day partitions ('YYYY-MM-DD') of telemetry and usage to rebuild.
        partitions: changed lake partitions as (source, dataset, partition).
        full_refresh: everything is built from the start.
        reason: one line for people.
    """

    touched_months: tuple[str, ...]
    touched_days: tuple[str, ...]
    partitions: tuple[LoadKey, ...]
    full_refresh: bool
    reason: str

    @property
    def is_empty(self) -> bool:
        """Nothing to rebuild."""
        return not (self.full_refresh or self.partitions)


def code_version(*roots: Path) -> str:
    """Returns 16 hex digits of SHA-256 over the names and bytes of all files below `roots` that decide a result."""
    digest = hashlib.sha256()
    for root in roots:
        for path in sorted(root.rglob("*")):
            if path.is_file() and path.suffix in {".sql", ".csv", ".yml"} and "target" not in path.parts:
                digest.update(path.relative_to(root).as_posix().encode())
                digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]


def find_changes(*, lake_index: Path, warehouse: Path, version: str, closes_index: Path | None = None) -> Changes:
    """Compares lake and warehouse.

    Args:
        lake_index: `lake/index.json`, the current load of every partition.
        warehouse: the dbt database; may not exist yet.
        version: `code_version` of models and seeds, compared with the one the warehouse was built by.
        closes_index: `closes/index.json`; None or missing when nothing is closed.

    Raises:
        TransientError: another process holds the warehouse open for writing.
    """
    closes = (read_json(closes_index) if closes_index else None) or {"booking_period": None, "closed": [], "loads": []}
    current = _current_loads(lake_index) | _closing_loads(closes)
    if not warehouse.exists():
        return _everything(current, "first run: the warehouse does not exist")
    try:
        con = duckdb.connect(str(warehouse), read_only=True)
    except duckdb.IOException as error:
        raise TransientError(
            "the warehouse is locked by another process",
            where={"file": warehouse},
            found=str(error).splitlines()[0],
            expected="no other writer",
            fix="wait for the other run to end, or stop it",
        ) from error
    try:
        built = _built_loads(con)
        if built is None:
            return _everything(current, "the warehouse has no load state: an earlier build did not finish")
        versions = {row_version for _, row_version in built.values()}
        if versions and versions != {version}:
            return _everything(current, "models or seeds changed since the warehouse was built")
        found = _difference(con, current, {key: load_id for key, (load_id, _) in built.items()})
        return found if found.is_empty else _with_bookings(con, found, closes)
    finally:
        con.close()


def _current_loads(lake_index: Path) -> dict[LoadKey, str]:
    manifests = json.loads(lake_index.read_text()) if lake_index.exists() else []
    return {(m["source"], m["dataset"], m["partition"]): m["load_id"] for m in manifests}


def _closing_loads(closes: dict[str, Any]) -> dict[LoadKey, str]:
    return {(load["source"], load["dataset"], load["partition"]): load["load_id"] for load in closes["loads"]}


def _with_bookings(con: duckdb.DuckDBPyConnection, found: Changes, closes: dict[str, Any]) -> Changes:
    """Adds the months between which corrections move."""
    months = set(found.touched_months)
    closed = {month["period"] for month in closes["closed"]}
    if any(source == CLOSES for source, _, _ in found.partitions):
        booked = con.execute(
            "select x_original_billing_period, billing_period from intermediate.int_allocation_adjustments"
            " union select x_original_billing_period, billing_period from intermediate.int_dispute_parts"
        ).fetchall()
        months |= {month for row in booked for month in row if month}
    if months & closed or any(source == CLOSES for source, _, _ in found.partitions):
        months |= {closes["booking_period"]} - {None}
    return replace(found, touched_months=tuple(sorted(months)))


def _built_loads(con: duckdb.DuckDBPyConnection) -> dict[LoadKey, tuple[str, str]] | None:
    found = con.execute(
        "select count(*) from information_schema.tables where table_schema = 'intermediate' and table_name = 'load_state'"
    ).fetchone()
    if not found or not found[0]:
        return None
    rows = con.execute(
        "select x_source, x_dataset, partition, load_id, code_version from intermediate.load_state"
    ).fetchall()
    return {(source, dataset, part): (load_id, version) for source, dataset, part, load_id, version in rows}


def _everything(current: dict[LoadKey, str], reason: str) -> Changes:
    keys = tuple(sorted(current))
    return Changes(_months(keys), _days(keys), keys, full_refresh=True, reason=reason)


def _difference(
    con: duckdb.DuckDBPyConnection, current: dict[LoadKey, str], built: dict[LoadKey, str]
) -> Changes:
    keys = tuple(sorted(key for key in current.keys() | built.keys() if current.get(key) != built.get(key)))
    if not keys:
        return Changes((), (), (), full_refresh=False, reason="no partition changed")
    known_days = {part for _, _, part in current if len(part) == len("YYYY-MM-DD")}
    days = set(_days(keys))
    # counters run over midnight: the first increase of a day needs the last sample of the day before
    days |= {day for day in (_next_day(day) for day in days) if day in known_days}
    months = set(_months(keys)) | {day[:7] for day in days}
    months |= _periods_with_usage_in(con, months)
    reason = f"{len(keys)} partitions changed"
    return Changes(tuple(sorted(months)), tuple(sorted(days)), keys, full_refresh=False, reason=reason)


def _periods_with_usage_in(con: duckdb.DuckDBPyConnection, months: Iterable[str]) -> set[str]:
    """Billing periods whose charges were used in `months`: a late line is allocated by the usage of its own day."""
    rows = con.execute(
        "select distinct billing_period from marts.fct_charges where strftime(charge_date, '%Y-%m') in (select unnest(?))",
        [sorted(months)],
    ).fetchall()
    return {row[0] for row in rows}


def _months(keys: Iterable[LoadKey]) -> tuple[str, ...]:
    return tuple(sorted({part[:7] for _, _, part in keys}))


def _days(keys: Iterable[LoadKey]) -> tuple[str, ...]:
    return tuple(sorted({part for _, _, part in keys if len(part) == len("YYYY-MM-DD")}))


def _next_day(day: str) -> str:
    return (date.fromisoformat(day) + timedelta(days=1)).isoformat()
