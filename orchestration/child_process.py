"""Processes the run starts die with it, however it ends: a killed run leaves nothing behind that holds a file."""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PARENT = "TCO_PARENT_PID"
_PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """Ask the kernel (Linux only) to kill this process when its parent dies.

    The parent names itself in the environment variable PARENT, so that one that died before this call is noticed.
    """
    if not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    expected = os.environ.get(PARENT)
    if expected and os.getppid() != int(expected):
        sys.exit("the process that started this one is gone")
