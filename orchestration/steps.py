"""The steps of a run as plain functions: audit, load, check, build, check, publish, state.

Belongs here: which room is called with which folder of the home, and what is noted of its answer. No
Dagster: the assets in defs/ and the tests call these. Every step can be killed and run again.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from ingest.errors import TcoError
from ingest.lake import Lake
from ingest.run import IngestReport, ProgressEvent, ingest
from ingest.settings import Settings
from orchestration.changes import Changes, find_changes
from orchestration.dbt_runtime import build_version
from orchestration.duck import DuckLimits
from orchestration.durable import write_record
from orchestration.notes import RunNotes
from orchestration.publish.pending import add_pending, read_pending
from orchestration.publish.publisher import Provenance, Publication, inputs_of, publish
from orchestration.quality.lake_gate import LakeState, audit_lake, check_landed
from orchestration.quality.mart_gate import MartsState, check_marts
from orchestration.quality.results import GateReport
from reporting.statement import published_periods, write_statement


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
        return record_gate(settings, notes, audit_lake(_lake_state(settings), limits=limits_of(settings)))


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
        return record_gate(settings, notes, check_landed(_lake_state(settings), limits=limits_of(settings)))


def find_work(settings: Settings, notes: RunNotes, *, forced: Collection[str] = ()) -> Changes:
    """What dbt has to rebuild, noted as pending before anything is built.

    Args:
        settings: the company.
        notes: takes the answer.
        forced: months ('YYYY-MM') or days ('YYYY-MM-DD') to rebuild although nothing changed.
    """
    with notes.timed("find changes"):
        found = find_changes(
            lake_index=settings.lake_dir / "index.json",
            warehouse=settings.warehouse_path,
            version=build_version(settings),
        )
    notes.changes = _with_forced(found, forced)
    if not notes.changes.is_empty:
        add_pending(
            settings.published_dir, periods=notes.changes.touched_months, is_full=notes.changes.full_refresh
        )
    return notes.changes


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
        return record_gate(settings, notes, check_marts(state, periods=periods, limits=limits_of(settings)))


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
        )
    return notes.publication


def write_statements(settings: Settings, notes: RunNotes, *, changed: Collection[str]) -> list[Path]:
    """Write the statements of changed billing periods, and of published ones that have none yet.

    Returns:
        The pages of all published periods, oldest first.
    """
    pages = []
    with notes.timed("statements"):
        for period in published_periods(settings.published_dir):
            page = settings.statements_dir / period / "statement.html"
            if period in changed or not page.is_file():
                notes.tell("statement", period)
                page = write_statement(settings.published_dir, period, settings.statements_dir).html
            pages.append(page)
    notes.statements = pages
    return pages


def unreachable(report: IngestReport) -> TcoError | None:
    """The first fault of a report that stopped a source or a delivery, if any."""
    return report.failed[0].error if report.failed else None


def _lake_state(settings: Settings) -> LakeState:
    manifests = tuple(Lake(settings.lake_dir).manifests())
    return LakeState(settings.lake_dir, manifests, gates_dir(settings) / "verified_lake.json")


def record_gate(settings: Settings, notes: RunNotes, report: GateReport) -> GateReport:
    """Keep a gate's report: in the notes and as the home's latest of that border."""
    notes.gates.append(report)
    write_record(gates_dir(settings) / f"{report.border.replace(' ', '_')}.json", report.to_json())
    return report


def _with_forced(found: Changes, forced: Collection[str]) -> Changes:
    if not forced or found.full_refresh:
        return found
    days = {value for value in forced if len(value) == len("YYYY-MM-DD")}
    months = {value[:7] for value in forced}
    return Changes(
        touched_months=tuple(sorted({*found.touched_months, *months})),
        touched_days=tuple(sorted({*found.touched_days, *days})),
        partitions=(*found.partitions, *((("forced", "rebuild", value)) for value in sorted(forced))),
        full_refresh=False,
        reason=f"{found.reason}; asked to rebuild {', '.join(sorted(forced))}",
    )
