"""What `tco export focus` does: write the files, say what they hold and what the providers left out."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Literal

from ingest.duckdb_session import EngineLimits
from ingest.settings import Settings
from orchestration.cli_output import out
from reporting.focus_export import FocusFile, Rows, export_focus

Choice = Literal["charges", "allocated", "both"]


def export_and_print(
    settings: Settings, *, folder: Path | None, periods: Collection[str], rows: Choice, is_ascii: bool
) -> list[FocusFile]:
    """Export published months as FOCUS 1.2 files, below `<home>/exports/focus` unless told otherwise.

    Raises:
        FocusError: a month is not published, or a file would break a rule.
        StatementError: nothing is published.
    """
    kinds: tuple[Rows, ...] = ("charges", "allocated") if rows == "both" else (rows,)
    files = export_focus(
        settings.published_dir,
        folder or settings.home / "exports" / "focus",
        periods=periods,
        kinds=kinds,
        is_ascii=is_ascii,
        limits=EngineLimits(memory_limit=settings.memory_limit, threads=settings.threads),
    )
    for file in files:
        out.print(f"{file.path}: {file.row_count:,} rows, every check passed", markup=False)
    of_one_kind = [file for file in files if file.rows == kinds[0]]
    no_quantity = sum(file.without_quantity for file in of_one_kind)
    no_price = sum(file.without_list_price for file in of_one_kind)
    if no_quantity or no_price:
        out.print(
            f"left empty because no delivery states it: quantity on {no_quantity:,} rows, list price on {no_price:,} rows",
            markup=False,
        )
    return files
