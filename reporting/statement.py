"""Write a month's statement, an HTML page and CSV files, from the published marts.

The one entry point of the package for the CLI and the orchestration. Equal snapshots give equal bytes: the
page shows when its snapshot was published, never when the page was made.
"""

from __future__ import annotations

import logging
import os
from bisect import bisect_right
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from reporting.csv_files import statement_files
from reporting.marts import open_marts
from reporting.month import read_month
from reporting.page import statement_page
from reporting.queries import TREND_MONTHS, billing_periods
from reporting.snapshot import open_snapshot

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class StatementPaths:
    """Where the parts of a statement were written."""

    folder: Path
    html: Path
    teams_csv: Path
    lines_csv: Path
    tie_out_csv: Path
    unit_costs_csv: Path
    gpu_waste_csv: Path


def write_statement(published_dir: Path, billing_period: str, out_dir: Path) -> StatementPaths:
    """Write one month's statement into `<out_dir>/<billing_period>/`, replacing an older one file by file.

    Args:
        published_dir: the folder with the `current` snapshot (or a snapshot's own folder); only read.
        billing_period: the month, `YYYY-MM`.
        out_dir: the statements folder; created when missing.

    Raises:
        StatementError: nothing is published, the month is not, or the marts contradict each other.
    """
    snapshot = open_snapshot(published_dir)
    with open_marts(snapshot.marts_file) as marts:
        month = read_month(marts, snapshot=snapshot, billing_period=billing_period)
    contents = {"statement.html": statement_page(month), **statement_files(month)}
    folder = out_dir / billing_period
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in contents.items():
        _replace(folder / name, text)
    logger.info("statement %s of snapshot %s written to %s", billing_period, snapshot.snapshot_id, folder)
    return StatementPaths(
        folder=folder,
        html=folder / "statement.html",
        teams_csv=folder / "statement_teams.csv",
        lines_csv=folder / "statement_lines.csv",
        tie_out_csv=folder / "tie_out.csv",
        unit_costs_csv=folder / "unit_costs.csv",
        gpu_waste_csv=folder / "gpu_waste.csv",
    )


def published_periods(published_dir: Path) -> tuple[str, ...]:
    """Months a statement can be written for, oldest first.

    Raises:
        StatementError: nothing is published.
    """
    with open_marts(open_snapshot(published_dir).marts_file) as marts:
        return billing_periods(marts)


def affected_periods(changed: Collection[str], published: Sequence[str]) -> tuple[str, ...]:
    """Published months whose statements change with the `changed` ones: a page shows earlier months too.

    Args:
        changed: months whose marts changed; they may have vanished from the marts.
        published: all published months, oldest first.
    """
    return tuple(
        month
        for number, month in enumerate(published, 1)
        if any(
            before <= month and number - bisect_right(published, before) < TREND_MONTHS for before in changed
        )
    )


def _replace(path: Path, text: str) -> None:
    """Write a file in one step: readers see the old one or the new one."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.write_text(text, encoding="utf-8", newline="")
    temporary.replace(path)
