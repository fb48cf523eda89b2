"""Which load of each partition counts: the pointers ``<source>/<dataset>/partition=<p>/current.json`` of a lake.

A pointer is only ever exchanged as a whole, so what was read of it stays true until another file lies in its place. Every
process remembers that: looking at a year of partitions again costs one ``stat`` a partition.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from glob import escape
from pathlib import Path
from typing import Any

from ingest.durable_files import read_json
from ingest.manifest import Manifest

REMEMBERED_POINTERS = 50_000


class CurrentLoads:
    """Reads the pointers below a lake's root; what it gives is shared, so it must not be changed."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def of_partition(self, source: str, dataset: str, partition: str) -> Manifest | None:
        """The manifest that counts for one partition, or None."""
        found = _pointer(self._root / source / dataset / f"partition={partition}" / "current.json")
        return found[1] if found else None

    def manifests(self, *, source: str | None = None, dataset: str | None = None) -> list[Manifest]:
        """Manifests ordered by source, data set, partition; of one source or data set where given."""
        return [manifest for _, manifest in self._sorted(source, dataset)]

    def documents(self) -> list[dict[str, Any]]:
        """The JSON of all manifests, in the same order."""
        return [document for document, _ in self._sorted(None, None)]

    def _sorted(self, source: str | None, dataset: str | None) -> list[tuple[dict[str, Any], Manifest]]:
        return sorted(self._pointers(source, dataset), key=lambda pointer: pointer[1].key)

    def _pointers(self, source: str | None, dataset: str | None) -> Iterator[tuple[dict[str, Any], Manifest]]:
        folders = f"{escape(source) if source else '[!_]*'}/{escape(dataset) if dataset else '*'}"
        for path in self._root.glob(f"{folders}/partition=*/current.json"):
            if pointer := _pointer(path):
                yield pointer


def _pointer(path: Path) -> tuple[dict[str, Any], Manifest] | None:
    try:
        stat = path.stat()
    except FileNotFoundError:
        return None
    return _remembered(path, (stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns))


@lru_cache(maxsize=REMEMBERED_POINTERS)
def _remembered(path: Path, _token: tuple[int, ...]) -> tuple[dict[str, Any], Manifest] | None:
    document = read_json(path)
    return (document, Manifest.from_json(document)) if document is not None else None
