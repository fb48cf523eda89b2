"""The steps of a run as plain functions: audit, load, check, build, check, publish, state.

Belongs here: which room is called with which folder of the home, and what is noted of its answer. No
Dagster: the assets in defs/ and the tests call these. Every step can be killed and run again.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from pathlib import Path

from ingest.billing_period import BillingPeriod
from ingest.errors import TransientError
from ingest.lake import Lake
from ingest.run import IngestReport, ProgressEvent, ingest
from ingest.settings import Settings
from orchestration.allocation.check import require_sound_allocation
from orchestration.changes import Changes, find_changes
from orchestration.close.index import index_path, write_closes_index
from orchestration.close.months import closes_of, frozen_months
from orchestration.dbt_runtime import build_version, runtime_dir
from orchestration.duck import LOCK_WAIT_SECONDS, DuckLimits
from orchestration.durable import write_record
from orchestration.notes import RunNotes
from orchestration.publish.pending import add_pending, read_pending
from orchestration.publish.publisher import Provenance, Publication, inputs_of, publish
from orchestration.quality.lake_gate import LakeState, audit_lake, check_landed
from orchestration.quality.mart_gate import MartsState, check_marts
from orchestration.quality.results import GateReport
from orchestration.statements import update_statements
from orchestration.unfinished import clear_unfinished, merged, read_unfinished, write_unfinished

LIBRARY = "Great Expectations"


def limits_of(settings: Settings) -> DuckLimits:
    """DuckDB limits of a company's settings."""
    return DuckLimits(settings.threads, settings.memory_limit, settings.home / "tmp")


def gates_dir(settings: Settings) -> Path:
    """Where the latest gate reports and the gates' memories lie."""
    return settings.home / "gates"


def audit(settings: Settings, notes: RunNotes) -> GateReport:
    """Look for lake files that changed behind the lake's back."""
    notes.tell("audit", "lake files")
    with notes.timed("audit"):
        report = record_gate(settings, notes, audit_lake(_lake_state(settings), limits=limits_of(settings)))
    notes.not_work("audit", LIBRARY, report.library_seconds)
    return report


def load(settings: Settings, notes: RunNotes, *, types: Collection[str] | None = None) -> IngestReport:
    """Load what changed at the sources of some types (None: all)."""
    names = [source.name for source in settings.sources if types is None or source.type in types]

    def tell(event: ProgressEvent) -> None:
        place = " ".join(part for part in (event.source, event.dataset, event.partition) if part)
        notes.tell("load", f"{place} {event.stage}", done=event.number)

    with notes.timed("load"):
        report = ingest(settings, sources=names, on_progress=tell)
    notes.ingested.append(report)
    return report


def check_lake(settings: Settings, notes: RunNotes) -> GateReport:
    """Border 1."""
    notes.tell("check", "landed partitions")
    with notes.timed("check lake"):
        report = record_gate(settings, notes, check_landed(_lake_state(settings), limits=limits_of(settings)))
    notes.not_work("check lake", LIBRARY, report.library_seconds)
    return report


def find_work(settings: Settings, notes: RunNotes, *, forced: Collection[str] = ()) -> Changes:
    """What dbt has to rebuild, noted as pending before anything is built.

    Args:
        settings: the company.
        notes: takes the answer.
        forced: months ('YYYY-MM') or days ('YYYY-MM-DD') to rebuild although nothing changed.

    Raises:
        TransientError: another process keeps the warehouse open for writing.
        ChainBroken: recorded closes or disputes were changed.
        ConfigError: the allocation rules are not sound.
    """
    with notes.timed("find changes"):
        require_sound_allocation(settings.seeds_dir)
        write_closes_index(settings)
        found = _find_changes_patiently(settings)
    unfinished = read_unfinished(runtime_dir(settings))
    notes.changes = merged(found, unfinished=unfinished, forced=_with_days(settings, forced))
    if not notes.changes.is_empty:
        write_unfinished(runtime_dir(settings), notes.changes)
        periods, is_full = notes.changes.touched_months, notes.changes.full_refresh
        # a month is also compared with the one before it (fct_cost_changes)
        following = {str(BillingPeriod.parse(period).next()) for period in periods}
        add_pending(settings.published_dir, periods={*periods, *following}, is_full=is_full)
    return notes.changes


def finish_build(settings: Settings) -> None:
    """Every model was built and every data test passed: nothing has to be built again."""
    clear_unfinished(runtime_dir(settings))


def check_built(settings: Settings, notes: RunNotes) -> GateReport:
    """Border 2."""
    notes.tell("check", "marts")
    waiting = read_pending(settings.published_dir)
    state = MartsState(
        warehouse=settings.warehouse_path,
        lake_index=settings.lake_dir / "index.json",
        memory=gates_dir(settings) / "verified_marts.json",
    )
    periods = None if waiting.is_full else waiting.periods
    with notes.timed("check marts"):
        report = record_gate(settings, notes, check_marts(state, periods=periods, limits=limits_of(settings)))
    notes.not_work("check marts", LIBRARY, report.library_seconds)
    return report


def publish_marts(settings: Settings, notes: RunNotes) -> Publication:
    """Publish what passed."""
    notes.tell("publish", "snapshot")
    provenance = Provenance(
        inputs=inputs_of(Lake(settings.lake_dir).manifests()),
        gates=tuple(report.to_json() for report in notes.gates),
        code_version=build_version(settings),
    )
    with notes.timed("publish"):
        notes.publication = publish(
            settings.warehouse_path,
            published_dir=settings.published_dir,
            provenance=provenance,
            keep=settings.keep_snapshots,
            limits=limits_of(settings),
            frozen=frozen_months(closes_of(settings).events()),
        )
    return notes.publication


def write_statements(settings: Settings, notes: RunNotes, *, changed: Collection[str]) -> list[Path]:
    """Write the statements that changed billing periods reach, and those that are missing or made with other
    settings; a closed month's is the closed one.

    Returns:
        The pages of all published periods, oldest first.
    """
    with notes.timed("statements"):
        notes.statements = update_statements(
            settings, changed=changed, on_write=lambda period: notes.tell("statement", period)
        )
    return notes.statements


def _lake_state(settings: Settings) -> LakeState:
    manifests = tuple(Lake(settings.lake_dir).manifests())
    return LakeState(settings.lake_dir, manifests, gates_dir(settings) / "verified_lake.json")


def record_gate(settings: Settings, notes: RunNotes, report: GateReport) -> GateReport:
    """Keep a gate's report: in the notes and as the home's latest of that border."""
    notes.gates.append(report)
    write_record(gates_dir(settings) / f"{report.border.replace(' ', '_')}.json", report.to_json())
    return report


def _with_days(settings: Settings, forced: Collection[str]) -> set[str]:
    """Forced months and days, with every day of a forced month that lies in the lake."""
    partitions = {manifest.partition for manifest in Lake(settings.lake_dir).manifests()} if forced else set()
    return {*forced, *(part for part in partitions if part[: len("YYYY-MM")] in forced)}


def _find_changes_patiently(settings: Settings) -> Changes:
    """Compare lake and warehouse, waiting for the dbt of a killed run that is still ending."""
    index, version = settings.lake_dir / "index.json", build_version(settings)
    deadline = time.monotonic() + LOCK_WAIT_SECONDS
    while True:
        try:
            return find_changes(
                lake_index=index,
                warehouse=settings.warehouse_path,
                version=version,
                closes_index=index_path(settings),
            )
        except TransientError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
