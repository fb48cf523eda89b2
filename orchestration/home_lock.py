"""One run at a time: an exclusive lock on the home folder, held by the process and freed when it ends or is
killed.

The lock is re-entrant within a process, so that a command that holds it can execute a job whose resource
takes it too. The file names the holder for whoever has to wait.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from ingest.durable_files import try_lock
from ingest.errors import TransientError

FILE = ".run.lock"
_POLL_SECONDS = 0.5
_held: dict[Path, int] = {}


@contextmanager
def home_lock(home: Path, *, wait_seconds: float = 0) -> Iterator[None]:
    """Hold the home folder's lock for the block.

    Args:
        home: the home folder; created when missing.
        wait_seconds: how long to wait for another run to end.

    Raises:
        TransientError: another process still holds it; the message names that run.
    """
    home.mkdir(parents=True, exist_ok=True)
    path = (home / FILE).resolve()
    if path in _held:
        _held[path] += 1
        try:
            yield
        finally:
            _held[path] -= 1
        return
    with path.open("a+", encoding="utf-8") as handle:
        deadline = time.monotonic() + wait_seconds
        while not try_lock(handle):
            if time.monotonic() >= deadline:
                raise _busy(path)
            time.sleep(_POLL_SECONDS)
        handle.truncate(0)
        handle.write(json.dumps({"pid": os.getpid(), "since": datetime.now(UTC).isoformat(timespec="seconds")}))
        handle.flush()
        _held[path] = 1
        try:
            yield
        finally:
            del _held[path]


def _busy(path: Path) -> TransientError:
    try:
        holder = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        holder = {}
    return TransientError(
        "another run is working in this home folder",
        where={"folder": path.parent},
        found=f"process {holder.get('pid', 'unknown')}, since {holder.get('since', 'unknown')}",
        expected="one run at a time",
        fix="wait until it ends, or stop that process; a lock of a killed run frees itself",
    )
