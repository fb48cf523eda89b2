"""The quarantine: one JSON entry per broken delivery, naming file, line, column and reason.

A delivery that is still broken at the next ingest updates its entry; when the partition loads again, its open
entries are marked resolved.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ingest.durable_files import read_json, replace_json
from ingest.errors import DeliveryError
from ingest.manifest import timestamp_text

UNKNOWN_DATASET = "unknown"
UNKNOWN_PARTITION = "unknown"
MAX_MISMATCHES = 1000
_SAFE = re.compile(r"[A-Za-z0-9._-]{1,100}")


@dataclass(frozen=True, kw_only=True)
class QuarantineEntry:
    """Why one delivery of one partition was refused."""

    at: str
    source: str
    dataset: str
    partition: str
    fingerprint: str
    files: tuple[str, ...]
    what: str
    where: dict[str, Any]
    found: str
    expected: str
    fix: str
    message: str
    mismatches: tuple[dict[str, Any], ...] = ()
    resolved_at: str | None = None


class Quarantine:
    """``_quarantine/<source>/<dataset>/<partition>/<fingerprint>.json`` below a lake."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def record(self, entry: QuarantineEntry, *, aside: Path) -> Path:
        """Write or update the entry of one delivery."""
        path = self._path(entry)
        replace_json(path, asdict(entry), aside=aside)
        return path

    def entries(self, *, open_only: bool = True) -> list[QuarantineEntry]:
        """All entries, in path order."""
        found = [_from_json(read_json(path)) for path in sorted(self.root.glob("*/*/*/*.json"))]
        return [entry for entry in found if not (open_only and entry.resolved_at)]

    def resolve(self, source: str, dataset: str, partition: str, *, files: Iterable[str], aside: Path) -> int:
        """Mark the partition's open entries resolved.

        Also those of unknown data set or partition that name one of ``files``.
        """
        delivered = set(files)
        resolved = 0
        own = self._folder(source, dataset, partition)
        unknown = (
            self._folder(source, UNKNOWN_DATASET, partition),
            self._folder(source, dataset, UNKNOWN_PARTITION),
        )
        for folder in (own, *unknown):
            for path in sorted(folder.glob("*.json")):
                document = read_json(path)
                if document is None or document["resolved_at"]:
                    continue
                if folder != own and not delivered.intersection(document["files"]):
                    continue
                document["resolved_at"] = timestamp_text(datetime.now(UTC))
                replace_json(path, document, aside=aside)
                resolved += 1
        return resolved

    def settle(self, source: str, *, still_broken: Collection[QuarantineEntry], aside: Callable[[], Path]) -> int:
        """Mark the open entries of a source resolved that a complete look at it did not find broken again.

        Their files were corrected, or are no longer delivered.
        """
        kept = {self._path(entry) for entry in still_broken}
        settled = 0
        for path in sorted((self.root / source).glob("*/*/*.json")):
            document = read_json(path)
            if path not in kept and document is not None and not document["resolved_at"]:
                document["resolved_at"] = timestamp_text(datetime.now(UTC))
                replace_json(path, document, aside=aside())
                settled += 1
        return settled

    def _path(self, entry: QuarantineEntry) -> Path:
        return self._folder(entry.source, entry.dataset, entry.partition) / f"{_file_name(entry.fingerprint)}.json"

    def _folder(self, source: str, dataset: str, partition: str) -> Path:
        return self.root / source / dataset / partition


def entry_of(
    error: DeliveryError, *, key: tuple[str, str, str], fingerprint: str, files: Iterable[str]
) -> QuarantineEntry:
    """The entry that records ``error`` for one delivery of ``key`` = (source, dataset, partition)."""
    source, dataset, partition = key
    first = error.mismatches[0] if error.mismatches else None
    where = dict(error.where)
    if first is not None:
        where = {"file": first.file, "line": first.line, "column": first.column, **where}
    return QuarantineEntry(
        at=timestamp_text(datetime.now(UTC)),
        source=source,
        dataset=dataset,
        partition=partition,
        fingerprint=fingerprint,
        files=tuple(files),
        what=error.what,
        where={
            key: value if isinstance(value, int | float) else str(value)
            for key, value in where.items()
            if value is not None
        },
        found=error.found or (first.found if first else ""),
        expected=error.expected or (first.expected if first else ""),
        fix=error.fix or (first.fix if first else ""),
        message=str(error),
        mismatches=tuple(asdict(item) for item in error.mismatches[:MAX_MISMATCHES]),
    )


def _file_name(fingerprint: str) -> str:
    if _SAFE.fullmatch(fingerprint) and not fingerprint.startswith("."):
        return fingerprint
    return hashlib.sha256(fingerprint.encode()).hexdigest()


def _from_json(document: Any) -> QuarantineEntry:
    lists = {"files": tuple(document["files"]), "mismatches": tuple(document["mismatches"])}
    return QuarantineEntry(**{**document, **lists})
