"""Prometheus telemetry: saved answers, exports and Parquet from a folder, or live over HTTP. Data set
``prometheus_samples``.

Files: query_range and query answers (.json), VictoriaMetrics exports (.jsonl), both also as .gz, and
Parquet in the lake schema, which is landed byte for byte. The partition is the UTC day of the samples,
half-open: a sample at the closing midnight belongs to the next day. All files that hold samples of a day
form its partition; equal samples in two files stay and are deduplicated in staging. Live (``location`` is a
URL): see ``prometheus_live``.
"""

from __future__ import annotations

import hashlib
import logging
import shutil
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from weakref import finalize

import duckdb

from ingest.duckdb_session import connect
from ingest.errors import DeliveryError
from ingest.lake import Delivery, Landed
from ingest.lake_workspace import Workspace
from ingest.landed_files import file_sha256
from ingest.landing import land_parquet, parquet_rows
from ingest.manifest import SourceFile
from ingest.settings import Settings
from ingest.source_config import SourceConfig
from ingest.sources.delivered_files import BrokenFile, DeliveredFile, refuse_moving
from ingest.sources.file_memory import Contents, FileFacts, FileMemory
from ingest.sources.folder_source import FolderSource
from ingest.sources.prometheus_answers import NotTelemetry
from ingest.sources.prometheus_live import PrometheusServer
from ingest.sources.scan_room import ScanRoom
from ingest.sources.telemetry_files import (
    SplitFile,
    copy_day,
    days_in,
    days_of_answers,
    days_of_parquet,
    is_parquet,
    pieces_by_day,
    refuse_other_days,
    split_file,
    take,
)
from ingest.sources.telemetry_rows import DATASET, convert_series, write_empty

log = logging.getLogger(__name__)


