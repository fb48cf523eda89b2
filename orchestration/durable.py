"""Writing that survives a kill at any moment: write aside, flush, rename, flush the folder.

Belongs here: how the orchestration's own records, trees and pointers reach the disk. A reader sees the old
state or the new one, never a part.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

from ingest.durable_files import replace_json, sync_file, sync_folder


def write_record(path: Path, content: Any) -> None:
    """Replace `path` with `content` as JSON in one atomic step; creates the folder when it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_json(path, content, aside=path.with_name(f".{path.name}.{os.getpid()}.tmp"))


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def sync_tree(folder: Path) -> None:
    """Flush every file and folder below `folder`, the innermost first."""
    for root, _, files in os.walk(folder, topdown=False):
        for name in files:
            sync_file(Path(root) / name)
        sync_folder(Path(root))


def point_to(link: Path, target: Path) -> None:
    """Lead the symbolic link `link` to `target` (relative), replacing an older link in one atomic step."""
    temporary = link.with_name(f".{link.name}.{os.getpid()}.tmp")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(os.path.relpath(target, link.parent))
    temporary.replace(link)
    sync_folder(link.parent)
