"""Delivered telemetry files: which days they hold, and their samples as Parquet of the lake schema.

A file of one day is converted together with the day's other files. A file of several days is converted
once, split by day, and each day takes its piece. Parquet in the lake schema is copied byte for byte when it
holds one day.
"""

from __future__ import annotations

import re
import shutil
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

import duckdb

from ingest.duckdb_session import file_list
from ingest.errors import DeliveryError
from ingest.landing import check_parquet, describe_parquet, unpack
from ingest.manifest import SourceFile
from ingest.sources.file_memory import Contents
from ingest.sources.prometheus_answers import read_series
from ingest.sources.prometheus_series import Series
from ingest.sources.telemetry_convert import SeriesFile
from ingest.sources.telemetry_rows import COPY_OPTIONS, EXPORTED_LABELS, SCHEMA, is_gpu_series
from ingest.sql_casts import literal

PARQUET = ".parquet"
_DAY_IN_PATH = re.compile(r"(?<!\d)(20\d\d)-?(0[1-9]|1[0-2])-?(0[1-9]|[12]\d|3[01])(?!\d)")
_LAST_SECOND = 253402300799


@dataclass(frozen=True)
class SplitFile:
    """The series of one delivered file, one a line, and what was read to get them."""

    series: SeriesFile
    source: SourceFile
    without_samples: int


def is_parquet(path: Path) -> bool:
    """Whether a delivered file is taken as Parquet."""
    return path.suffix.lower() == PARQUET


def days_in(name: str) -> set[str]:
    """The days a path names ('2026-03-02/gpu.json' -> {'2026-03-02'})."""
    return {"-".join(parts) for parts in _DAY_IN_PATH.findall(name)}


def day_bounds(day: str) -> tuple[datetime, datetime]:
    """First instant of a day and of the next, naive UTC as the lake has it."""
    start = datetime.strptime(day, "%Y-%m-%d")
    return start, start + timedelta(days=1)


def days_of_answers(path: Path, *, name: str, scratch: Path) -> Contents:
    """Day -> scrape jobs that keep the workload in ``exported_*`` labels, from labels and first and last
    timestamps.

    Raises:
        DeliveryError: damaged, or times outside the calendar.
    """
    days: set[str] = set()
    jobs: set[str] = set()
    with _plain(path, name=name, scratch=scratch) as stream:
        for series in read_series(stream, name=name):
            days |= _days_between(series, name=name)
            if is_gpu_series(series.labels) and any(series.labels.get(label) for label in EXPORTED_LABELS):
                jobs.add(series.labels.get("job", ""))
    return {day: tuple(sorted(jobs)) for day in sorted(days)}


def days_of_parquet(connection: duckdb.DuckDBPyConnection, path: Path, *, name: str) -> Contents:
    """Days of a Parquet file in the lake schema.

    Raises:
        DeliveryError: not Parquet, or other columns.
    """
    check_parquet(path, name=name)
    found = dict(describe_parquet(connection, [path]))
    if list(found.items()) != list(SCHEMA.items()):
        wrong = [f"{key} {kind}" for key, kind in found.items() if SCHEMA.get(key) != kind]
        missing = [f"{key} {kind}" for key, kind in SCHEMA.items() if found.get(key) != kind]
        raise DeliveryError(
            "the Parquet file does not have the columns of the telemetry lake",
            where={"file": name},
            found=", ".join(wrong) or "another order, or nothing where expected",
            expected=", ".join(missing) or ", ".join(SCHEMA),
            fix="write exactly the columns of prometheus_samples, in order",
        )
    query = "SELECT DISTINCT strftime(unnest(ts), '%Y-%m-%d') FROM read_parquet(?) ORDER BY 1"
    days = [row[0] for row in connection.execute(query, file_list([path])).fetchall()]
    if None in days:
        where = {"file": name, "column": "ts"}
        raise DeliveryError("samples without a time", where=where, found="NULL", fix="write ts in every row")
    return dict.fromkeys(days, ())


