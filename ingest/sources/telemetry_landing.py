"""One day of telemetry into the lake: Parquet copied, answers converted together, pieces of longer files."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import duckdb

from ingest.errors import DeliveryError
from ingest.lake import Landed
from ingest.lake_workspace import Workspace
from ingest.landing import land_parquet, parquet_rows
from ingest.manifest import SourceFile
from ingest.sources.delivered_files import DeliveredFile, refuse_changed
from ingest.sources.telemetry_convert import convert_series, write_empty
from ingest.sources.telemetry_files import (
    SplitFile,
    copy_day,
    counted_samples,
    pieces_by_day,
    split_file,
    take,
)


@dataclass
class DayLanding:
    """Collects the Parquet parts of one day in ``folder``."""

    connection: duckdb.DuckDBPyConnection
    day: str
    folder: Path
    threads: int = 1
    parts: list[Path] = field(default_factory=list)
    sources: list[SourceFile] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    hashes: dict[Path, str] = field(default_factory=dict)

    def add_parquet(self, file: DeliveredFile) -> None:
        """Copy a Parquet file byte for byte, or the day's rows of one that holds several days."""
        target = self._next_part()
        if set(file.facts.contents) == {self.day}:
            self.sources.append(land_parquet(file.path, target, name=file.name))
            self.hashes[target] = self.sources[-1].sha256
        else:
            copy_day(self.connection, file.path, target, day=self.day)
            self.sources.append(file.facts.source)
        self.parts.append(target)

    def add_answers(self, files: Sequence[DeliveredFile]) -> None:
        """Convert files that hold only this day, side by side: DuckDB reads one file of series with one thread."""
        jobs = {job for file in files for job in file.claims(self.day)}
        aside = self.folder / "series"
        aside.mkdir()
        split = [_split(file, aside / f"{number}.ndjson") for number, file in enumerate(files)]
        filled = [item.series for item in split if item.series.widest]
        groups = [group for number in range(self.threads) if (group := filled[number :: self.threads])]
        with ThreadPoolExecutor(max_workers=self.threads) as pool:
            running = []
            for group in groups:
                self.parts.append(self._next_part())
                convert = partial(convert_series, self.connection.cursor(), group, self.parts[-1], exported_jobs=jobs)
                running.append(pool.submit(convert))
        for conversion in running:
            conversion.result()
        for item in split:
            self._read(item)
        shutil.rmtree(aside)

    def add_pieces(self, folder: Path, item: SplitFile) -> None:
        """Take this day's piece of a file that was converted and split by day."""
        self.parts += take(pieces_by_day(folder, self.day), self.folder, first_number=len(self.parts))
        self._read(item)

    def finish(self) -> Landed:
        """Check the parts.

        Raises:
            DeliveryError: samples of another day.
        """
        if not self.parts:
            self.parts.append(self._next_part())
            write_empty(self.connection, self.parts[0])
        samples = counted_samples(self.connection, self.parts, day=self.day)
        rows = sum(parquet_rows(self.connection, self.parts).values())
        return Landed(tuple(self.parts), tuple(self.sources), rows, {}, tuple(self.notes), self.hashes, samples)

    def _next_part(self) -> Path:
        return self.folder / f"part-{len(self.parts):05d}.parquet"

    def _read(self, item: SplitFile) -> None:
        self.sources.append(item.source)
        if item.without_samples:
            count = f"{item.without_samples} native histograms"
            self.notes.append(f"{item.source.path}: {count} have no sample values")


class SplitByDay:
    """Files of several days, each converted once and kept in the workspace while the source lives."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._known: dict[Path, tuple[Path, SplitFile]] = {}

    def pieces(self, connection: duckdb.DuckDBPyConnection, file: DeliveredFile) -> tuple[Path, SplitFile]:
        """The folder with the file's days, and what was read.

        Raises:
            DeliveryError: damaged, or samples of days that first and last timestamps do not span.
        """
        if file.path not in self._known:
            series, folder = self._workspace.file(), self._workspace.folder()
            item = _split(file, series)
            if item.series.widest:
                jobs = {job for claims in file.facts.contents.values() for job in claims}
                convert_series(connection, [item.series], folder, exported_jobs=jobs, by_day=True)
            series.unlink()
            _refuse_disorder(folder, file)
            self._known[file.path] = (folder, item)
        return self._known[file.path]


def _split(file: DeliveredFile, target: Path) -> SplitFile:
    """The file's series; its hash is the scan's, as long as it is still the file that was scanned."""
    item = split_file(file.path, target, source=file.facts.source)
    refuse_changed(file)
    return item


def _refuse_disorder(folder: Path, file: DeliveredFile) -> None:
    found = {piece.name.removeprefix("day=") for piece in folder.iterdir()}
    if unexpected := sorted(found - set(file.facts.contents)):
        raise DeliveryError(
            "a series is not in time order",
            where={"file": file.name},
            found=f"samples of {', '.join(unexpected)} between samples of other days",
            expected="ascending timestamps in each series, as Prometheus writes them",
            fix="sort the samples of each series by time",
        )
