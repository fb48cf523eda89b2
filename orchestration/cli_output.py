"""How the command line speaks: results on standard output, progress and errors on standard error, exit codes.

Exit codes: 0 done; 1 a gate failed, the published marts are yesterday's; 2 the configuration is wrong; 3
published, but some deliveries are in quarantine; 4 published with what answered, but a source could not be
reached (alone `tco check` and `tco ingest`: a source could not be reached); 5 the run could not finish.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from orchestration.notes import Progress

PIPED_WIDTH = 150

out = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else PIPED_WIDTH)
err = Console(stderr=True, highlight=False, soft_wrap=True)


class Exit(IntEnum):
    """Exit codes of `tco`."""

    DONE = 0
    GATE_FAILED = 1
    CONFIGURATION = 2
    QUARANTINED = 3
    UNREACHABLE = 4
    UNFINISHED = 5


def say_error(error: Exception) -> None:
    """Print an error the way it describes itself."""
    first, *rest = (str(error) or type(error).__name__).splitlines()
    err.print(f"[bold red]error:[/] {escape(first)}")
    for line in rest:
        err.print(escape(line))


class Reporter:
    """Shows progress: bars on a terminal, otherwise one line per stage."""

    def __init__(self, bars: Bars | None) -> None:
        self._bars, self._task, self._stage = bars, None, ""

    def __call__(self, progress: Progress) -> None:
        """Show one step."""
        if self._bars is None:
            if progress.stage != self._stage:
                err.print(f"{progress.stage}: {escape(progress.text)}")
            self._stage = progress.stage
            return
        if progress.stage != self._stage:
            if self._task is not None:
                self._bars.remove_task(self._task)
            self._task = self._bars.add_task(progress.stage, total=None, text="")
            self._stage = progress.stage
        if self._task is not None:
            self._bars.update(
                self._task,
                completed=progress.done,
                total=progress.total or None,
                text=escape(progress.text[:70]),
            )


@contextmanager
def reporting() -> Iterator[Reporter]:
    """A reporter for the block; its bars disappear at the end."""
    if not err.is_terminal:
        yield Reporter(None)
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description:>10}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("[dim]{task.fields[text]}"),
    )
    with Bars(*columns, console=err, transient=True) as bars:
        yield Reporter(bars)
