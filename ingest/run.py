"""One ingest: every source, every partition that changed. A broken delivery never stops the others."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from tenacity import RetryCallState as RetryState
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter

from ingest.errors import ConfigError, DeliveryError, TcoError, TransientError
from ingest.lake import Delivery, Lake, LoadResult
from ingest.landed_files import reported_faults
from ingest.quarantine import QuarantineEntry
from ingest.settings import Settings
from ingest.source_config import SourceConfig
from ingest.sources.registry import build_source

log = logging.getLogger(__name__)

ATTEMPTS = 4
FIRST_WAIT_SECONDS = 1.0
LONGEST_WAIT_SECONDS = 30.0

Stage = Literal["source", "landing", "committed", "unchanged", "quarantined", "retrying", "failed"]


@dataclass(frozen=True, kw_only=True)
class ProgressEvent:
    """What the ingest is doing; ``number`` counts the deliveries of the source from 1."""

    stage: Stage
    source: str
    dataset: str = ""
    partition: str = ""
    number: int = 0
    message: str = ""


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A source or a delivery that could not be reached or is configured wrongly; nothing was changed."""

    source: str
    dataset: str
    partition: str
    error: TcoError


@dataclass(frozen=True, kw_only=True)
class IngestReport:
    """Everything one ingest did, in order."""

    committed: tuple[LoadResult, ...]
    unchanged: tuple[LoadResult, ...]
    quarantined: tuple[QuarantineEntry, ...]
    failed: tuple[Failure, ...]

    @property
    def is_clean(self) -> bool:
        """True when nothing was refused and nothing failed."""
        return not self.quarantined and not self.failed


OnProgress = Callable[[ProgressEvent], None]


def ingest(
    settings: Settings, *, sources: Sequence[str] | None = None, on_progress: OnProgress | None = None
) -> IngestReport:
    """Load what changed at the sources into the lake and rewrite its index.

    Args:
        settings: what to load and where the lake is.
        sources: names of the sources to load; None means all.
        on_progress: called at every step.

    Raises:
        ConfigError: a name in ``sources`` is not configured. Faults of single sources are in the report.
    """
    chosen = _chosen(settings, sources)
    lake = Lake(settings.lake_dir)
    lake.recover()
    run = _Run(lake, on_progress or (lambda event: None))
    for config in chosen:
        run.load_source(config, settings)
    lake.write_index()
    return run.report()


def _chosen(settings: Settings, names: Sequence[str] | None) -> list[SourceConfig]:
    known = {config.name: config for config in settings.sources}
    unknown = sorted(set(names or ()) - set(known))
    if unknown:
        raise ConfigError(
            "unknown source",
            found=", ".join(unknown),
            expected=f"one of {', '.join(known) or '(no source is configured)'}",
            fix="use a name of a [[sources]] entry in tco.toml",
        )
    return [config for name, config in known.items() if names is None or name in names]


class _Run:
    """Collects the outcome of one ingest."""

    def __init__(self, lake: Lake, on_progress: OnProgress) -> None:
        self.lake, self.on_progress = lake, on_progress
        self.results: list[LoadResult] = []
        self.quarantined: list[QuarantineEntry] = []
        self.failed: list[Failure] = []

    def report(self) -> IngestReport:
        """What was done so far."""
        by_status = {
            status: tuple(result for result in self.results if result.status == status)
            for status in ("committed", "unchanged")
        }
        return IngestReport(quarantined=tuple(self.quarantined), failed=tuple(self.failed), **by_status)

    def load_source(self, config: SourceConfig, settings: Settings) -> None:
        """Load every delivery of one source; faults are collected."""
        self.on_progress(
            ProgressEvent(stage="source", source=config.name, message=f"{config.type} at {config.location}")
        )
        try:
            with reported_faults((config.name, "", "")):
                for number, delivery in enumerate(self._discover(config, settings), 1):
                    self._load(delivery, number)
            self._settle(config)
        except TcoError as error:
            self._fail(error, config.name)

    def _settle(self, config: SourceConfig) -> None:
        """A folder or bucket was seen whole, so what is not broken any more is settled; an API shows a window only."""
        is_whole = not config.location.startswith(("http://", "https://"))
        if is_whole and not any(failure.source == config.name for failure in self.failed):
            broken = [entry for entry in self.quarantined if entry.source == config.name]
            self.lake.settle_quarantine(config.name, broken)

    def _discover(self, config: SourceConfig, settings: Settings) -> Iterator[Delivery]:
        """Deliveries of a source; a discovery that fails on the way starts again, skipping what it gave."""
        given: set[tuple[str, str, str]] = set()
        for attempt in self._retrying(config.name):
            with attempt:
                for delivery in build_source(config, settings).discover():
                    if delivery.key not in given:
                        given.add(delivery.key)
                        yield delivery

    def _load(self, delivery: Delivery, number: int) -> None:
        source, dataset, partition = delivery.key

        def tell(stage: Stage, message: str = "") -> None:
            """Report a step of this delivery."""
            self.on_progress(
                ProgressEvent(
                    stage=stage,
                    source=source,
                    dataset=dataset,
                    partition=partition,
                    number=number,
                    message=message,
                )
            )

        tell("landing")
        try:
            result = self._retrying(source)(self.lake.commit, delivery)
        except DeliveryError as error:
            self.quarantined.append(self.lake.quarantine(delivery, error))
            log.warning("quarantined %s %s %s: %s", source, dataset, partition, error)
            tell("quarantined", str(error))
        except TcoError as error:
            self._fail(error, source, dataset, partition)
        else:
            self.results.append(result)
            log.info("%s %s %s", source, dataset, result.message)
            tell(result.status, result.message)

    def _fail(self, error: TcoError, source: str, dataset: str = "", partition: str = "") -> None:
        self.failed.append(Failure(source=source, dataset=dataset, partition=partition, error=error))
        log.error("failed %s %s %s: %s", source, dataset, partition, error)
        event = ProgressEvent(
            stage="failed", source=source, dataset=dataset, partition=partition, message=str(error)
        )
        self.on_progress(event)

    def _retrying(self, source: str) -> Retrying:
        def tell(state: RetryState) -> None:
            error = state.outcome.exception() if state.outcome else None
            log.warning("retrying %s: %s", source, error)
            self.on_progress(ProgressEvent(stage="retrying", source=source, message=str(error)))

        return Retrying(
            retry=retry_if_exception_type(TransientError),
            stop=stop_after_attempt(ATTEMPTS),
            wait=wait_exponential_jitter(initial=FIRST_WAIT_SECONDS, max=LONGEST_WAIT_SECONDS),
            before_sleep=tell,
            reraise=True,
        )
