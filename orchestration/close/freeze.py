"""Freezing a month: its statement, the Parquet of its marts, and what they were made from, into an event's
folder.

Everything comes from the published snapshot: what is frozen is what readers saw. Files are copies, so that
nothing that happens to a snapshot reaches them.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ingest.settings import Settings
from ingest.sql_casts import literal
from orchestration.close.months import CHARGES, LEDGER, CloseFacts, FrozenMartFacts, InputFacts
from orchestration.duck import DuckLimits, connection
from orchestration.durable import sha256_of
from orchestration.publish.content import WHOLE
from orchestration.publish.snapshot import InputRecord, SnapshotRecord, current_folder, read_record

STATEMENT, MARTS, DIMENSIONS = "statement", "marts", "dimensions"
DISPUTE_PATH = "dispute/"
SNAPSHOT_FACTS = ("snapshot_id", "content_hash", "hash_algorithm", "duckdb_version")


def freeze_month(
    settings: Settings,
    period: str,
    folder: Path,
    *,
    gates: Sequence[dict[str, Any]],
    overridden: Sequence[str],
    is_soft: bool = False,
) -> dict[str, Any]:
    """Write a month's files into an empty folder and return the facts of its close.

    Args:
        settings: the company.
        period: the month, 'YYYY-MM'; it is published.
        folder: empty folder that takes `statement/`, `marts/` and `dimensions/`.
        gates: the latest gate reports.
        overridden: refusals that were forced.
        is_soft: the statement says soft-closed instead of final.
    """
    snapshot = current_folder(settings.published_dir)
    record = read_record(snapshot) if snapshot else None
    assert snapshot is not None and record is not None, "conditions of a close demand a published snapshot"
    marts = _copy_marts(snapshot, record, period, folder)
    _write_statement(settings, period, folder, month_state="soft_closed" if is_soft else "closed")
    limits = DuckLimits(settings.threads, settings.memory_limit, None)
    months = _months_of_use(folder / marts[CHARGES].path, limits=limits) if CHARGES in marts else set()
    facts = CloseFacts(
        is_forced=bool(overridden),
        overridden=list(overridden),
        snapshot={name: getattr(record, name) for name in SNAPSHOT_FACTS},
        code_version=record.code_version,
        inputs=[_input(settings, item) for item in record.inputs if item.partition[:7] in {period, *months}],
        seeds=seed_digests(settings.seeds_dir),
        gates=list(gates),
        totals=record.totals.get(period, {}),
        marts=marts,
        disputes=_disputes(folder / marts[LEDGER].path, limits=limits) if LEDGER in marts else [],
    )
    return facts.model_dump(mode="json")


def seed_digests(seeds: Path) -> dict[str, str]:
    """SHA-256 of every seed file (prices, rules, teams …), by path below the seeds folder."""
    return {path.relative_to(seeds).as_posix(): sha256_of(path) for path in sorted(seeds.rglob("*.csv"))}


def _copy_marts(snapshot: Path, record: SnapshotRecord, period: str, folder: Path) -> dict[str, FrozenMartFacts]:
    found: dict[str, FrozenMartFacts] = {}
    for name, mart in record.marts.items():
        if WHOLE in mart.periods:
            _copy(snapshot / mart.periods[WHOLE].parquet, folder / DIMENSIONS / f"{name}.parquet")
        elif period in mart.periods:
            held = mart.periods[period]
            path = f"{MARTS}/{name}.parquet"
            _copy(snapshot / held.parquet, folder / path)
            found[name] = FrozenMartFacts(path=path, rows=held.rows, content_hash=held.content_hash, money=held.money)
    return found


def _write_statement(settings: Settings, period: str, folder: Path, *, month_state: str) -> None:
    """Render the month's full set from the snapshot; charts are costly to import, so only here."""
    from reporting.statement import StatementOptions, write_statement

    options = StatementOptions(settings.chargeback_mode, month_state, is_full=True)
    write_statement(settings.published_dir, period, folder / STATEMENT, options)
    for path in sorted((folder / STATEMENT / period).iterdir()):
        path.rename(folder / STATEMENT / path.name)
    (folder / STATEMENT / period).rmdir()


def _input(settings: Settings, item: InputRecord) -> InputFacts:
    manifest = settings.lake_dir / item.source / item.dataset / f"partition={item.partition}" / item.load_id / "manifest.json"
    return InputFacts(
        source=item.source,
        dataset=item.dataset,
        partition=item.partition,
        load_id=item.load_id,
        manifest_sha256=sha256_of(manifest) if manifest.is_file() else "",
    )


def _months_of_use(charges: Path, *, limits: DuckLimits) -> set[str]:
    """Months in which the charges were used: usage of these decided their allocation."""
    query = f"SELECT DISTINCT strftime(charge_date, '%Y-%m') FROM read_parquet({literal(str(charges))})"
    with connection(limits) as con:
        return {row[0] for row in con.execute(f"{query} WHERE charge_date IS NOT NULL").fetchall()}


def _disputes(ledger: Path, *, limits: DuckLimits) -> list[str]:
    """Disputes that the month books."""
    query = f"SELECT DISTINCT allocation_path FROM read_parquet({literal(str(ledger))}) WHERE stage = 'dispute' ORDER BY 1"
    with connection(limits) as con:
        return [row[0].removeprefix(DISPUTE_PATH) for row in con.execute(query).fetchall()]


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
