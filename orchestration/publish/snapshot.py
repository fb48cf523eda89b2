"""The record of a published snapshot (snapshot.json) and the folder the snapshots lie in.

Layout below the published folder: `snapshots/<snapshot_id>/` with marts.duckdb, parquet/ and snapshot.json,
never changed after publishing except for the record of the latest gates; `current`, a symbolic link to one
of them. Unfinished snapshots start with a dot and are never linked.
"""

from __future__ import annotations

import logging
import shutil
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, PlainSerializer, ValidationError

from ingest.durable_files import read_json, sync_folder
from orchestration.durable import write_record as write_json_record

logger = logging.getLogger(__name__)

RECORD = "snapshot.json"
MARTS_FILE = "marts.duckdb"
PARQUET_FOLDER = "parquet"
UNFINISHED = ".building-"

ExactText = Annotated[Decimal, PlainSerializer(lambda value: format(value, "f"), return_type=str)]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class PeriodRecord(_Record):
    """One billing period of one mart as published; `parquet` is the path below the snapshot folder.

    `closed_by` is the hash of the close that the rows and the file were taken from; empty for an open month.
    `content_hash` is then the one of the close, over the columns that the mart had at that time.
    """

    rows: int
    content_hash: str
    money: dict[str, dict[str, ExactText]]
    parquet: str
    closed_by: str = ""


class MartRecord(_Record):
    """One mart: its hash over schema and periods, total rows, columns as {name: type} and the periods."""

    content_hash: str
    schema_hash: str
    rows: int
    columns: dict[str, str]
    periods: dict[str, PeriodRecord]


class InputRecord(_Record):
    """A lake partition the snapshot was built from."""

    source: str
    dataset: str
    partition: str
    load_id: str


class SnapshotRecord(_Record):
    """Everything snapshot.json says.

    `content_hash` covers the marts alone and is equal for equal inputs; `created_at` is when the content
    was first published, `checked_at` when a later run last came to the same content; `gates` are that
    latest run's results. `marts` is equal for equal inputs too; `files` (path: bytes) need not be, as
    rows may lie in another order.
    """

    snapshot_id: str
    content_hash: str
    hash_algorithm: str
    storage_version: str
    duckdb_version: str
    code_version: str
    created_at: datetime
    checked_at: datetime
    totals: dict[str, dict[str, dict[str, ExactText]]]
    marts: dict[str, MartRecord]
    files: dict[str, int]
    inputs: list[InputRecord]
    gates: list[dict[str, Any]]


def snapshots_folder(published_dir: Path) -> Path:
    """Where the snapshots of a published folder lie."""
    return published_dir / "snapshots"


def current_folder(published_dir: Path) -> Path | None:
    """The folder `current` leads to, or None before the first publication."""
    link = published_dir / "current"
    return link.resolve() if link.is_symlink() and link.resolve().is_dir() else None


def read_record(snapshot_dir: Path) -> SnapshotRecord | None:
    """The record of a snapshot folder, or None when it holds none that this version can read."""
    content = read_json(snapshot_dir / RECORD)
    try:
        return None if content is None else SnapshotRecord.model_validate(content)
    except ValidationError as error:
        logger.warning("%s is of another version: %s", snapshot_dir / RECORD, error.errors()[0]["msg"])
        return None


def current_record(published_dir: Path) -> SnapshotRecord | None:
    """The record of the snapshot that readers see now, or None before the first publication."""
    folder = current_folder(published_dir)
    return None if folder is None else read_record(folder)


def write_record(snapshot_dir: Path, record: SnapshotRecord) -> None:
    """Write or replace snapshot.json atomically."""
    write_json_record(snapshot_dir / RECORD, record.model_dump(mode="json"))


def is_intact(snapshot_dir: Path, record: SnapshotRecord) -> bool:
    """Whether every file the record names is there in its recorded size."""
    paths = [(snapshot_dir / path, size) for path, size in record.files.items()]
    return all(path.is_file() and path.stat().st_size == size for path, size in paths)


def remove_unfinished(published_dir: Path) -> None:
    """Delete what a killed run left half built."""
    for leftover in snapshots_folder(published_dir).glob(f"{UNFINISHED}*"):
        shutil.rmtree(leftover, ignore_errors=True)


def prune(published_dir: Path, *, keep: int) -> list[str]:
    """Delete all but the newest `keep` snapshots; the current one always stays. Returns the deleted ids."""
    current = current_folder(published_dir)
    folders = sorted(
        (f for f in snapshots_folder(published_dir).iterdir() if f.is_dir() and not f.name.startswith(".")),
        key=lambda folder: folder.name,
        reverse=True,
    )
    removed = []
    for folder in folders[max(keep, 1) :]:
        if current is not None and folder.resolve() == current:
            continue
        doomed = folder.with_name(f"{UNFINISHED}removed-{folder.name}")
        folder.rename(doomed)
        shutil.rmtree(doomed, ignore_errors=True)
        removed.append(folder.name)
    if removed:
        sync_folder(snapshots_folder(published_dir))
        logger.info("snapshots removed: %s", ", ".join(removed))
    return removed
