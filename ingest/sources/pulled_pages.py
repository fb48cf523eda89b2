"""Pages that a live pull stored on disk, seen like delivered files, and the delivery they make."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from ingest.lake import Delivery, Landed
from ingest.landed_files import file_sha256
from ingest.manifest import SourceFile
from ingest.source_config import SourceConfig
from ingest.sources.delivered_files import DeliveredFile
from ingest.sources.file_memory import Contents, FileFacts, file_token


def pulled_page(path: Path, *, folder: Path, contents: Contents, pulled_at: datetime) -> DeliveredFile:
    """A stored page; its name is the path below ``folder``."""
    name = path.relative_to(folder).as_posix()
    token = tuple(file_token(path))
    source = SourceFile(name, path.stat().st_size, file_sha256(path))
    return DeliveredFile(path, name, pulled_at, FileFacts(source, contents, token))


def pulled_delivery(
    config: SourceConfig,
    *,
    dataset: str,
    partition: str,
    pages: Sequence[DeliveredFile],
    pulled_at: datetime,
    land: Callable[[Path], Landed],
    format_version: int,
) -> Delivery:
    """The delivery of one partition; its fingerprint is the content of the pages."""
    tokens = "\n".join(page.token for page in pages)
    return Delivery(
        source=config.name,
        dataset=dataset,
        partition=partition,
        fingerprint=hashlib.sha256(tokens.encode()).hexdigest(),
        delivered_at=pulled_at,
        files=tuple(f"{config.location}/{page.name}" for page in pages),
        land=land,
        format_version=format_version,
    )
