"""Temporary folders of one writing process inside the lake; the next run removes those of dead processes.

A folder is alive while its process holds the lock on the ``.lock`` file beside it, which the system drops
when the process ends.
"""

from __future__ import annotations

import itertools
import os
import shutil
import uuid
from pathlib import Path

from ingest.durable_files import locked, try_lock


class Workspace:
    """``_tmp/<session>/`` of this process."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.session = root / f"{os.getpid()}-{uuid.uuid4().hex[:8]}"
        self._numbers = itertools.count()
        self._handle = None

    def folder(self) -> Path:
        """A new empty folder."""
        path = self.file()
        path.mkdir()
        return path

    def file(self) -> Path:
        """A name that nothing uses yet."""
        self._open()
        return self.session / str(next(self._numbers))

    def clean(self) -> None:
        """Remove the folders of processes that are gone."""
        if not self.root.is_dir():
            return
        with locked(self.root / ".guard"):
            self._remove_dead()

    def _remove_dead(self) -> None:
        for lock in self.root.glob("*.lock"):
            session = lock.with_suffix("")
            if session == self.session:
                continue
            with lock.open("a") as handle:
                if not try_lock(handle):
                    continue
                shutil.rmtree(session, ignore_errors=True)
                lock.unlink(missing_ok=True)
        for orphan in self.root.iterdir():
            if orphan.is_dir() and not orphan.with_name(f"{orphan.name}.lock").exists():
                shutil.rmtree(orphan, ignore_errors=True)

    def _open(self) -> None:
        if self._handle is not None:
            return
        self.root.mkdir(parents=True, exist_ok=True)
        with locked(self.root / ".guard"):
            self._handle = self.session.with_name(f"{self.session.name}.lock").open("a")
            try_lock(self._handle)
            self.session.mkdir()
