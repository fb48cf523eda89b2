"""Sources that deliver plain files in a folder: find them, group them by partition, tell what changed.

The partition of a row stands in the row (its billing period), so one file may feed several partitions and
several files one partition. The rules, for every such source:

* A partition's content is all its rows in all files that lie in the folder now. Replacing a file under its
  name replaces its rows; a file that is gone is not a deletion (the partition stays as it was last loaded).
* A file that no longer holds a partition it fed before leaves it empty, when no other file holds it.
* A file that cannot be read holds back every partition it is known to feed, from its path (``2026-05``,
  ``invoice_month=202605``) or from the last load; other partitions go on.
* The same bytes under two names are a duplicate delivery and refused. Where a file is the whole statement
  of an account and period, two files that claim the same are refused too, unless their names say that they
  are numbered chunks of one export: ``part-0``, ``chunk_2``, ``-00001``, ``000000000000`` in names that are
  otherwise equal. A restated file therefore comes under the old name, or the old one is removed: reading
  both would count the period twice.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import duckdb

from ingest.bill_landing import refuse_duplicates
from ingest.duckdb_session import EngineLimits
from ingest.errors import DeliveryError, TransientError
from ingest.lake import Delivery, Lake, Landed
from ingest.quarantine import UNKNOWN_PARTITION
from ingest.settings import Settings
from ingest.source_config import SourceConfig
from ingest.sources.delivered_files import (
    BrokenFile,
    DeliveredFile,
    file_error,
    months_in,
    refuse_moving,
    refuse_overlaps,
)
from ingest.sources.file_memory import Contents, FileMemory
from ingest.sources.scan_room import ScanRoom


@dataclass
class _Partition:
    files: list[DeliveredFile] = field(default_factory=list)
    broken: list[BrokenFile] = field(default_factory=list)


class FolderSource(ABC):
    """Discovery shared by all folder sources; a provider says how to scan and how to land its files.

    ``has_whole_statements`` is True where one file holds an account's whole period: two such files overlap.
    """

    dataset: str
    suffixes: tuple[str, ...]
    format_version = 1
    has_whole_statements = True

    def __init__(self, config: SourceConfig, *, settings: Settings) -> None:
        self.config, self.settings = config, settings

    @property
    def limits(self) -> EngineLimits:
        """What DuckDB may take of the machine."""
        return EngineLimits(memory_limit=self.settings.memory_limit, threads=self.settings.threads)

    @abstractmethod
    def scan(self, path: Path, *, name: str, room: ScanRoom) -> Contents:
        """Partition -> accounts it claims there, found with as little reading as possible.

        Args:
            path: the delivered file.
            name: its path relative to the folder.
            room: a DuckDB session and a scratch folder.

        Raises:
            DeliveryError, duckdb.Error: the file cannot be read.
        """

    @abstractmethod
    def land(self, partition: str, files: tuple[DeliveredFile, ...], folder: Path) -> Landed:
        """Write the partition's rows of ``files`` (possibly none) into ``folder`` as Parquet, checked."""

    def named_partitions(self, name: str) -> set[str]:
        """The partitions a file is known to feed by its path alone."""
        return months_in(name)

    def check(self) -> list[str]:
        """What lies in the folder, without opening it.

        Raises:
            ConfigError: the location is missing or not local.
        """
        files = list(self._list())
        if not files:
            return [f"no files ending in {', '.join(self.suffixes)} below {self.config.path} yet"]
        size = sum(path.stat().st_size for path, _ in files)
        return [f"{len(files)} files, {size / 1e6:.1f} MB below {self.config.path}"]

    def discover(self) -> Iterator[Delivery]:
        """One delivery per partition that the folder's files hold or, by the last load, held."""
        memory_path = self.settings.home / "file_memory" / f"{self.config.name}.{self.dataset}.json"
        memory = FileMemory(memory_path, version=self.format_version)
        with ScanRoom(self.settings.home, limits=self.limits) as room:
            files = [self._examine(path, name, memory, room) for path, name in self._list()]
        memory.save()
        for partition, content in sorted(self._by_partition(files).items()):
            yield self._delivery(partition, content)

    def _list(self) -> Iterator[tuple[Path, str]]:
        root = self.config.path
        if root.is_file():
            yield root, root.name
            return
        for path in sorted(root.rglob("*")):
            parts = path.relative_to(root).parts
            is_hidden = any(part.startswith((".", "_")) for part in parts)
            if not is_hidden and path.name.lower().endswith(self.suffixes) and path.is_file():
                yield path, "/".join(parts)

    def _examine(
        self, path: Path, name: str, memory: FileMemory, room: ScanRoom
    ) -> DeliveredFile | BrokenFile:
        try:
            modified_at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
            try:
                facts = memory.facts(path, name=name, scan=partial(self.scan, path, name=name, room=room))
            except (DeliveryError, duckdb.Error, ValueError) as error:
                return BrokenFile(name, modified_at, file_error(error, path, name))
        except OSError as error:
            where = {"source": self.config.name, "file": name}
            raise TransientError(
                "a delivered file cannot be opened", where=where, found=str(error)
            ) from error
        return DeliveredFile(path, name, modified_at, facts)

    def _by_partition(self, files: Iterable[DeliveredFile | BrokenFile]) -> dict[str, _Partition]:
        found: dict[str, _Partition] = {}
        loaded = self._loaded_partitions()
        for file in files:
            fed_before = {partition for partition, names in loaded.items() if file.name in names}
            for partition in fed_before:
                found.setdefault(partition, _Partition())
            if isinstance(file, DeliveredFile):
                for partition in file.facts.contents:
                    found.setdefault(partition, _Partition()).files.append(file)
                continue
            for partition in fed_before | self.named_partitions(file.name) or {UNKNOWN_PARTITION}:
                found.setdefault(partition, _Partition()).broken.append(file)
        return found

    def _loaded_partitions(self) -> dict[str, set[str]]:
        """Partition -> delivered file names of what the lake holds from this source."""
        return {
            manifest.partition: {file.path for file in manifest.source_files}
            for manifest in Lake(self.settings.lake_dir).manifests(source=self.config.name, dataset=self.dataset)
        }

    def _delivery(self, partition: str, content: _Partition) -> Delivery:
        everything = (*content.files, *content.broken)
        tokens = sorted(file.token for file in everything)
        land: Callable[[Path], Landed]
        if content.broken:
            land = partial(_refuse, content.broken[0].error)
        else:
            land = partial(self._land_checked, partition, tuple(content.files))
        return Delivery(
            source=self.config.name,
            dataset=self.dataset,
            partition=partition,
            fingerprint=hashlib.sha256("\n".join(tokens).encode()).hexdigest(),
            delivered_at=max((file.modified_at for file in everything), default=datetime.now(UTC)),
            files=tuple(file.name for file in everything),
            land=land,
            format_version=self.format_version,
        )

    def _land_checked(self, partition: str, files: tuple[DeliveredFile, ...], folder: Path) -> Landed:
        refuse_duplicates([file.facts.source for file in files])
        if self.has_whole_statements:
            refuse_overlaps(partition, files)
        landed = self.land(partition, files, folder)
        refuse_moving(files, landed.source_files)
        return landed


def _refuse(error: DeliveryError, folder: Path) -> Landed:
    raise error
