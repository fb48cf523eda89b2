"""A statement's folder: which files it holds, written in one step each, with a record of them.

`statement.json` names what the files were made from, their status and their SHA-256, so that a later run knows
whether they still fit, and removes what a rewrite no longer makes.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

# Raise when the same marts give other files, so that old folders are written anew.
FORMAT = 3
RECORD = "statement.json"
_LONGEST = 100


@dataclass(frozen=True)
class StatementRecord:
    """What a folder's files were made from."""

    billing_period: str
    status: str
    reasons: tuple[str, ...]
    chargeback_mode: str
    is_full: bool
    snapshot_id: str
    content_hash: str
    totals: dict[str, dict[str, str]]
    files: dict[str, str]
    format: int = FORMAT


def read_record(folder: Path) -> StatementRecord | None:
    """The folder's record; None when there is none of this format."""
    try:
        facts: dict[str, Any] = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        if facts.get("format") != FORMAT:
            return None
        return StatementRecord(**{**facts, "reasons": tuple(facts["reasons"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None


def write_files(folder: Path, contents: Mapping[str, str | bytes]) -> dict[str, str]:
    """Write files by their path inside the folder; their SHA-256 by path."""
    hashes = {}
    for name, content in contents.items():
        data = content.encode("utf-8") if isinstance(content, str) else content
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(path, data)
        hashes[name] = hashlib.sha256(data).hexdigest()
    return hashes


def write_record(folder: Path, record: StatementRecord) -> None:
    """Write the record and remove the files that only the one before it names."""
    before = read_record(folder)
    _replace(folder / RECORD, (json.dumps(asdict(record), indent=1, sort_keys=True) + "\n").encode("utf-8"))
    for name in sorted(set(before.files if before else ()) - record.files.keys()):
        path = folder / name
        if path.resolve().is_relative_to(folder.resolve()):
            path.unlink(missing_ok=True)
            if path.parent != folder and path.parent.is_dir() and not any(path.parent.iterdir()):
                path.parent.rmdir()


def hash_of(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def folder_name(team_id: str) -> str:
    """A team's folder: its id, with everything that is no plain name encoded; never a way out of the folder."""
    name = quote(team_id, safe="")
    name = name.replace(".", "%2E") if not name.strip(".") else name
    if len(name) > _LONGEST:
        name = f"{name[:_LONGEST]}-{hashlib.sha256(team_id.encode()).hexdigest()[:8]}"
    return name or "%00"


def _replace(path: Path, data: bytes) -> None:
    """Write a file in one step: readers see the old one or the new one."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.write_bytes(data)
    temporary.replace(path)
