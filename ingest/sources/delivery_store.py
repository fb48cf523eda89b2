"""Where deliveries lie: a folder or an S3 bucket, behind one small read-only interface.

A key is the path below the store's root with forward slashes. A file's ``token`` changes whenever its content
may have changed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Protocol

from ingest.errors import TransientError
from ingest.landing import resolve_inside


@dataclass(frozen=True)
class StoredFile:
    """A file at the provider: key, size in bytes, change token, time of the last change."""

    key: str
    size: int
    token: str
    modified_at: datetime


class DeliveryStore(Protocol):
    """What a source needs of a folder or a bucket."""

    def find_manifests(self) -> Iterator[StoredFile]:
        """All ``…/metadata/BILLING_PERIOD=YYYY-MM/*-Manifest.json`` files, partition level only."""
        ...

    def stat(self, key: str) -> StoredFile | None:
        """The file as it is now, or None when it is not there."""
        ...

    def read(self, key: str, *, start: int = 0, length: int | None = None) -> bytes:
        """A part of a file; a negative ``start`` counts from its end."""
        ...

    def open(self, file: StoredFile) -> AbstractContextManager[BinaryIO]:
        """A stream of exactly the content that ``file`` describes.

        Raises:
            TransientError: the content changed meanwhile, or the connection broke.
        """
        ...

    def key_of(self, uri: str, *, export_root: str) -> str | None:
        """The key of a file named in a manifest of ``export_root``; None when it is not of this delivery."""
        ...

    def describe(self) -> str:
        """What it is, for messages."""
        ...


class FolderStore:
    """Deliveries in a local folder: a copy of a bucket, of a prefix, or of one export."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def find_manifests(self) -> Iterator[StoredFile]:
        """Walk the folder; data folders and per-execution copies of manifests are never entered."""
        for folder, names, files in os.walk(self.root):
            path = Path(folder)
            if path.parent.name == "metadata":
                names.clear()
                for name in sorted(files):
                    if name.endswith("-Manifest.json"):
                        key = (path / name).relative_to(self.root).as_posix()
                        found = self.stat(key)
                        if found is not None:
                            yield found
            elif "metadata" in names:
                names[:] = ["metadata"]
            else:
                names.sort()

    def stat(self, key: str) -> StoredFile | None:
        """The file as it is now; its token is size and modification time."""
        path = resolve_inside(self.root, key)
        if not path.is_file():
            return None
        found = path.stat()
        changed = datetime.fromtimestamp(found.st_mtime, UTC)
        return StoredFile(key, found.st_size, f"{found.st_size}-{found.st_mtime_ns}", changed)

    def read(self, key: str, *, start: int = 0, length: int | None = None) -> bytes:
        """A part of a file."""
        with resolve_inside(self.root, key).open("rb") as handle:
            handle.seek(start, os.SEEK_END if start < 0 else os.SEEK_SET)
            return handle.read(-1 if length is None else length)

    def open(self, file: StoredFile) -> AbstractContextManager[BinaryIO]:
        """The open file; a change while it is read shows in ``stat`` afterwards."""
        try:
            return resolve_inside(self.root, file.key).open("rb")
        except OSError as error:
            raise TransientError("a file went away while it was read", where={"file": file.key}) from error

    def key_of(self, uri: str, *, export_root: str) -> str | None:
        """``s3://bucket/prefix/export/data/…`` is looked up beside the manifest that names it.

        The export's folder must be the end of ``bucket/prefix/export`` (a copy of a bucket or of a part of
        it), or the whole location must be the export.
        """
        if not uri.startswith("s3://"):
            return None if "://" in uri else uri
        name = uri.removeprefix("s3://")
        home, marker, rest = name.partition("/data/")
        if not marker or not f"/{home}".endswith(f"/{export_root}" if export_root else ""):
            return None
        return f"{export_root}/data/{rest}".lstrip("/")

    def describe(self) -> str:
        """The folder."""
        return str(self.root)
