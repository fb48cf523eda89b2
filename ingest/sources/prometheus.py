"""Prometheus telemetry: saved answers, exports and Parquet from a folder, or live over HTTP. Data set
``prometheus_samples``.

Files: query_range and query answers (.json), VictoriaMetrics exports (.jsonl), both also as .gz, and
Parquet in the lake schema, which is landed byte for byte. The partition is the UTC day of the samples,
half-open: a sample at the closing midnight belongs to the next day. All files that hold samples of a day
form its partition; equal samples in two files stay and are deduplicated in staging. Live (``location`` is a
URL): see ``prometheus_live``.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from weakref import finalize

from ingest.duckdb_session import session
from ingest.lake import Delivery, Landed
from ingest.lake_workspace import Workspace
from ingest.settings import Settings
from ingest.source_config import SourceConfig
from ingest.sources.delivered_files import BrokenFile, DeliveredFile, refuse_moving
from ingest.sources.file_memory import Contents, FileMemory
from ingest.sources.folder_source import FolderSource
from ingest.sources.prometheus_answers import NotTelemetry
from ingest.sources.prometheus_live import PrometheusServer
from ingest.sources.pulled_pages import pulled_delivery, pulled_page
from ingest.sources.scan_room import ScanRoom
from ingest.sources.telemetry_files import days_in, days_of_answers, days_of_parquet, is_parquet
from ingest.sources.telemetry_landing import DayLanding, SplitByDay
from ingest.sources.telemetry_rows import DATASET, FORMAT_VERSION

log = logging.getLogger(__name__)


class PrometheusSource(FolderSource):
    """One partition per UTC day."""

    dataset = DATASET
    suffixes = (".json", ".json.gz", ".jsonl", ".jsonl.gz", ".ndjson", ".ndjson.gz", ".parquet")
    has_whole_statements = False
    format_version = FORMAT_VERSION

    def __init__(
        self,
        config: SourceConfig,
        *,
        settings: Settings,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        super().__init__(config, settings=settings)
        self._now = now
        self.workspace = Workspace(settings.lake_dir / "_tmp")
        self._split = SplitByDay(self.workspace)
        finalize(self, shutil.rmtree, self.workspace.session, ignore_errors=True)

    def check(self) -> list[str]:
        """What lies in the folder, or whether the server answers.

        Raises:
            ConfigError, TransientError: it cannot be used as configured.
        """
        if self.config.is_url:
            return PrometheusServer(self.config, now=self._now).check()
        others = self._unread_files()
        return super().check() + ([f"not read: {', '.join(others)}"] if others else [])

    def discover(self) -> Iterator[Delivery]:
        """One delivery per day that the files hold, or of the last complete days of the server."""
        if not self.config.is_url:
            yield from super().discover()
            return
        with PrometheusServer(self.config, now=self._now) as server, ScanRoom(self.settings.home, limits=self.limits) as room:
            for day in server.days():
                pages = tuple(self._pull(server, day, room))
                if not pages:
                    log.warning("%s has no samples of %s", self.config.name, day)
                    continue
                yield pulled_delivery(
                    self.config,
                    dataset=self.dataset,
                    partition=day,
                    pages=pages,
                    pulled_at=self._now(),
                    land=partial(self._land_checked, day, pages),
                    format_version=self.format_version,
                )

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
        with session(**asdict(self.limits), scratch=folder / "spill") as connection:
            landing = DayLanding(connection, partition, folder, threads=self.limits.threads)
            answers = [file for file in files if not is_parquet(file.path)]
            for file in (file for file in files if is_parquet(file.path)):
                landing.add_parquet(file)
            landing.add_answers([file for file in answers if set(file.facts.contents) == {partition}])
            for file in answers:
                if set(file.facts.contents) != {partition}:
                    landing.add_pieces(*self._split.pieces(connection, file))
            return landing.finish()

    def _pull(self, server: PrometheusServer, day: str, room: ScanRoom) -> list[DeliveredFile]:
        """The pages of one day that hold its samples."""
        folder, pages = self.workspace.folder(), []
        for path in server.pull(day, folder):
            contents = self.scan(path, name=path.name, room=room)
            pages.append(pulled_page(path, folder=folder, contents=contents, pulled_at=self._now()))
        return [page for page in pages if day in page.facts.contents]

    def _unread_files(self) -> list[str]:
        root = self.config.path
        if root.is_file():
            return []
        read = {path for path, _ in self._list()}
        others = [path for path in sorted(root.rglob("*")) if path.is_file() and path not in read]
        return [path.relative_to(root).as_posix() for path in others[:10]]

    def _examine(self, path: Path, name: str, memory: FileMemory, room: ScanRoom) -> DeliveredFile | BrokenFile:
        file = super()._examine(path, name, memory, room)
        if isinstance(file, DeliveredFile) and not file.facts.contents:
            log.warning("%s: %s holds no Prometheus samples and is not loaded", self.config.name, name)
        return file

    def _land_checked(self, partition: str, files: tuple[DeliveredFile, ...], folder: Path) -> Landed:
        landed = self.land(partition, files, folder)
        refuse_moving(files, landed.source_files)
        return landed
