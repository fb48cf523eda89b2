"""`tco verify`: is everything that was closed still what it was, byte for byte?

Walks both chains (closes, disputes): every manifest and link, every file's size and SHA-256, missing and
added files, gaps in the sequence; then the published snapshot, which must hold exactly the closed files and
rows. Reads only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from ingest.settings import Settings
from ingest.sql_casts import quoted
from orchestration.close.chain import HEAD, MANIFEST, Chain, Event, Problem
from orchestration.close.disputes import disputes_of
from orchestration.close.months import closes_of, frozen_months
from orchestration.duck import DuckLimits, connection
from orchestration.durable import sha256_of
from orchestration.publish.content import Column, mart_columns, period_contents
from orchestration.publish.frozen import FrozenMonth, common_columns, frozen_rows
from orchestration.publish.snapshot import MARTS_FILE, SnapshotRecord, current_folder, read_record

CATALOG = "published"


@dataclass(frozen=True)
class Verification:
    """What was looked at and what differs; `files` counts the files whose bytes were read."""

    closes: tuple[Event, ...]
    disputes: tuple[Event, ...]
    files: int
    problems: tuple[Problem, ...]

    @property
    def is_sound(self) -> bool:
        """Nothing differs."""
        return not self.problems


def verify(settings: Settings, *, head: str = "") -> Verification:
    """Check every closed byte of a home.

    Args:
        settings: the company.
        head: hash (or its beginning) that some event of the chain of closes must have, noted elsewhere
            after that close: proves that no event was taken from the end together with head.json.
    """
    problems: list[Problem] = []
    chains: list[list[Event]] = []
    files = 0
    for chain in (closes_of(settings), disputes_of(settings)):
        events, found = chain.walk()
        chains.append(events)
        problems += found + _extra_in_root(chain, events)
        for event in events:
            problems += _differing_files(event)
            files += len(event.manifest.files)
    closes, disputes = chains
    if head and not any(event.hash.startswith(head.lower()) for event in closes):
        problems.append(Problem(closes_of(settings).root, f"no event has the expected hash {head}"))
    if not problems:
        problems += published_problems(settings, closes)
    return Verification(tuple(closes), tuple(disputes), files, tuple(problems))


def published_problems(settings: Settings, closes: Sequence[Event]) -> list[Problem]:
    """Closed months of the published snapshot that are not what their close holds."""
    folder = current_folder(settings.published_dir)
    record = read_record(folder) if folder else None
    months = frozen_months(closes)
    if folder is None or record is None:
        return [Problem(settings.published_dir, "nothing is published, though months are closed")] if months else []
    problems = [problem for month in months.values() for problem in _published_files(folder, record, month)]
    known = {event.hash for event in closes}
    strangers = {p.closed_by for mart in record.marts.values() for p in mart.periods.values() if p.closed_by} - known
    problems += [Problem(folder / "snapshot.json", f"published a close {name} that the chain lost") for name in sorted(strangers)]
    with connection(DuckLimits(settings.threads, settings.memory_limit, None)) as con:
        con.execute(f"ATTACH '{str(folder / MARTS_FILE).replace(chr(39), chr(39) * 2)}' AS {CATALOG} (READ_ONLY)")
        tables = mart_columns(con, catalog=CATALOG, schema="main")
        for month in months.values():
            problems += _published_rows(con, folder / MARTS_FILE, tables, month)
    return problems


def _differing_files(event: Event) -> list[Problem]:
    problems = []
    listed = {file.path: file for file in event.manifest.files}
    present = {p.relative_to(event.folder).as_posix(): p for p in event.folder.rglob("*") if not p.is_dir()}
    for name, file in listed.items():
        path = event.folder / name
        if name not in present:
            problems.append(Problem(path, f"is missing; closed with {file.size} bytes, SHA-256 {file.sha256}"))
        elif path.stat().st_size != file.size:
            problems.append(Problem(path, f"has {path.stat().st_size} bytes, closed with {file.size}"))
        elif (found := sha256_of(path)) != file.sha256:
            problems.append(Problem(path, f"has SHA-256 {found}, closed with {file.sha256}"))
    added = sorted(present.keys() - listed.keys() - {MANIFEST})
    return problems + [Problem(present[name], "was added after the close") for name in added]


def _extra_in_root(chain: Chain, events: Sequence[Event]) -> list[Problem]:
    if not chain.root.is_dir():
        return []
    known = {HEAD, "index.json"}
    strangers = [p for p in sorted(chain.root.iterdir()) if p.is_file() and p.name not in known and not p.name.startswith(".")]
    missing = [] if not events or (chain.root / HEAD).is_file() else [chain.root / HEAD]
    found = [Problem(path, "does not belong to the chain") for path in strangers]
    return found + [Problem(path, "is missing") for path in missing if len(events) == 1]


def _published_files(folder: Path, record: SnapshotRecord, month: FrozenMonth) -> list[Problem]:
    problems = []
    for name, mart in month.marts.items():
        held = record.marts[name].periods.get(month.period) if name in record.marts else None
        if name not in record.marts:
            continue  # a mart that the models no longer have is kept by the close alone
        if held is None:
            problems.append(Problem(folder / "snapshot.json", f"{name} lacks the closed month {month.period}"))
            continue
        path = folder / held.parquet
        if not path.is_file():
            problems.append(Problem(path, f"is missing; {month.period} is closed"))
        elif (found := sha256_of(path)) != mart.sha256:
            problems.append(Problem(path, f"has SHA-256 {found}, {month.period} was closed with {mart.sha256}"))
    return problems


def _published_rows(
    con: duckdb.DuckDBPyConnection, file: Path, tables: dict[str, tuple[Column, ...]], month: FrozenMonth
) -> list[Problem]:
    problems = []
    for name, mart in month.marts.items():
        if name not in tables:
            continue
        columns = common_columns(con, path=mart.path, columns=tables[name])
        frozen = period_contents(con, table=f"({frozen_rows(mart.path, columns)})", columns=columns)
        table = f"{CATALOG}.main.{quoted(name)}"
        found = period_contents(con, table=table, columns=columns, periods=[month.period])
        if found != frozen:
            problems.append(Problem(file, f"the rows of {name} in {month.period} are not those that were closed"))
    return problems
