"""Great Expectations in a process of its own, so that its import runs beside the start of Dagster and the loading.

`python -m orchestration.quality.gx_worker` imports the library, then answers one JSON line per request on standard
output until standard input closes; it dies with its parent. A worker that does not answer is given up, and the check
is made in the calling process: the worker only ever saves time.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from decimal import Decimal
from typing import IO, Any

from orchestration.child_process import PARENT, die_with_parent
from orchestration.quality.gx_suite import Column, Outcome, evaluate, load_library


class GxWorker:
    """A running worker process."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "orchestration.quality.gx_worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, PARENT: str(os.getpid()), "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )

    def evaluate(self, columns: Sequence[Column]) -> list[Outcome] | None:
        """The outcomes, or None when the worker is gone."""
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            return None
        try:
            stdin.write(json.dumps([_column_json(column) for column in columns]) + "\n")
            stdin.flush()
            answer = stdout.readline()
        except OSError:
            return None
        return [Outcome(**item | {"positions": tuple(item["positions"])}) for item in json.loads(answer)] if answer else None

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()


_current: list[GxWorker] = []


@contextmanager
def warm_worker() -> Iterator[None]:
    """Start a worker that `current_worker` hands out during the block."""
    worker = GxWorker()
    _current.append(worker)
    try:
        yield
    finally:
        _current.remove(worker)
        worker.close()


def current_worker() -> GxWorker | None:
    """The worker of the run, when one was started."""
    return _current[-1] if _current else None


def _column_json(column: Column) -> dict[str, Any]:
    values = [value if value is None or isinstance(value, int) else str(value) for value in column.values]
    return {"name": column.name, "severity": column.severity, "values": values}


def _column(document: dict[str, Any]) -> Column:
    values = tuple(Decimal(value) if isinstance(value, str) else value for value in document["values"])
    return Column(document["name"], document["severity"], values)


def serve(requests: IO[str], answers: IO[str]) -> None:
    """Answer requests until there are no more."""
    load_library()
    for line in requests:
        outcomes = evaluate([_column(item) for item in json.loads(line)])
        answers.write(json.dumps([asdict(outcome) for outcome in outcomes]) + "\n")
        answers.flush()


def main() -> None:
    """Serve standard input; whatever the library prints goes to standard error."""
    die_with_parent()
    answers, sys.stdout = sys.stdout, sys.stderr
    serve(sys.stdin, answers)


if __name__ == "__main__":
    main()