def split_file(path: Path, target: Path, *, source: SourceFile) -> SplitFile:
    """Write the series of a delivered file to ``target``, one a line.

    Args:
        path: the delivered file.
        target: written.
        source: its name, size and hash; the caller makes sure that it still is that file.

    Raises:
        DeliveryError: truncated or damaged.
    """
    widest, without, forms = 0, 0, set()
    name = source.path
    with _plain(path, name=name, scratch=target.parent) as stream, target.open("wb") as handle:
        for series in read_series(stream, name=name):
            without += series.form == "none"
            forms.add(series.form)
            if series.form != "none":
                handle.write(series.text)
                handle.write(b"\n")
                widest = max(widest, len(series.text))
    if {"pairs", "export"} <= forms:
        raise DeliveryError(
            "one file mixes query answers and export lines",
            where={"file": name},
            found="values as pairs and values beside timestamps",
            expected="one of the two",
            fix="deliver them as two files",
        )
    file = SeriesFile(target, name, "export" in forms, widest)
    return SplitFile(file, source, without)


def of_day(rows: str, *, day: str) -> str:
    """SQL of rows of the telemetry lake with their samples of one day only; series without any are left out."""
    start, end = day_bounds(day)
    inside = f"list_transform(ts, lambda t: t >= TIMESTAMP '{start}' AND t < TIMESTAMP '{end}')"
    return (
        'SELECT * EXCLUDE (inside) REPLACE (list_where(ts, inside) AS ts, list_where("value", inside) AS "value")'
        f" FROM (SELECT *, {inside} AS inside FROM ({rows})) WHERE list_bool_or(inside)"
    )


def copy_day(connection: duckdb.DuckDBPyConnection, path: Path, target: Path, *, day: str) -> None:
    """Copy the rows of one day of a Parquet file in the lake schema."""
    query = of_day(f"SELECT * FROM read_parquet([{literal(file_list([path])[0])}])", day=day)
    connection.execute(f"COPY ({query}) TO {literal(str(target))} ({COPY_OPTIONS})")


def counted_samples(connection: duckdb.DuckDBPyConnection, parts: Sequence[Path], *, day: str) -> int:
    """How many samples were landed; checks that all lie inside their day.

    Raises:
        DeliveryError: a series was not in time order, so the scan took it for fewer days than it has.
    """
    start, end = day_bounds(day)
    query = "SELECT min(list_min(ts)), max(list_max(ts)), coalesce(sum(len(ts)), 0) FROM read_parquet(?)"
    first, last, samples = connection.execute(query, [file_list(parts)]).fetchall()[0]
    if first is not None and (first < start or last >= end):
        raise DeliveryError(
            "a series is not in time order",
            where={"partition": day},
            found=f"samples from {first} to {last} in files whose first and last samples are of {day}",
            expected="ascending timestamps in each series, as Prometheus writes them",
            fix="sort the samples of each series by time, or deliver one file a day",
        )
    return int(samples)


def pieces_by_day(folder: Path, day: str) -> list[Path]:
    """The Parquet files that a conversion by day wrote for one day."""
    return sorted((folder / f"day={day}").glob("*.parquet"))


def take(pieces: Iterable[Path], folder: Path, *, first_number: int) -> list[Path]:
    """Copy converted pieces into the landing folder under part names."""
    taken = []
    for number, piece in enumerate(pieces, first_number):
        taken.append(folder / f"part-{number:05d}.parquet")
        shutil.copyfile(piece, taken[-1])
    return taken


@contextmanager
def _plain(path: Path, *, name: str, scratch: Path) -> Iterator[BinaryIO]:
    """The file as plain bytes; gzip is unpacked aside first, bounded."""
    with path.open("rb") as handle:
        head = handle.read(2)
    if head != b"\x1f\x8b":
        with path.open("rb") as handle:
            yield handle
        return
    unpacked = scratch / f"{uuid.uuid4().hex}.unpacked"
    try:
        unpack(path, unpacked, name=name)
        with unpacked.open("rb") as handle:
            yield handle
    finally:
        unpacked.unlink(missing_ok=True)


def _days_between(series: Series, *, name: str) -> set[str]:
    if series.first is None or series.last is None:
        return set()
    first, last = sorted((series.first, series.last))
    if not 0 <= first <= last <= _LAST_SECOND:
        raise DeliveryError(
            "sample times lie outside the calendar",
            where={"file": name, "series": series.labels.get("__name__", "")},
            found=f"{first:.0f} to {last:.0f}",
            expected="seconds since 1970 (milliseconds only beside `timestamps`)",
            fix="export the series again",
        )
    start, end = (datetime.fromtimestamp(round(at, 6), UTC).date() for at in (first, last))
    return {(start + timedelta(days=number)).isoformat() for number in range((end - start).days + 1)}
