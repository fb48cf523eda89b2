"""Write-audit-publish: from a warehouse that passed its gates to the snapshot that readers see.

Steps: compare (plan), build aside, verify by reading back, fsync, rename into place, move `current`. A run
killed before the last step leaves readers on the old snapshot and the next run with the same work to do;
one killed after it has published. Content equal to the current snapshot moves nothing, only its gate record
is renewed.

Must be called by the one run that holds the home's lock.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path
from typing import Any

import duckdb

from ingest.durable_files import sync_folder
from orchestration.duck import DuckLimits, warehouse_connection
from orchestration.durable import point_to, sync_tree
from orchestration.publish.as_of import write_views
from orchestration.publish.content import ALGORITHM, Money, combined_hash, schema_hash
from orchestration.publish.frozen import FrozenMonths
from orchestration.publish.marts_file import (
    STORAGE_VERSION,
    is_mostly_free,
    parquet_path,
    write_marts,
    write_parquet,
)
from orchestration.publish.pending import Pending, clear_pending, read_pending
from orchestration.publish.plan import MartPlan, PublicationPlan, plan_publication
from orchestration.publish.snapshot import (
    UNFINISHED,
    InputRecord,
    MartRecord,
    PeriodRecord,
    SnapshotRecord,
    current_folder,
    is_intact,
    prune,
    read_record,
    remove_unfinished,
    snapshots_folder,
    write_record,
)

logger = logging.getLogger(__name__)

LEDGER = "fct_charges"


@dataclass(frozen=True)
class Provenance:
    """What the snapshot was made from and by: lake partitions, gate results, version of the code."""

    inputs: tuple[InputRecord, ...]
    gates: tuple[dict[str, Any], ...]
    code_version: str


@dataclass(frozen=True)
class Publication:
    """Outcome of publishing: the snapshot readers now see and whether this run made it."""

    folder: Path
    record: SnapshotRecord
    is_new: bool
    changed_periods: tuple[str, ...]


def publish(
    warehouse: Path,
    *,
    published_dir: Path,
    provenance: Provenance,
    keep: int,
    limits: DuckLimits,
    now: datetime | None = None,
    frozen: FrozenMonths | None = None,
) -> Publication:
    """Publish the marts of `warehouse`.

    Args:
        warehouse: path of warehouse.duckdb; opened read-only, schema `marts`.
        published_dir: the published folder.
        provenance: inputs, gates and code version for the record.
        keep: snapshots to keep, the current one included.
        limits: threads and memory of the work.
        now: publishing instant (aware, UTC).
        frozen: closed months; their rows and files are those of the close, whatever the warehouse holds.

    Raises:
        PublishedContentError: the written file differs from the warehouse or from a close.
        FrozenFileError: a file of a close was changed.
    """
    instant = now or datetime.now(UTC)
    snapshots_folder(published_dir).mkdir(parents=True, exist_ok=True)
    remove_unfinished(published_dir)
    folder, record = _intact_current(published_dir)
    with warehouse_connection(warehouse, limits) as con:
        plan = plan_publication(con, previous=record, pending=read_pending(published_dir), frozen=frozen)
        if folder is not None and record is not None and plan.is_unchanged:
            result = _confirm(folder, record, provenance, instant)
        else:
            result = _build(con, plan, folder, published_dir, provenance, instant, frozen)
    clear_pending(published_dir)
    prune(published_dir, keep=keep)
    return result


def _intact_current(published_dir: Path) -> tuple[Path | None, SnapshotRecord | None]:
    folder = current_folder(published_dir)
    record = read_record(folder) if folder is not None else None
    if folder is None or record is None:
        return None, None
    if not is_intact(folder, record):
        logger.warning("snapshot %s is damaged, everything is published anew", record.snapshot_id)
        return None, None
    return folder, record


def _confirm(folder: Path, record: SnapshotRecord, provenance: Provenance, instant: datetime) -> Publication:
    renewed = record.model_copy(
        update={
            "checked_at": instant,
            "gates": list(provenance.gates),
            "inputs": list(provenance.inputs),
            "code_version": provenance.code_version,
        }
    )
    write_record(folder, renewed)
    return Publication(folder=folder, record=renewed, is_new=False, changed_periods=())


def _build(
    con: duckdb.DuckDBPyConnection,
    plan: PublicationPlan,
    previous_dir: Path | None,
    published_dir: Path,
    provenance: Provenance,
    instant: datetime,
    frozen: FrozenMonths | None,
) -> Publication:
    building = snapshots_folder(published_dir) / f"{UNFINISHED}{instant:%Y%m%dT%H%M%S}"
    building.mkdir()
    write_marts(con, plan=plan, previous_dir=previous_dir, building=building)
    if previous_dir is not None and is_mostly_free(con):
        con.execute("DETACH snapshot")
        (building / "marts.duckdb").unlink()
        plan = plan_publication(con, previous=None, pending=Pending(is_full=True), frozen=frozen)
        write_marts(con, plan=plan, previous_dir=None, building=building)
    write_parquet(con, plan=plan, previous_dir=previous_dir, building=building)
    write_views(con, marts=[mart.name for mart in plan.marts])
    con.execute("DETACH snapshot")
    record = _record(plan, building, provenance, instant)
    write_record(building, record)
    sync_tree(building)
    final = snapshots_folder(published_dir) / record.snapshot_id
    building.rename(final)
    sync_folder(final.parent)
    point_to(published_dir / "current", final)
    changed = sorted({period for mart in plan.marts for period in (*mart.changed, *mart.removed) if mart.has_periods})
    return Publication(folder=final, record=record, is_new=True, changed_periods=tuple(changed))


def _record(plan: PublicationPlan, building: Path, provenance: Provenance, instant: datetime) -> SnapshotRecord:
    marts = {mart.name: _mart_record(mart) for mart in plan.marts}
    written = sorted(path for path in building.rglob("*") if path.is_file())
    content_hash = combined_hash({name: mart.content_hash for name, mart in marts.items()})
    return SnapshotRecord(
        snapshot_id=f"{instant:%Y%m%dT%H%M%S%f}Z-{content_hash[:8]}",
        content_hash=content_hash,
        hash_algorithm=ALGORITHM,
        storage_version=STORAGE_VERSION,
        duckdb_version=version("duckdb"),
        code_version=provenance.code_version,
        created_at=instant,
        checked_at=instant,
        totals=_ledger_totals(marts),
        marts=marts,
        files={path.relative_to(building).as_posix(): path.stat().st_size for path in written},
        inputs=list(provenance.inputs),
        gates=list(provenance.gates),
    )


def _mart_record(mart: MartPlan) -> MartRecord:
    periods = dict(mart.kept)
    for period, content in mart.changed.items():
        periods[period] = PeriodRecord(
            rows=content.rows,
            content_hash=content.content_hash,
            money=content.money,
            parquet=parquet_path(mart, period),
        )
    for period, (event, held) in mart.frozen.items():
        periods[period] = PeriodRecord(
            rows=held.rows,
            content_hash=held.content_hash,
            money=held.money,
            parquet=parquet_path(mart, period),
            closed_by=event,
        )
    signature = schema_hash(mart.columns)
    return MartRecord(
        content_hash=combined_hash({"schema": signature} | {p: record.content_hash for p, record in periods.items()}),
        schema_hash=signature,
        rows=sum(record.rows for record in periods.values()),
        columns={column.name: column.type for column in mart.columns},
        periods=dict(sorted(periods.items())),
    )


def _ledger_totals(marts: dict[str, MartRecord]) -> dict[str, Money]:
    ledger = marts.get(LEDGER)
    if ledger is None:
        return {}
    bases = ("billed_cost", "effective_cost")
    return {
        period: {currency: {basis: sums.get(basis, Decimal(0)) for basis in bases} for currency, sums in record.money.items()}
        for period, record in ledger.periods.items()
    }


def inputs_of(manifests: Sequence[Any]) -> tuple[InputRecord, ...]:
    """Input records of lake manifests (anything with source, dataset, partition, load_id), in a stable
    order.
    """
    rows = sorted((m.source, m.dataset, m.partition, m.load_id) for m in manifests)
    return tuple(InputRecord(source=s, dataset=d, partition=p, load_id=load) for s, d, p, load in rows)
