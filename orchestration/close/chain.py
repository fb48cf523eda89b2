"""An append-only chain of events, one folder each, held together by SHA-256.

Layout below the root: `<sequence>-<period>-<kind>/manifest.json` with the event's files beside it. The
manifest lists every file with size and SHA-256 and carries the SHA-256 of the manifest before it; its own
SHA-256 is the event's hash. `head.json` repeats sequence and hash of the newest event: a cache for people and
the only witness of an event removed from the end, so keep its hash elsewhere too (a statement, a ticket).

An event is written aside, flushed and renamed: killed at any moment the chain holds it whole or not at all.
What an event means is not known here.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from ingest.durable_files import read_json, sync_folder
from orchestration.close.errors import ChainBroken
from orchestration.durable import sha256_of, sync_tree, write_record

MANIFEST = "manifest.json"
HEAD = "head.json"
FORMAT = 1
_BUILDING = ".building-"
_READ_ONLY = 0o444


class EventFile(BaseModel):
    """A file of an event: path below its folder, size in bytes, SHA-256 in hex."""

    model_config = ConfigDict(frozen=True)

    path: str
    size: int
    sha256: str


class EventManifest(BaseModel):
    """What an event says about itself.

    `at` is the instant of recording (UTC), `by` free text the caller gave (empty by default), `previous` the
    hash of the event before it (empty for the first), `facts` what its kind means.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int
    sequence: int
    kind: str
    period: str
    at: datetime
    by: str
    reason: str
    previous: str
    facts: dict[str, Any]
    files: list[EventFile]


@dataclass(frozen=True)
class Event:
    """A recorded event: its folder, manifest and hash."""

    folder: Path
    manifest: EventManifest
    hash: str


@dataclass(frozen=True)
class Problem:
    """Something about the chain that is not as it was written: the file or folder, and what differs."""

    path: Path
    what: str

    def __str__(self) -> str:
        return f"{self.path}: {self.what}"


class Chain:
    """The events below a folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def events(self) -> list[Event]:
        """All events, oldest first.

        Raises:
            ChainBroken: a manifest or the links between them were changed. Files beside a manifest are only
                looked at by `tco verify`.
        """
        events, problems = self.walk()
        # a lost head is written again with the next event; only `tco verify` has to say that it is gone
        head = self.root / HEAD
        problems = [problem for problem in problems if problem.path != head or head.exists()]
        if problems:
            raise ChainBroken(
                "the record of closes or disputes was changed",
                where={"folder": self.root},
                found="; ".join(map(str, problems[:5])),
                expected="every event as it was written, each naming the hash of the one before",
                fix="restore the folder from a backup; `tco verify` names every file that differs",
            )
        return events

    def walk(self) -> tuple[list[Event], list[Problem]]:
        """All readable events, and everything that is wrong with manifests, links, sequence and head."""
        events: list[Event] = []
        problems: list[Problem] = []
        previous = ""
        for number, folder in enumerate(self._folders(), 1):
            path = folder / MANIFEST
            try:
                manifest = EventManifest.model_validate(read_json(path))
            except (ValidationError, ValueError, OSError) as error:
                problems.append(Problem(path, f"cannot be read as a manifest: {str(error).splitlines()[0]}"))
                previous = sha256_of(path) if path.is_file() else ""
                continue
            if manifest.sequence != number or folder.name != event_name(manifest):
                problems.append(Problem(folder, f"is event {manifest.sequence} of the chain, expected event {number}"))
            if manifest.previous != previous:
                what = f"names {manifest.previous or 'nothing'} as the hash before it, found {previous or 'nothing'}"
                problems.append(Problem(path, f"{what}: this manifest or the one before was changed"))
            event = Event(folder, manifest, sha256_of(path))
            previous = event.hash
            events.append(event)
        return events, [*problems, *self._head_problems(events)]

    def append(
        self,
        *,
        kind: str,
        period: str,
        at: datetime,
        by: str = "",
        reason: str = "",
        fill: Callable[[Path], Mapping[str, Any]],
    ) -> Event:
        """Record an event.

        Args:
            kind: what happened.
            period: billing period it is about.
            at: instant (aware).
            by: who, as free text; empty unless given.
            reason: why, as free text.
            fill: writes the event's files into the empty folder it is given and returns its facts (JSON).

        Raises:
            ChainBroken: the chain so far was changed.
        """
        events = self.events()
        building = self._empty_building()
        facts = fill(building)
        manifest = EventManifest(
            format=FORMAT,
            sequence=len(events) + 1,
            kind=kind,
            period=period,
            at=at.astimezone(UTC),
            by=by,
            reason=reason,
            previous=events[-1].hash if events else "",
            facts=dict(facts),
            files=files_below(building),
        )
        return self._record(building, manifest)

    def _empty_building(self) -> Path:
        """A folder to make an event in; what a killed process left is taken away."""
        self.root.mkdir(parents=True, exist_ok=True)
        for leftover in self.root.glob(f"{_BUILDING}*"):
            shutil.rmtree(leftover)
        building = self.root / f"{_BUILDING}{os.getpid()}"
        building.mkdir()
        return building

    def _record(self, building: Path, manifest: EventManifest) -> Event:
        """Make a filled folder the newest event: flushed, then renamed in one step."""
        write_record(building / MANIFEST, manifest.model_dump(mode="json"))
        event = Event(self.root / event_name(manifest), manifest, sha256_of(building / MANIFEST))
        for path in building.rglob("*"):
            if path.is_file():
                path.chmod(_READ_ONLY)
        sync_tree(building)
        building.rename(event.folder)
        sync_folder(self.root)
        write_record(self.root / HEAD, {"sequence": manifest.sequence, "hash": event.hash})
        return event

    def _folders(self) -> list[Path]:
        if not self.root.is_dir():
            return []
        return sorted(path for path in self.root.iterdir() if path.is_dir() and not path.name.startswith("."))

    def _head_problems(self, events: list[Event]) -> list[Problem]:
        """The head may be one event behind (killed between the two writes), never ahead or elsewhere."""
        path = self.root / HEAD
        try:
            head = read_json(path) or {"sequence": 0, "hash": ""}
            known, expected = int(head["sequence"]), str(head["hash"])
        except (ValueError, KeyError, TypeError) as error:
            return [Problem(path, f"cannot be read: {error}")]
        hashes = ["", *(event.hash for event in events)]
        if known in (len(events), len(events) - 1) and hashes[known] == expected:
            return []
        found = hashes[-1] or "nothing"
        return [Problem(path, f"names event {known} with hash {expected or 'none'}; the last one found has {found}")]


def event_name(manifest: EventManifest) -> str:
    """Folder name of an event."""
    return f"{manifest.sequence:06d}-{manifest.period}-{manifest.kind}"


def files_below(folder: Path) -> list[EventFile]:
    """All files below a folder except the manifest, in order of their path."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path != folder / MANIFEST)
    return [
        EventFile(path=path.relative_to(folder).as_posix(), size=path.stat().st_size, sha256=sha256_of(path))
        for path in paths
    ]
