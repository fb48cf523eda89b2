"""What the commands do: load, run, check, refresh; each returns its exit code or what to print."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from rich.markup import escape

from ingest.errors import ConfigError, TcoError, TransientError
from ingest.lake import Lake
from ingest.settings import Settings
from orchestration.cli_output import Exit, out, say_error
from orchestration.cli_summary import (
    print_deliveries,
    print_gates,
    print_paths,
    print_summary,
    print_troubles,
)
from orchestration.home_lock import home_lock
from orchestration.notes import Progress
from orchestration.run import RunOutcome, run_daily
from orchestration.summary import read_summary

OnProgress = Callable[[Progress], None]


def load_sources(settings: Settings, sources: Sequence[str] | None, *, on_progress: OnProgress) -> Exit:
    """Load some sources (None: all) into the lake; prints what happened."""
    from ingest.run import ingest

    with home_lock(settings.home), _logging_to(settings.home / "logs" / "tco.log"):
        report = ingest(
            settings,
            sources=sources,
            on_progress=lambda event: on_progress(
                Progress("load", f"{event.source} {event.dataset} {event.partition} {event.stage}", event.number)
            ),
        )
    for result in report.committed:
        out.print(f"{result.manifest.source} {result.manifest.dataset} {escape(result.message)}")
    out.print(f"{len(report.committed)} loaded, {len(report.unchanged)} unchanged")
    print_troubles(report.quarantined, report.failed)
    return _code_of_deliveries(report.quarantined, [failure.error for failure in report.failed])


def run_and_print(settings: Settings, *, on_progress: OnProgress, started: float) -> Callable[[], Exit]:
    """Run the daily job; returns a function that prints the end and gives the exit code.

    What dbt and the libraries write to standard output goes to `<home>/logs`.
    """
    logs = settings.home / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    with (
        _logging_to(logs / "tco.log"),
        (logs / "dbt.log").open("w", encoding="utf-8") as dbt_log,
        contextlib.redirect_stdout(dbt_log),
    ):
        outcome = run_daily(settings, on_progress=on_progress, started=started)
    return lambda: _finish(settings, outcome)


def check_sources(settings: Settings) -> Exit:
    """Check the allocation rules, and ask every source whether it can be read as configured; prints what is found."""
    from ingest.sources.registry import build_source

    out.print(f"configuration {settings.config_file or 'defaults'}: sound, home {settings.home}")
    errors: list[TcoError] = _wrong_allocation(settings)
    for config in settings.sources:
        try:
            for line in build_source(config, settings).check():
                out.print(f"[green]ok[/] {config.name}: {escape(line)}")
        except TcoError as error:
            errors.append(error)
            out.print(f"[red]no[/] {config.name}: {escape(str(error))}")
    if not settings.sources:
        out.print("[yellow]no source is configured[/]: add [[sources]] entries to tco.toml", markup=True)
    return _code_of_errors(errors)


def write_and_print_statement(
    settings: Settings, period: str | None, *, out_folder: Path | None, is_full: bool
) -> None:
    """Write one month's statements (None: the newest published month) and print where they lie."""
    from orchestration.statements import newest_period, write_period
    from reporting.statement_files import read_record

    month = period or newest_period(settings)
    page = write_period(settings, month, out=out_folder, is_full=is_full)
    out.print(f"statement of {month}: {page}")
    record = read_record(page.parent)
    if record is not None:
        out.print(f"status        {record.status}, {len(record.files)} files in {page.parent}")
        for reason in record.reasons:
            out.print(f"  [yellow]said[/] {escape(reason)}")


def _wrong_allocation(settings: Settings) -> list[TcoError]:
    from orchestration.allocation.check import check_allocation

    findings = check_allocation(settings.seeds_dir)
    for finding in findings:
        out.print(f"[red]no[/] {escape(str(finding))}")
        out.print(f"   fix: {escape(finding.fix)}")
    if not findings:
        out.print(f"[green]ok[/] allocation rules, pools and members in {settings.seeds_dir / 'allocation'}")
        return []
    return [ConfigError(f"{len(findings)} findings about the allocation rules", mismatches=findings)]


def refresh_and_print(settings: Settings, parts: Collection[str]) -> list[str]:
    """Refresh price seeds; the lines to print."""
    from ingest.prices.refresh import refresh_prices

    changes = refresh_prices(settings.seeds_dir, what=parts)
    counts = (
        f"{changes.added} added, {changes.changed} changed, {changes.closed} closed, {changes.removed} "
        f"removed,"
        f" {changes.needs_review} to review"
    )
    files = ", ".join(changes.files) or "no file"
    return [*changes.lines, f"{counts}; {files} rewritten in {settings.seeds_dir}"]


def _finish(settings: Settings, outcome: RunOutcome) -> Exit:
    notes = outcome.notes
    if outcome.is_complete and notes.publication is not None:
        summary = read_summary(notes.publication.folder / "marts.duckdb")
        if summary is not None:
            print_summary(summary)
    print_deliveries(outcome)
    print_gates(notes.gates)
    if outcome.is_complete:
        print_paths(outcome, published=settings.published_dir)
        return _code_of_deliveries(notes.quarantined(), [failure.error for failure in notes.failed_sources()])
    return _say_unfinished(settings, outcome)


def _say_unfinished(settings: Settings, outcome: RunOutcome) -> Exit:
    notes = outcome.notes
    blocked = [report for report in notes.gates if not report.is_passed]
    if blocked:
        out.print(
            f"[bold red]a gate failed[/]: {blocked[-1].border}; the published marts stay as they were"
            f" ({settings.published_dir / 'current'})"
        )
        return Exit.GATE_FAILED
    if isinstance(notes.error, TcoError):
        say_error(notes.error)
        return _code_of_errors([notes.error])
    say_error(notes.error or RuntimeError(outcome.found or "the run stopped"))
    out.print(f"more in {settings.home / 'logs'}; the published marts stay as they were")
    return Exit.UNFINISHED


def _code_of_deliveries(quarantined: Collection, errors: Collection[TcoError]) -> Exit:
    code = _code_of_errors(errors)
    return code if code is not Exit.DONE or not quarantined else Exit.QUARANTINED


def _code_of_errors(errors: Collection[TcoError]) -> Exit:
    if any(isinstance(error, ConfigError) for error in errors):
        return Exit.CONFIGURATION
    if any(isinstance(error, TransientError) for error in errors):
        return Exit.UNREACHABLE
    return Exit.UNFINISHED if errors else Exit.DONE


@contextlib.contextmanager
def _logging_to(path: Path):
    path.parent.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    names = ("ingest", "orchestration", "reporting")
    for name in names:
        logging.getLogger(name).addHandler(handler)
        logging.getLogger(name).setLevel(logging.INFO)
    try:
        yield
    finally:
        for name in names:
            logging.getLogger(name).removeHandler(handler)
        handler.close()


def open_quarantine(settings: Settings) -> int:
    """Number of deliveries in quarantine."""
    return len(Lake(settings.lake_dir).quarantine_entries.entries())
