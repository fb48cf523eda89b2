"""The lake: atomic partitions of Parquet files, each with a manifest.

``<source>/<dataset>/partition=<p>/<load_id>/`` holds ``part-*.parquet`` and ``manifest.json``; the pointer
``partition=<p>/current.json`` names the load that counts. A commit writes aside, flushes, renames, then
replaces the pointer: killed anywhere it leaves the old or the new partition, never half of one. Loads are
named by content, so the same input has the same id at any time.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Literal

from ingest.current_loads import CurrentLoads
from ingest.durable_files import locked, read_json, replace_json, replace_json_array, sync_folder, write_json
from ingest.errors import DeliveryError
from ingest.lake_workspace import Workspace
from ingest.landed_files import described_files, reported_faults
from ingest.load_log import LoadLog, load_message
from ingest.manifest import Manifest, SourceFile, load_id_of
from ingest.quarantine import Quarantine, QuarantineEntry, entry_of

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Landed:
    """What ``Delivery.land`` wrote: Parquet files in the given folder, where they came from, rows and money.

    ``hashes`` holds the SHA-256 of landed files that the copy already computed (byte for byte deliveries),
    ``records`` the number of records where one row of the files holds many (the samples of a series).
    """

    files: tuple[Path, ...]
    source_files: tuple[SourceFile, ...]
    rows: int
    money: dict[str, dict[str, Decimal]]
    notes: tuple[str, ...] = ()
    hashes: Mapping[Path, str] = field(default_factory=dict)
    records: int | None = None


@dataclass(frozen=True)
class Delivery:
    """One partition of one data set as it lies at the provider now.

    ``fingerprint`` is a cheap change token: equal means nothing to do. ``land`` writes ``part-*.parquet``
    into the empty folder it is given and checks them; it raises DeliveryError (malformed) or TransientError
    (try again). ``format_version`` goes up when the adapter writes the same input differently.
    """

    source: str
    dataset: str
    partition: str
    fingerprint: str
    delivered_at: datetime
    files: tuple[str, ...]
    land: Callable[[Path], Landed]
    format_version: int = 1

    @property
    def key(self) -> tuple[str, str, str]:
        """(source, dataset, partition)."""
        return (self.source, self.dataset, self.partition)


@dataclass(frozen=True)
class LoadResult:
    """The outcome of a commit: the manifest that counts now and the one it replaced."""

    status: Literal["committed", "unchanged"]
    manifest: Manifest
    previous: Manifest | None
    message: str


class Lake:
    """The lake below ``root``. Building it touches nothing; the first write cleans up after crashed runs."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.load_log = LoadLog(root / "load_log.jsonl")
        self.quarantine_entries = Quarantine(root / "_quarantine")
        self._current_loads = CurrentLoads(root)

    @property
    def index_path(self) -> Path:
        """JSON array of all current manifests."""
        return self.root / "index.json"

    def current(self, source: str, dataset: str, partition: str) -> Manifest | None:
        """The manifest that counts for one partition, or None."""
        return self._current_loads.of_partition(source, dataset, partition)

    def manifests(self, *, source: str | None = None, dataset: str | None = None) -> list[Manifest]:
        """All current manifests (of one source or data set where given), ordered by source, data set, partition."""
        return self._current_loads.manifests(source=source, dataset=dataset)

    def write_index(self) -> Path:
        """Rewrite ``index.json`` from the current manifests, atomically and in a fixed order."""
        with self._lock():
            manifests = self._current_loads.documents()
            if read_json(self.index_path) != manifests:
                replace_json_array(self.index_path, manifests, aside=self._workspace.file())
        return self.index_path

    def recover(self) -> None:
        """Clean up after crashed runs: abandoned temporary folders, a torn or missing load-log line."""
        self._workspace.clean()
        with self._lock():
            self.load_log.cut_torn_line()
            for document in self.load_log.missing(self._current_loads.documents()):
                manifest = Manifest.from_json(document)
                log.warning("load log repaired: %s %s %s", *manifest.key)
                self.load_log.append(manifest, self._earlier(manifest))

    def commit(self, delivery: Delivery) -> LoadResult:
        """Land one delivery and make it the partition that counts, or leave everything as it is.

        Raises:
            DeliveryError: malformed input; nothing changed (see ``quarantine``).
            TransientError: worth a retry; nothing changed.
        """
        current = self.current(*delivery.key)
        if current is not None and self._is_same(current, delivery):
            self._resolve(delivery)
            return LoadResult("unchanged", current, current, f"{delivery.partition} unchanged")
        folder = self._workspace.folder()
        try:
            with reported_faults(delivery.key):
                manifest = self._describe(delivery, delivery.land(folder), folder)
            with self._lock():
                result = self._publish(delivery, manifest, folder)
            self._resolve(delivery)
            return result
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def quarantine(self, delivery: Delivery, error: DeliveryError) -> QuarantineEntry:
        """Record why a delivery was refused; the partition keeps its last good load."""
        entry = entry_of(error, key=delivery.key, fingerprint=delivery.fingerprint, files=delivery.files)
        self.quarantine_entries.record(entry, aside=self._workspace.file())
        return entry

    def settle_quarantine(self, source: str, still_broken: Collection[QuarantineEntry]) -> int:
        """Close the entries of a source that a complete look at it did not find broken again; how many."""
        return self.quarantine_entries.settle(source, still_broken=still_broken, aside=self._workspace.file)

    @cached_property
    def _workspace(self) -> Workspace:
        return Workspace(self.root / "_tmp")

    def _lock(self) -> AbstractContextManager[None]:
        self.root.mkdir(parents=True, exist_ok=True)
        return locked(self.root / ".lock")

    def _partition_folder(self, source: str, dataset: str, partition: str) -> Path:
        return self.root / source / dataset / f"partition={partition}"

    def _is_same(self, current: Manifest, delivery: Delivery) -> bool:
        seen, now = (
            (current.fingerprint, current.format_version),
            (delivery.fingerprint, delivery.format_version),
        )
        return seen == now and self._is_complete(current)

    def _is_complete(self, manifest: Manifest) -> bool:
        paths = [(self.root / item.path, item.size) for item in manifest.files]
        return all(path.is_file() and path.stat().st_size == size for path, size in paths)

    def _resolve(self, delivery: Delivery) -> None:
        if self.quarantine_entries.root.is_dir():
            self.quarantine_entries.resolve(*delivery.key, files=delivery.files, aside=self._workspace.file())

    def _earlier(self, manifest: Manifest) -> Manifest | None:
        if manifest.previous_load_id is None:
            return None
        folder = self._partition_folder(*manifest.key) / manifest.previous_load_id
        document = read_json(folder / "manifest.json")
        return Manifest.from_json(document) if document is not None else None

    def _describe(self, delivery: Delivery, landed: Landed, folder: Path) -> Manifest:
        """The manifest of freshly landed files; drops whatever else lies in their folder."""
        for stray in set(folder.iterdir()) - set(landed.files):
            shutil.rmtree(stray) if stray.is_dir() else stray.unlink()
        load_id = load_id_of(
            dataset=delivery.dataset,
            partition=delivery.partition,
            format_version=delivery.format_version,
            hashes=[item.sha256 for item in landed.source_files],
        )
        home = (self._partition_folder(*delivery.key) / load_id).relative_to(self.root)
        files, columns = described_files(landed.files, home=home, hashes=landed.hashes, rows=landed.rows)
        return Manifest(
            load_id=load_id,
            source=delivery.source,
            dataset=delivery.dataset,
            partition=delivery.partition,
            fingerprint=delivery.fingerprint,
            format_version=delivery.format_version,
            delivered_at=delivery.delivered_at,
            committed_at=datetime.now(UTC),
            previous_load_id=None,
            rows=landed.rows if landed.records is None else landed.records,
            money=landed.money,
            columns=columns,
            files=files,
            source_files=landed.source_files,
            notes=landed.notes,
        )

    def _publish(self, delivery: Delivery, manifest: Manifest, folder: Path) -> LoadResult:
        """Rename the load into place and turn the pointer; the caller holds the lock."""
        partition = self._partition_folder(*delivery.key)
        current = self.current(*delivery.key)
        known = read_json(partition / manifest.load_id / "manifest.json")
        kept = Manifest.from_json(known) if known is not None else None
        if kept is not None and self._is_complete(kept):
            manifest = replace(manifest, files=kept.files)
        else:
            self._rename_into(folder, partition / manifest.load_id, manifest)
        if current is not None and current.load_id == manifest.load_id:
            manifest = replace(
                manifest, previous_load_id=current.previous_load_id, committed_at=current.committed_at
            )
            replace_json(partition / "current.json", manifest.to_json(), aside=self._workspace.file())
            return LoadResult("unchanged", manifest, current, f"{delivery.partition} unchanged: same content")
        manifest = replace(manifest, previous_load_id=current.load_id if current else None)
        replace_json(partition / "current.json", manifest.to_json(), aside=self._workspace.file())
        self.load_log.append(manifest, current)
        return LoadResult("committed", manifest, current, load_message(manifest, current))

    def _rename_into(self, folder: Path, target: Path, manifest: Manifest) -> None:
        write_json(folder / "manifest.json", manifest.to_json())
        sync_folder(folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists():
            target.rename(self._workspace.file())
        folder.rename(target)
        sync_folder(target.parent)
