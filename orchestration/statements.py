"""Statements of a home: which months need new ones, written or restored from their close.

Belongs here: what the settings and the closes mean for a statement. What stands in it is the reporting
package, which is costly to import and therefore imported only when something is written.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path

from ingest.settings import Settings
from orchestration.close.month_close import restore_statement
from orchestration.close.months import closes_of, frozen_events, month_state
from orchestration.publish.snapshot import current_record
from reporting.affected import affected_periods
from reporting.errors import StatementError
from reporting.statement_files import read_record
from reporting.status import FINAL

PAGE = "statement.html"


def update_statements(
    settings: Settings, *, changed: Collection[str], on_write: Callable[[str], None] = lambda period: None
) -> list[Path]:
    """Write the statements that a change reaches, those that are missing and those made with other settings.

    Args:
        settings: the company.
        changed: months whose marts changed.
        on_write: told each month before it is written.

    Returns:
        The pages of all published months, oldest first; a closed month's is the closed one.
    """
    record = current_record(settings.published_dir)
    published = sorted(record.totals) if record else []
    frozen = frozen_events(closes_of(settings).events())
    reached = set(affected_periods(changed, published))
    pages = []
    for period in published:
        page = settings.statements_dir / period / PAGE
        if period in frozen:
            page = restore_statement(settings, frozen[period])
        elif period in reached or not _fits(settings, page):
            on_write(period)
            page = write_period(settings, period)
        pages.append(page)
    return pages


def write_period(settings: Settings, period: str, *, out: Path | None = None, is_full: bool = False) -> Path:
    """Write one month's statements, or restore the closed ones; the company's page.

    Args:
        settings: the company.
        period: the month, 'YYYY-MM'.
        out: another folder than the home's: written anew, with the state of the books on it.
        is_full: also every team's PDF and workbook and the FOCUS slices.

    Raises:
        StatementError: the month is not published, or its marts contradict each other.
    """
    from reporting.statement import StatementOptions, write_statement

    events = closes_of(settings).events()
    frozen = frozen_events(events)
    if out is None and period in frozen:
        return restore_statement(settings, frozen[period])
    options = StatementOptions(settings.chargeback_mode, month_state(events, period), is_full)
    return write_statement(settings.published_dir, period, out or settings.statements_dir, options).html


def newest_period(settings: Settings) -> str:
    """The newest published month.

    Raises:
        StatementError: nothing is published, or no month has a cost.
    """
    from reporting.statement import published_periods

    published = published_periods(settings.published_dir)
    if not published:
        raise StatementError(
            "no month is published",
            where={"folder": settings.published_dir},
            found="marts without any cost",
            expected="at least one billing period with charges",
            fix="load exports and run `tco run`; `tco status` shows what is loaded",
        )
    return published[-1]


def _fits(settings: Settings, page: Path) -> bool:
    """Whether a written statement still is what the settings ask for; a reopened month's is final no more."""
    record = read_record(page.parent)
    return (
        page.is_file()
        and record is not None
        and record.chargeback_mode == settings.chargeback_mode
        and record.status != FINAL
    )
