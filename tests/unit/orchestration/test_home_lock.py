"""One process works in a home; the lock is freed by the end of its holder, however it ends."""

from __future__ import annotations

import multiprocessing
import os
import signal
from pathlib import Path

import pytest

from ingest.errors import TransientError
from orchestration.home_lock import home_lock


def _hold(home: str, ready, stop) -> None:
    with home_lock(Path(home)):
        ready.set()
        stop.wait(30)


def test_a_second_process_is_told_who_works(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    ready, stop = context.Event(), context.Event()
    holder = context.Process(target=_hold, args=(str(tmp_path), ready, stop))
    holder.start()
    assert ready.wait(30)
    with pytest.raises(TransientError, match=f"process {holder.pid}, since"), home_lock(tmp_path):
        pass
    os.kill(holder.pid or 0, signal.SIGKILL)
    holder.join(30)
    with home_lock(tmp_path, wait_seconds=5):
        pass


def test_the_holder_may_take_it_again(tmp_path: Path) -> None:
    with home_lock(tmp_path), home_lock(tmp_path):
        pass
    with home_lock(tmp_path):
        pass
