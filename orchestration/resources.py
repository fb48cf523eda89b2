"""Dagster resources: the company whose home a run works on, held exclusively, and the notes of the run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

import dagster as dg

from ingest.settings import Settings, load_settings
from orchestration.dagster_home import free_pool
from orchestration.home_lock import home_lock
from orchestration.notes import RunNotes


class Configuration(dg.ConfigurableResource):
    """The settings of one company, to look at; nothing is held.

    Attributes:
        config_file: path of tco.toml; empty means TCO_CONFIG, else tco.toml in the working folder.
    """

    config_file: str = ""

    @cached_property
    def settings(self) -> Settings:
        """The settings, read once."""
        return load_settings(Path(self.config_file) if self.config_file else None)


class Company(Configuration):
    """The company a run works for; while it does, no other process works in its home.

    Attributes:
        wait_seconds: how long a run waits for another one to leave the home.
        waits_for_sources: whether a step is retried later when a source does not answer; otherwise the run
            goes on with what the others delivered.
    """

    wait_seconds: int = 600
    waits_for_sources: bool = True

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator[Company]:
        """Hold the home for the run."""
        with home_lock(self.settings.home, wait_seconds=self.wait_seconds):
            if context.instance is not None:
                free_pool(context.instance)
            yield self


@dg.resource(description="Outcomes and progress of the run, for the process that started it.")
def run_notes(context: dg.InitResourceContext) -> RunNotes:
    """Fresh notes for a run that nobody in this process waits for: progress goes to the run's log."""
    log = context.log
    last = {"stage": ""}

    def tell(progress: object) -> None:
        stage = getattr(progress, "stage", "")
        if log is not None and stage != last["stage"]:
            last["stage"] = stage
            log.info("%s: %s", stage, getattr(progress, "text", ""))

    return RunNotes(on_progress=tell)
