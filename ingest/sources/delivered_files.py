"""Delivered files of a folder source: readable or broken, chunks of one export or overlapping statements."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations
from pathlib import Path

from ingest.errors import DeliveryError, TransientError
from ingest.landing import unpack
from ingest.manifest import SourceFile
from ingest.sources.file_memory import FileFacts, file_token

_MONTH_IN_PATH = re.compile(r"(?<!\d)(20\d\d)-?(0[1-9]|1[0-2])(?!\d)")
_CHUNK = re.compile(
    r"(part|chunk|shard|split)[-_.]?\d+|(?<=[-_.])0\d{4}(?!\d)|(?<!\d)0\d{11}(?!\d)", re.IGNORECASE
)


@dataclass(frozen=True)
class DeliveredFile:
    """A readable file: ``name`` is its path relative to the folder."""

    path: Path
    name: str
    modified_at: datetime
    facts: FileFacts

    @property
    def token(self) -> str:
        """What changes when the file changes."""
        return self.facts.source.sha256

    def claims(self, partition: str) -> frozenset[str]:
        """The billing accounts whose ``partition`` the file holds."""
        return frozenset(self.facts.contents.get(partition, ()))


@dataclass(frozen=True)
class BrokenFile:
    """A file that could not be scanned, and why."""

    name: str
    modified_at: datetime
    error: DeliveryError

    @property
    def token(self) -> str:
        """What changes when the file or its fault changes."""
        return f"{self.name} {self.modified_at} {self.error}"


def refuse_overlaps(partition: str, files: Iterable[DeliveredFile]) -> None:
    """Check that no two files, chunks of one export apart, claim the same account and partition.

    Raises:
        DeliveryError: naming both files.
    """
    for one, other in combinations(files, 2):
        shared = one.claims(partition) & other.claims(partition)
        if shared and not _are_chunks(one.name, other.name):
            raise DeliveryError(
                "two files hold the same billing account and period",
                where={"partition": partition, "file": other.name},
                found=f"account {', '.join(sorted(shared))} also in {one.name}",
                expected="one file per account and period, or numbered chunks (part-0, part-1)",
                fix="if one file replaces the other, keep only the newer one, under the old name",
            )


def compression_of(path: Path) -> str:
    """DuckDB's ``compression`` option of a file, by its first bytes, not by its name.

    Raises:
        DeliveryError: the file is empty.
    """
    with path.open("rb") as handle:
        head = handle.read(2)
    if not head:
        raise DeliveryError(
            "the file is empty", found="0 bytes", expected="rows", fix="deliver the file again"
        )
    return "gzip" if head == b"\x1f\x8b" else "uncompressed"


def months_in(name: str) -> set[str]:
    """The months a path names ('invoice_month=202605/x.json' -> {'2026-05'})."""
    return {f"{year}-{month}" for year, month in _MONTH_IN_PATH.findall(name)}


def _are_chunks(one: str, other: str) -> bool:
    return _CHUNK.search(one) is not None and _CHUNK.sub("#", one) == _CHUNK.sub("#", other)


def refuse_moving(files: Iterable[DeliveredFile], read: Iterable[SourceFile]) -> None:
    """Check that what was read is what the scan saw.

    Raises:
        TransientError: a file changed in between.
    """
    known = {file.name: file.facts.source for file in files}
    for source in read:
        if known.get(source.path, source) != source:
            raise _moving(source.path)


def refuse_changed(file: DeliveredFile) -> None:
    """Check that a file that was read where it lies is still the one that was scanned and hashed.

    Raises:
        TransientError: it changed or was replaced in between.
    """
    if tuple(file_token(file.path)) != file.facts.token:
        raise _moving(file.name)


def _moving(name: str) -> TransientError:
    return TransientError("a delivered file changed while it was read", where={"file": name}, fix="ingest again")


def file_error(error: Exception, path: Path, name: str) -> DeliveryError:
    """The error of one file; an empty or damaged archive is told apart from malformed rows."""
    if not isinstance(error, DeliveryError):
        try:
            unpack(path, Path("/dev/null"), name=name)
        except DeliveryError as damaged:
            return damaged
        fix = "correct the file and deliver it again; the partitions it feeds keep their last good load"
        return DeliveryError("the file cannot be read", where={"file": name}, found=str(error), fix=fix)
    error.where.setdefault("file", name)
    return DeliveryError(
        error.what,
        where=error.where,
        found=error.found,
        expected=error.expected,
        fix=error.fix,
        mismatches=error.mismatches,
    )
