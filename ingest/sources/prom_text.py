"""Raw ``/metrics`` snapshots (``.prom``, also gzip) of dcgm-exporter, vLLM and the like. Data set
``prometheus_samples``.

A snapshot has no time of its own. It comes from, in this order: the sample's own timestamp; the file name
(``node1-2026-03-02T10:00:00Z.prom``, ``20260302T100000Z.prom``, also with ``-`` or ``_`` instead of ``:``);
the option ``observed_at``; the file's modification time.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from ingest.duckdb_session import session
from ingest.errors import ConfigError
from ingest.lake import Landed
from ingest.landing import parquet_rows, unpack
from ingest.manifest import SourceFile
from ingest.settings import Settings
from ingest.source_config import SourceConfig
from ingest.sources.delivered_files import DeliveredFile, refuse_moving
from ingest.sources.file_memory import Contents
from ingest.sources.folder_source import FolderSource
from ingest.sources.prom_text_rows import Snapshot, days_of, write_samples
from ingest.sources.scan_room import ScanRoom
from ingest.sources.telemetry_convert import write_empty
from ingest.sources.telemetry_files import counted_samples, days_in
from ingest.sources.telemetry_rows import DATASET, FORMAT_VERSION

_TIME_IN_NAME = re.compile(r"(?<!\d)(20\d\d)-?(\d\d)-?(\d\d)[T_ ](\d\d)[:_-]?(\d\d)[:_-]?(\d\d)(?:[.,]\d+)?(?:Z|\+00:?00)?(?!\d)")
_OWN_TIME = re.compile(rb"^[^#\n]*[}\w]\s+\S+\s+-?\d{9,13}(\.\d+)?\s*(#.*)?$", re.MULTILINE)


class PromTextSource(FolderSource):
    """One partition per UTC day; all snapshots of a day together."""

    dataset = DATASET
    suffixes = (".prom", ".prom.gz")
    format_version = FORMAT_VERSION
    has_whole_statements = False

    def __init__(self, config: SourceConfig, *, settings: Settings) -> None:
        super().__init__(config, settings=settings)
        self._option = _option_time(config)
        if self._option is not None:
            # the option decides about days and rows: another value reads the same files anew
            self.format_version = self.format_version + zlib.crc32(self._option.isoformat().encode())

    def named_partitions(self, name: str) -> set[str]:
        """The days in a path."""
        return days_in(name)

    def scan(self, path: Path, *, name: str, room: ScanRoom) -> Contents:
        """The days of a snapshot; only one with times of its own is parsed."""
        observed_at = self.observed_at(path, name)
        with path.open("rb") as handle:
            is_gzip = handle.read(2) == b"\x1f\x8b"
        if not is_gzip and not _OWN_TIME.search(path.read_bytes()):
            return {observed_at.strftime("%Y-%m-%d"): ()}
        text = room.scratch / "snapshot.prom"
        unpack(path, text, name=name)
        return dict.fromkeys(days_of(room.connection, Snapshot(text, name, observed_at.timestamp())), ())

    def land(self, partition: str, files: tuple[DeliveredFile, ...], folder: Path) -> Landed:
        """Parse the day's snapshots into one Parquet file."""
        target, aside = folder / "part-00000.parquet", folder / "text"
        aside.mkdir()
        sources: list[SourceFile] = []
        snapshots: list[Snapshot] = []
        for number, file in enumerate(files):
            text = aside / f"{number}.prom"
            sources.append(unpack(file.path, text, name=file.name))
            observed_at = self.observed_at(file.path, file.name)
            snapshots.append(Snapshot(text, file.name, observed_at.timestamp()))
        with session(**asdict(self.limits), scratch=folder / "spill") as connection:
            notes: tuple[str, ...] = ()
            if snapshots:
                notes = write_samples(connection, snapshots, target, day=partition)
            else:
                write_empty(connection, target)
            samples = counted_samples(connection, [target], day=partition)
            rows = parquet_rows(connection, [target])[target]
        return Landed((target,), tuple(sources), rows, {}, notes, records=samples)

    def observed_at(self, path: Path, name: str) -> datetime:
        """The time of a snapshot whose samples have none."""
        if found := _TIME_IN_NAME.search(Path(name).name):
            return datetime(*(int(part) for part in found.groups()), tzinfo=UTC)  # type: ignore[arg-type]
        return self._option or datetime.fromtimestamp(path.stat().st_mtime, UTC)

    def _land_checked(self, partition: str, files: tuple[DeliveredFile, ...], folder: Path) -> Landed:
        landed = self.land(partition, files, folder)
        refuse_moving(files, landed.source_files)
        return landed


def _option_time(config: SourceConfig) -> datetime | None:
    text = config.options.get("observed_at")
    if text is None:
        return None
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigError(
            "observed_at is no time",
            where={"source": config.name, "key": "observed_at"},
            found=text,
            expected="a UTC time such as 2026-03-02T10:00:00Z",
            fix="correct it in tco.toml, or name the files by their time",
        ) from error
    return instant.replace(tzinfo=instant.tzinfo or UTC).astimezone(UTC)
