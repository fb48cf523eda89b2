"""FOCUS 1.2 files of published charges and of allocated costs.

`write_focus` writes a month's charges, a month's ledger (split cost allocation; the columns that FOCUS 1.3 has for it
as `x_Allocated...`), or one team's slice of the ledger. The rows go from the marts to Parquet in SQL. Files are checked
before they get their names: if one breaks a rule of FOCUS, or they do not carry the totals of the marts, none is left.

What an invoice names and what is not invoiced yet are two files, `..._invoiced` and `..._open`: FOCUS leaves InvoiceId
empty on the second, and its validator wants a column that is all filled or all empty. Together they are the month.

A text is exported as it is. FOCUS allows any UTF-8; its validator wants ASCII: `is_ascii` transliterates.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from duckdb import DuckDBPyConnection

from ingest.duckdb_session import EngineLimits, connect
from reporting.errors import FocusError
from reporting.focus_checks import check_files
from reporting.focus_columns import ALLOCATION_COLUMNS, CHARGE_COLUMNS, FOCUS_COLUMNS, OWN_COLUMNS, select_list
from reporting.focus_lines import lines_of_charges, lines_of_ledger
from reporting.focus_rows import attach, prepare
from reporting.focus_totals import check_totals
from reporting.snapshot import open_snapshot

Rows = Literal["charges", "allocated"]
MARTS: dict[Rows, str] = {"charges": "fct_charges", "allocated": "fct_cost_allocations"}
STATES = {"invoiced": "InvoiceId is not null", "open": "InvoiceId is null"}


@dataclass(frozen=True, kw_only=True)
class FocusFile:
    """A written file: where, of which rows and month, how many rows, and how many sold rows lack a quantity or price."""

    path: Path
    rows: Rows
    period: str
    row_count: int
    without_quantity: int
    without_list_price: int


def export_focus(
    published_dir: Path,
    folder: Path,
    *,
    periods: Collection[str] = (),
    kinds: Collection[Rows] = ("charges", "allocated"),
    is_ascii: bool = False,
    limits: EngineLimits | None = None,
) -> list[FocusFile]:
    """Write the files of each month and kind of rows: `focus_1.2_<kind>_<YYYY-MM>_<invoiced|open>.parquet`.

    Args:
        published_dir: the home's `published` folder.
        folder: where the files go; made if missing.
        periods: months 'YYYY-MM'; none means every published month.
        kinds: charges, allocated costs, or both.
        is_ascii: transliterate texts.
        limits: what DuckDB may take.

    Raises:
        StatementError: nothing is published.
        FocusError: a month is not published, or a file breaks a rule; files of months before it stay.
    """
    marts_file = open_snapshot(published_dir).marts_file
    published = published_months(marts_file)
    unknown = sorted(set(periods) - set(published))
    if unknown:
        raise FocusError(
            "a month is not published",
            where={"file": marts_file},
            found=", ".join(unknown),
            expected=f"some of {', '.join(published)}",
            fix="name a published month with --period, or publish it with `tco run`",
        )
    return [
        file
        for period in sorted(set(periods) or published)
        for kind in kinds
        for file in write_focus(marts_file, folder, rows=kind, period=period, is_ascii=is_ascii, limits=limits)
    ]


def published_months(marts_file: Path) -> list[str]:
    """The months with charges, oldest first."""
    with connect() as con:
        attach(con, marts_file)
        rows = con.execute("select distinct billing_period from marts.fct_charges order by 1").fetchall()
    return [row[0] for row in rows]


def write_focus(
    marts_file: Path,
    folder: Path,
    *,
    rows: Rows,
    period: str,
    team_id: str | None = None,
    name: str | None = None,
    is_ascii: bool = False,
    limits: EngineLimits | None = None,
) -> list[FocusFile]:
    """Write and check a month's files of one kind; files of an earlier export are replaced or removed.

    Args:
        marts_file: a published `marts.duckdb`.
        folder: where the files go; made if missing.
        rows: charges or allocated costs.
        period: month 'YYYY-MM'.
        team_id: only this team's part of the ledger (allocated costs only; may be 'unallocated').
        name: the files' common name; default `focus_1.2_<rows>_<period>`, a slice's with `_<team_id>`.
        is_ascii: transliterate texts.
        limits: what DuckDB may take.

    Returns:
        The files, the invoiced first; one of them, or both, may be missing when it would have no rows.

    Raises:
        FocusError: a file would break a rule; nothing is left behind.
        ValueError: a team's slice of charges was asked for; only the ledger has teams.
    """
    if team_id is not None and rows != "allocated":
        raise ValueError("only allocated costs belong to teams")
    stem = name or "_".join(part for part in ("focus_1.2", rows, period, team_id) if part)
    targets = {state: folder / f"{stem}_{state}.parquet" for state in STATES}
    drafts = {state: path.with_name(f".{path.name}.draft") for state, path in targets.items()}
    folder.mkdir(parents=True, exist_ok=True)
    bounds = limits or EngineLimits()
    try:
        with connect(memory_limit=bounds.memory_limit, threads=bounds.threads, scratch=folder) as con:
            prepare(con, marts_file, periods=[period])
            _draft(con, drafts, rows=rows, team_id=team_id, is_ascii=is_ascii)
            _check(con, drafts, folder / stem, mart=MARTS[rows], team_id=team_id)
            for state, draft in drafts.items():
                draft.replace(targets[state]) if draft.exists() else targets[state].unlink(missing_ok=True)
            return [_describe(con, path, rows=rows, period=period) for path in targets.values() if path.exists()]
    finally:
        for draft in drafts.values():
            draft.unlink(missing_ok=True)


def _draft(con: DuckDBPyConnection, drafts: dict[str, Path], *, rows: Rows, team_id: str | None, is_ascii: bool) -> None:
    columns = FOCUS_COLUMNS + OWN_COLUMNS + (ALLOCATION_COLUMNS if rows == "allocated" else CHARGE_COLUMNS)
    lines = lines_of_ledger(con) if rows == "allocated" else lines_of_charges()
    con.execute(f"create temp view lines as {lines}")
    con.execute("create temp table slice as select cast(? as varchar) as team_id", [team_id])
    of_team = " semi join slice using (team_id)" if team_id is not None else ""
    con.execute(f"create temp table focus_lines as select {select_list(columns, is_ascii=is_ascii)} from lines{of_team}")
    for state, condition in STATES.items():
        if con.execute(f"select 1 from focus_lines where {condition} limit 1").fetchall():
            con.execute(
                f"copy (select * from focus_lines where {condition} order by x_RowKey) to '{_quoted(drafts[state])}'"
                " (format parquet, compression zstd, kv_metadata {focus_version: '1.2', focus_dataset: 'CostAndUsage'})"
            )


def _check(con: DuckDBPyConnection, drafts: dict[str, Path], stem: Path, *, mart: str, team_id: str | None) -> None:
    paths = [path for path in drafts.values() if path.exists()]
    findings = check_files(con, paths, is_whole=team_id is None) if paths else []
    findings += check_totals(con, mart=mart, team_id=team_id) if paths else []
    if findings:
        raise FocusError(
            "the FOCUS export breaks a rule and was not written",
            where={"file": f"{stem}*.parquet"},
            found="\n    ".join(str(finding) for finding in findings),
            expected="no finding",
            fix="correct what the delivery states; a unit that is missing belongs into reporting/focus_units.py",
        )


def _describe(con: DuckDBPyConnection, path: Path, *, rows: Rows, period: str) -> FocusFile:
    sold = "ChargeCategory in ('Usage', 'Purchase') and ChargeClass is null"
    counts = con.execute(f"""
        select count(*), count(*) filter ({sold} and PricingQuantity is null),
            count(*) filter ({sold} and ListUnitPrice is null)
        from read_parquet('{_quoted(path)}')
    """).fetchall()[0]
    return FocusFile(
        path=path, rows=rows, period=period, row_count=counts[0], without_quantity=counts[1], without_list_price=counts[2]
    )


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
