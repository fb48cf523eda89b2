"""What scans of delivered files found, remembered between runs: a run opens only files that changed.

A file is taken as unchanged when device, inode, size, modification and change time are the same. The memory
is a cache below the home folder: deleting it costs one full scan, nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingest.durable_files import read_json, replace_json
from ingest.landed_files import file_sha256
from ingest.manifest import SourceFile

Contents = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class FileFacts:
    """Size and hash of a file, and its ``contents``: partition -> the accounts it claims there.

    ``token`` is the file's ``file_token`` before it was read.
    """

    source: SourceFile
    contents: Contents
    token: tuple[int, ...]


class FileMemory:
    """Facts by file path, kept in one JSON document.

    Args:
        path: the document; made on the first ``save``.
        version: goes up when scans find something else than before; older facts are forgotten.
    """

    def __init__(self, path: Path, *, version: int) -> None:
        self._path, self._version = path, version
        document = read_json(path) or {}
        self._known: dict[str, Any] = document["files"] if document.get("version") == version else {}
        self._seen: dict[str, Any] = {}

    def facts(self, file: Path, *, name: str, scan: Callable[[], Contents]) -> FileFacts:
        """Facts of a file; it is scanned only when it is new or changed. What ``scan`` raises is passed on.

        Args:
            file: where it lies now.
            name: its path relative to the delivery root.
            scan: reads the file.
        """
        key, token = str(file), file_token(file)
        entry = self._known.get(key)
        if entry is None or entry["token"] != token:
            entry = {"token": token, **_read(file, scan)}
        self._seen[key] = entry
        contents = {partition: tuple(claims) for partition, claims in entry["contents"].items()}
        return FileFacts(SourceFile(name, token[2], entry["sha256"]), contents, tuple(token))

    def save(self) -> None:
        """Keep what this run asked for; facts of files that are gone are dropped."""
        if self._seen == self._known:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        aside = self._path.with_suffix(".tmp")
        replace_json(self._path, {"version": self._version, "files": self._seen}, aside=aside)
        self._known = dict(self._seen)


def file_token(file: Path) -> list[int]:
    """What tells that a file is another one or has changed: device, inode, size, modification and change time."""
    stat = file.stat()
    return [stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns]


def _read(file: Path, scan: Callable[[], Contents]) -> dict[str, Any]:
    """Hash and contents of a file; it is hashed while it is scanned."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        digest = pool.submit(file_sha256, file)
        contents = {partition: list(claims) for partition, claims in scan().items()}
        return {"sha256": digest.result(), "contents": contents}