class PrometheusSource(FolderSource):
    """One partition per UTC day."""

    dataset = DATASET
    suffixes = (".json", ".json.gz", ".jsonl", ".jsonl.gz", ".ndjson", ".ndjson.gz", ".parquet")
    has_whole_statements = False

    def __init__(self, config: SourceConfig, *, settings: Settings) -> None:
        super().__init__(config, settings=settings)
        self.workspace = Workspace(settings.lake_dir / "_tmp")
        self._pieces: dict[Path, tuple[Path, SplitFile]] = {}
        finalize(self, shutil.rmtree, self.workspace.session, ignore_errors=True)

    def check(self) -> list[str]:
        """What lies in the folder, or whether the server answers.

        Raises:
            ConfigError, TransientError: it cannot be used as configured.
        """
        if self.config.is_url:
            return PrometheusServer(self.config).check()
        others = self.unread_files()
        return super().check() + ([f"not read: {', '.join(others)}"] if others else [])

    def discover(self) -> Iterator[Delivery]:
        """One delivery per day that the files hold, or of the last complete days of the server."""
        if not self.config.is_url:
            yield from super().discover()
            return
        with PrometheusServer(self.config) as server, ScanRoom(self.settings.home) as room:
            for day in server.days():
                folder = self.workspace.folder()
                pages = [self._page(path, folder, room) for path in server.pull(day, folder)]
                if any(day in page.facts.contents for page in pages):
                    yield self._live_delivery(day, pages)
                else:
                    log.warning("%s has no samples of %s", self.config.name, day)

    def named_partitions(self, name: str) -> set[str]:
        """The days in a path."""
        return days_in(name)

    def scan(self, path: Path, *, name: str, room: ScanRoom) -> Contents:
        """Day -> scrape jobs with ``exported_*`` labels. A JSON file of another kind holds no day."""
        if is_parquet(path):
            return days_of_parquet(room.connection, path, name=name)
        try:
            return days_of_answers(path, name=name, scratch=room.scratch)
        except NotTelemetry as error:
            log.info("%s", error)
            return {}

    def land(self, partition: str, files: tuple[DeliveredFile, ...], folder: Path) -> Landed:
        """Write the day's samples of all files."""
        jobs = {job for file in files for job in file.claims(partition)}
        parts: list[Path] = []
        hashes: dict[Path, str] = {}
        sources: list[SourceFile] = []
        answers = [file for file in files if not is_parquet(file.path)]
        with connect(**asdict(self.limits), scratch=folder / "spill") as connection:
            for file in (file for file in files if is_parquet(file.path)):
                target = folder / f"part-{len(parts):05d}.parquet"
                if set(file.facts.contents) == {partition}:
                    sources.append(land_parquet(file.path, target, name=file.name))
                    hashes[target] = sources[-1].sha256
                else:
                    copy_day(connection, file.path, target, day=partition)
                    sources.append(file.facts.source)
                parts.append(target)
            split = self._land_one_day(connection, partition, answers, folder, parts, jobs)
            split += self._land_pieces(connection, partition, answers, folder, parts)
            if not parts:
                parts.append(folder / "part-00000.parquet")
                write_empty(connection, parts[0])
            refuse_other_days(connection, parts, day=partition)
            rows = sum(parquet_rows(connection, parts).values())
        sources += [item.source for item in split]
        notes = tuple(
            f"{item.source.path}: {item.without_samples} native histograms have no sample values"
            for item in split
            if item.without_samples
        )
        return Landed(tuple(parts), tuple(sources), rows, {}, notes, hashes)

    def _page(self, path: Path, folder: Path, room: ScanRoom) -> DeliveredFile:
        """A pulled page, seen like a delivered file."""
        name = path.relative_to(folder).as_posix()
        source = SourceFile(name, path.stat().st_size, file_sha256(path))
        facts = FileFacts(source, self.scan(path, name=name, room=room))
        return DeliveredFile(path, name, datetime.now(UTC), facts)

    def _live_delivery(self, day: str, pages: list[DeliveredFile]) -> Delivery:
        files = tuple(page for page in pages if day in page.facts.contents)
        return Delivery(
            source=self.config.name,
            dataset=self.dataset,
            partition=day,
            fingerprint=hashlib.sha256("\n".join(page.token for page in pages).encode()).hexdigest(),
            delivered_at=datetime.now(UTC),
            files=tuple(f"{self.config.location}/{file.name}" for file in files),
            land=partial(self._land_checked, day, files),
            format_version=self.format_version,
        )

    def unread_files(self) -> list[str]:
        """Names of files in the folder that this source does not read, the first ten."""
        root = self.config.path
        if root.is_file():
            return []
        read = {path for path, _ in self._list()}
        others = [path for path in sorted(root.rglob("*")) if path.is_file() and path not in read]
        return [path.relative_to(root).as_posix() for path in others[:10]]

    def _examine(
        self, path: Path, name: str, memory: FileMemory, room: ScanRoom
    ) -> DeliveredFile | BrokenFile:
        file = super()._examine(path, name, memory, room)
        if isinstance(file, DeliveredFile) and not file.facts.contents:
            log.warning("%s: %s holds no Prometheus samples and is not loaded", self.config.name, name)
        return file

    def _land_checked(self, partition: str, files: tuple[DeliveredFile, ...], folder: Path) -> Landed:
        landed = self.land(partition, files, folder)
        refuse_moving(files, landed.source_files)
        return landed

    def _land_one_day(
        self,
        connection: duckdb.DuckDBPyConnection,
        day: str,
        files: list[DeliveredFile],
        folder: Path,
        parts: list[Path],
        jobs: set[str],
    ) -> list[SplitFile]:
        """Convert the files that hold only this day, together."""
        aside = folder / "series"
        aside.mkdir()
        mine = [file for file in files if set(file.facts.contents) == {day}]
        split = [
            split_file(file.path, aside / f"{number}.ndjson", name=file.name)
            for number, file in enumerate(mine)
        ]
        if filled := [item.series for item in split if item.series.widest]:
            target = folder / f"part-{len(parts):05d}.parquet"
            convert_series(connection, filled, target, exported_jobs=jobs)
            parts.append(target)
        shutil.rmtree(aside)
        return split

    def _land_pieces(
        self,
        connection: duckdb.DuckDBPyConnection,
        day: str,
        files: list[DeliveredFile],
        folder: Path,
        parts: list[Path],
    ) -> list[SplitFile]:
        """Take this day's piece of the files that hold several days; each is converted once."""
        split = []
        for file in files:
            if set(file.facts.contents) == {day}:
                continue
            pieces, item = self._pieces_of(connection, file)
            parts += take(pieces_by_day(pieces, day), folder, first_number=len(parts))
            split.append(item)
        return split

    def _pieces_of(
        self, connection: duckdb.DuckDBPyConnection, file: DeliveredFile
    ) -> tuple[Path, SplitFile]:
        if file.path in self._pieces:
            return self._pieces[file.path]
        series, pieces = self.workspace.file(), self.workspace.folder()
        item = split_file(file.path, series, name=file.name)
        if item.series.widest:
            jobs = {job for claims in file.facts.contents.values() for job in claims}
            convert_series(connection, [item.series], pieces, exported_jobs=jobs, by_day=True)
        series.unlink()
        found = {folder.name.removeprefix("day=") for folder in pieces.iterdir()}
        if unexpected := sorted(found - set(file.facts.contents)):
            raise DeliveryError(
                "a series is not in time order",
                where={"file": file.name},
                found=f"samples of {', '.join(unexpected)} between samples of other days",
                expected="ascending timestamps in each series, as Prometheus writes them",
                fix="sort the samples of each series by time",
            )
        self._pieces[file.path] = (pieces, item)
        return pieces, item
