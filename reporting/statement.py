"""Write a month's statements, of the company and of each team, from the published marts.

The one entry point of the package for the CLI and the orchestration. Always written: the company's page, PDF,
workbook and CSV files, and a page with CSV files per team. A full set adds each team's PDF and workbook and the
FOCUS slices; a month once written in full stays so. Equal snapshots give equal bytes: everything shows when its
snapshot was published, never when it was made.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from reporting.documents import Document, company_document, cover_rows, team_document
from reporting.fact_tables import FactTable, fact_tables
from reporting.ledger import BASES
from reporting.marts import open_marts
from reporting.month import MonthStatement, read_month
from reporting.page import statement_page, team_page
from reporting.posting_tables import posting_tables
from reporting.queries import billing_periods
from reporting.snapshot import open_snapshot
from reporting.statement_files import (
    StatementRecord,
    folder_name,
    hash_of,
    read_record,
    write_files,
    write_record,
)
from reporting.tariff import SHOWBACK
from reporting.views import team_names
from reporting.workbook import workbook_bytes

logger = logging.getLogger(__name__)

TEAMS_FOLDER, FOCUS_NAME = "teams", "focus_1.2_allocated"


@dataclass(frozen=True)
class StatementOptions:
    """How to write.

    Attributes:
        chargeback_mode: showback (actual cost) or tariff.
        month_state: state of the month's books (open, soft-closed, closed); None takes the snapshot's.
        is_full: also each team's PDF and workbook, and the FOCUS slices.
    """

    chargeback_mode: str = SHOWBACK
    month_state: str | None = None
    is_full: bool = False


@dataclass(frozen=True)
class StatementPaths:
    """Where the parts of a statement were written; `teams` are the teams' folders by id."""

    folder: Path
    html: Path
    pdf: Path
    xlsx: Path
    teams_csv: Path
    lines_csv: Path
    tie_out_csv: Path
    unit_costs_csv: Path
    gpu_waste_csv: Path
    journal_csv: Path
    teams: dict[str, Path]


def write_statement(
    published_dir: Path, billing_period: str, out_dir: Path, options: StatementOptions | None = None
) -> StatementPaths:
    """Write one month's statements into `<out_dir>/<billing_period>/`, replacing older ones file by file.

    Args:
        published_dir: the folder with the `current` snapshot (or a snapshot's own folder); only read.
        billing_period: the month, `YYYY-MM`.
        out_dir: the statements folder; created when missing.
        options: mode, state of the books, and how much to write.

    Raises:
        StatementError: nothing is published, the month is not, or the marts contradict each other.
    """
    chosen = options or StatementOptions()
    snapshot = open_snapshot(published_dir)
    if chosen.month_state is not None:
        states = {**dict(snapshot.month_states), billing_period: chosen.month_state}
        snapshot = replace(snapshot, month_states=tuple(sorted(states.items())))
    with open_marts(snapshot.marts_file) as marts:
        month = read_month(
            marts, snapshot=snapshot, billing_period=billing_period, chargeback_mode=chosen.chargeback_mode
        )
    folder = out_dir / billing_period
    before = read_record(folder)
    is_full = chosen.is_full or bool(before and before.is_full)
    teams = {team: folder_name(team) for team in month.team_ids}
    files = write_files(folder, dict(_contents(month, teams, is_full=is_full)))
    if is_full:
        files |= _focus_slices(month, folder, teams)
    write_record(folder, _record(month, chosen.chargeback_mode, is_full=is_full, files=files))
    logger.info("statement %s of snapshot %s written to %s", billing_period, snapshot.snapshot_id, folder)
    return _paths(folder, {team: folder / TEAMS_FOLDER / name for team, name in teams.items()})


def published_periods(published_dir: Path) -> tuple[str, ...]:
    """Months a statement can be written for, oldest first.

    Raises:
        StatementError: nothing is published.
    """
    with open_marts(open_snapshot(published_dir).marts_file) as marts:
        return billing_periods(marts)


def _paths(folder: Path, teams: dict[str, Path]) -> StatementPaths:
    return StatementPaths(
        folder=folder,
        html=folder / "statement.html",
        pdf=folder / "statement.pdf",
        xlsx=folder / "statement.xlsx",
        teams_csv=folder / "statement_teams.csv",
        lines_csv=folder / "statement_lines.csv",
        tie_out_csv=folder / "tie_out.csv",
        unit_costs_csv=folder / "unit_costs.csv",
        gpu_waste_csv=folder / "gpu_waste.csv",
        journal_csv=folder / "journal.csv",
        teams=teams,
    )


def _contents(month: MonthStatement, teams: dict[str, str], *, is_full: bool) -> Iterator[tuple[str, str | bytes]]:
    """Every file but the FOCUS slices: path inside the folder and content."""
    names = team_names(month)
    document, tables = company_document(month, names), _tables(month, None)
    yield "statement.html", statement_page(month)
    yield from _office_files("", document, tables)
    yield from ((f"{table.name}.csv", table.csv) for table in tables)
    for team, name in teams.items():
        prefix = f"{TEAMS_FOLDER}/{name}/"
        document, tables = team_document(month, team, names), _tables(month, team)
        yield f"{prefix}statement.html", team_page(document)
        yield from ((f"{prefix}{table.name}.csv", table.csv) for table in tables)
        if is_full:
            yield from _office_files(prefix, document, tables)


def _office_files(prefix: str, document: Document, tables: Sequence[FactTable]) -> Iterator[tuple[str, bytes]]:
    """PDF and workbook; the library of the first is imported only here."""
    from reporting.pdf_document import pdf_bytes

    yield f"{prefix}statement.pdf", pdf_bytes(document)
    title = f"AI inference cost statement, {document.title}"
    created_at = document.month.snapshot.created_at
    rows = cover_rows(document)
    yield f"{prefix}statement.xlsx", workbook_bytes(title=title, created_at=created_at, cover=rows, tables=tables)


def _tables(month: MonthStatement, team_id: str | None) -> tuple[FactTable, ...]:
    return (*fact_tables(month, team_id), *posting_tables(month, team_id))


def _focus_slices(month: MonthStatement, folder: Path, teams: dict[str, str]) -> dict[str, str]:
    """The month's allocated rows as FOCUS 1.2, of the company and of each team."""
    from reporting.focus_export import write_focus

    marts, period = month.snapshot.marts_file, month.billing_period
    written = list(write_focus(marts, folder, rows="allocated", period=period, name=FOCUS_NAME))
    for team, name in teams.items():
        place = folder / TEAMS_FOLDER / name
        written += write_focus(marts, place, rows="allocated", period=period, team_id=team, name=FOCUS_NAME)
    return {file.path.relative_to(folder).as_posix(): hash_of(file.path) for file in written}


def _record(month: MonthStatement, mode: str, *, is_full: bool, files: dict[str, str]) -> StatementRecord:
    return StatementRecord(
        billing_period=month.billing_period,
        status=month.status.word,
        reasons=month.status.reasons,
        chargeback_mode=mode,
        is_full=is_full,
        snapshot_id=month.snapshot.snapshot_id,
        content_hash=month.snapshot.content_hash,
        totals={
            block.currency: {basis: f"{block.ledger.tables[basis].total:f}" for basis in BASES} for block in month.blocks
        },
        files=files,
    )
