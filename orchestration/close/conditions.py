"""What speaks against closing or reopening a month.

Two kinds: what a reason can override (a gate failed, an invoice does not tie, the snapshot is not from the
current lake), and what nothing can (the month is not over, out of order, closed already).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import duckdb

from ingest.billing_period import BillingPeriod
from ingest.durable_files import read_json
from ingest.errors import TransientError
from ingest.lake import Lake
from ingest.settings import Settings
from orchestration.changes import find_changes
from orchestration.close.chain import Event
from orchestration.close.index import index_path
from orchestration.close.months import CHARGES, frozen_events, month_state
from orchestration.dbt_runtime import build_version
from orchestration.publish.pending import read_pending
from orchestration.publish.publisher import inputs_of
from orchestration.publish.snapshot import MARTS_FILE, SnapshotRecord, current_folder, current_record
from orchestration.quality.results import GateReport

MAX_NAMED = 5


@dataclass(frozen=True)
class Objection:
    """One reason not to close: what is the matter, what to do, and whether --force with a reason overrides it."""

    what: str
    fix: str
    can_be_forced: bool = False


def objections_to_close(
    settings: Settings, period: str, *, is_soft: bool, events: Sequence[Event], now: datetime
) -> list[Objection]:
    """Everything that speaks against closing `period` at `now`."""
    month, record = BillingPeriod.parse(period), current_record(settings.published_dir)
    if record is None:
        return [Objection("nothing is published yet", "run `tco run` first")]
    found = [*_about_state(period, is_soft=is_soft, events=events), *_about_order(period, is_soft, events, record)]
    if now < month.end:
        found.append(Objection(f"{period} is not over before {month.end:%Y-%m-%d} 00:00 UTC", "close it after its last day"))
    if period not in record.totals:
        found.append(Objection(f"no charge of {period} is published", "look at `tco status` for the published months"))
    is_restated = month_state(events, period) == "soft_closed"
    gaps = _unreconciled(settings, period, is_restated=is_restated)
    return [*found, *failed_gates(settings), *gaps, *stale(settings, record)]


def objections_to_reopen(period: str, *, events: Sequence[Event]) -> list[Objection]:
    """Only the newest frozen month can be reopened: a later close was made on top of it."""
    frozen = frozen_events(events)
    if period not in frozen:
        return [Objection(f"{period} is open", "nothing to reopen; `tco status` lists the months")]
    if period != max(frozen):
        return [Objection(f"{max(frozen)} was closed on top of {period}", f"reopen {max(frozen)} first, or dispute the amount")]
    return []


def is_publishable(settings: Settings) -> bool:
    """Whether the warehouse passed its gates and is built from what lies in the lake now."""
    record = current_record(settings.published_dir)
    return record is not None and not failed_gates(settings) and not stale(settings, record)


def gate_reports(settings: Settings) -> list[GateReport]:
    """The latest report of each border and of the data tests."""
    paths = sorted(path for path in (settings.home / "gates").glob("*.json") if not path.name.startswith("verified"))
    return [GateReport.from_json(read_json(path) or {}) for path in paths]


def failed_gates(settings: Settings) -> list[Objection]:
    """Gates of the last run that blocked."""
    reports = gate_reports(settings)
    if not reports:
        return [Objection("no gate has run on this home", "run `tco run` first", can_be_forced=True)]
    return [
        Objection(f"gate {report.border}: {result.message or result.title}", result.fix or "run `tco run`", can_be_forced=True)
        for report in reports
        for result in report.blocking
    ]


def stale(settings: Settings, record: SnapshotRecord) -> list[Objection]:
    """Reasons why the published snapshot is not what the current lake, seeds and models would give."""
    fix = "run `tco run`, then close"
    waiting = read_pending(settings.published_dir)
    if waiting.is_full or waiting.periods:
        what = "everything" if waiting.is_full else ", ".join(sorted(waiting.periods))
        return [Objection(f"rebuilt but not published: {what}", fix, can_be_forced=True)]
    if tuple(record.inputs) != inputs_of(Lake(settings.lake_dir).manifests()):
        return [Objection("the lake holds other loads than the published snapshot was built from", fix, can_be_forced=True)]
    if record.code_version != build_version(settings):
        what = "models, seeds or settings changed since the published snapshot was built: it is not up to date"
        return [Objection(what, fix, can_be_forced=True)]
    try:
        changes = find_changes(
            lake_index=settings.lake_dir / "index.json",
            warehouse=settings.warehouse_path,
            version=build_version(settings),
            closes_index=index_path(settings),
        )
    except TransientError as error:
        return [Objection(str(error.what), fix, can_be_forced=True)]
    if changes.is_empty:
        return []
    return [Objection(f"the published snapshot is not up to date: {changes.reason}", fix, can_be_forced=True)]


def _about_state(period: str, *, is_soft: bool, events: Sequence[Event]) -> list[Objection]:
    state = month_state(events, period)
    if state == "closed":
        return [Objection(f"{period} is closed already", "later changes are booked in the open month; `tco reopen` undoes it")]
    if state == "soft_closed" and is_soft:
        return [Objection(f"{period} is soft-closed already", f"close it with `tco close {period}`")]
    return []


def _about_order(period: str, is_soft: bool, events: Sequence[Event], record: SnapshotRecord) -> list[Objection]:
    frozen = frozen_events(events)
    done = {p for p in frozen if is_soft or month_state(events, p) == "closed"}
    earlier = sorted(p for p in {*record.totals, *frozen} if p < period and p not in done)
    later = sorted(p for p in frozen if p > period)
    found = []
    if earlier:
        word = "open" if is_soft else "not closed"
        found.append(Objection(f"{', '.join(earlier)} still {word}", f"close the months in order: `tco close {earlier[0]}`"))
    if later and month_state(events, period) == "open":
        found.append(Objection(f"{later[-1]} is frozen already", f"reopen {later[-1]} first"))
    return found


def _unreconciled(settings: Settings, period: str, *, is_restated: bool) -> list[Objection]:
    """Invoices that do not tie in what would be closed: what is published, or for a soft-closed month the
    warehouse.
    """
    folder = current_folder(settings.published_dir)
    assert folder is not None
    file, schema = (settings.warehouse_path, "marts") if is_restated else (folder / MARTS_FILE, "main")
    with duckdb.connect(str(file), read_only=True) as con:
        tables = {row[0] for row in con.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
        if "fct_reconciliation" not in tables:
            return [Objection(f"{CHARGES} was never reconciled", "run `tco run`", can_be_forced=True)]
        rows = con.execute(
            "SELECT x_source, coalesce(invoice_issuer_name, 'no issuer'), coalesce(invoice_id, 'no invoice id'), gap,"
            f" billing_currency, coalesce(cause, 'unknown') FROM {schema}.fct_reconciliation"
            " WHERE billing_period = ? AND is_reconciled IS DISTINCT FROM true ORDER BY ALL",
            [period],
        ).fetchall()
    if not rows:
        return []
    named = "; ".join(f"{row[0]} {row[1]} {row[2]}: gap {row[3]:f} {row[4]}, {row[5]}" for row in rows[:MAX_NAMED])
    what = f"{len(rows)} invoices of {period} do not tie: {named}"
    return [Objection(what, "clear the gaps (fct_reconciliation names them)", can_be_forced=True)]
