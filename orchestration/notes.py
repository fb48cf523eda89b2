"""What a run did, collected for whoever started it in this process: outcomes, progress and where the time
went.

Dagster keeps the events; this keeps the objects (reports, publication) that the command line prints. One
object a run.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ingest.run import IngestReport
    from orchestration.changes import Changes
    from orchestration.publish.publisher import Publication
    from orchestration.quality.results import GateReport


@dataclass(frozen=True)
class Progress:
    """One line of progress: the stage, what is being done, and how far (`total` 0: unknown)."""

    stage: str
    text: str
    done: int = 0
    total: int = 0


@dataclass
class RunNotes:
    """Outcomes of one run.

    Attributes:
        on_progress: called at every step.
        ingested: one report per group of sources.
        gates: reports in the order they were made.
        changes: what dbt was asked to rebuild.
        publication: what readers see now, when the run came that far.
        statements: pages written.
        seconds: work done per stage; what is missing to the whole run is overhead.
        fixed: parts of the overhead that are known by name, in seconds.
        error: the first exception a stage ended with.
    """

    on_progress: Callable[[Progress], None] = lambda progress: None
    ingested: list[IngestReport] = field(default_factory=list)
    gates: list[GateReport] = field(default_factory=list)
    changes: Changes | None = None
    publication: Publication | None = None
    statements: list[Path] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    fixed: dict[str, float] = field(default_factory=dict)
    error: Exception | None = None

    def tell(self, stage: str, text: str, *, done: int = 0, total: int = 0) -> None:
        """Say what is being done."""
        self.on_progress(Progress(stage, text, done, total))

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Count the block's wall seconds as work of the stage, and note the exception it ends with."""
        started = time.monotonic()
        try:
            yield
        except Exception as error:
            self.error = self.error or error
            raise
        finally:
            self.seconds[stage] = self.seconds.get(stage, 0.0) + time.monotonic() - started

    def not_work(self, stage: str, cause: str, seconds: float) -> None:
        """Count some seconds of a stage as fixed overhead instead."""
        self.seconds[stage] = self.seconds.get(stage, 0.0) - seconds
        self.fixed[cause] = self.fixed.get(cause, 0.0) + seconds

    def failed_sources(self) -> list[Any]:
        """Sources and deliveries that could not be reached or are configured wrongly."""
        return [failure for report in self.ingested for failure in report.failed]

    def quarantined(self) -> list[Any]:
        """Deliveries that were refused."""
        return [entry for report in self.ingested for entry in report.quarantined]
