"""The allocation seeds as rows with their line in the file, read and typed before dbt sees them.

What belongs here: the schema of the files (columns, types, allowed words) and what is wrong with single cells. What rows mean
together is checked in rule_checks, overlaps and pool_checks. Findings are collected, never raised one by one.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from ingest.errors import Mismatch

FIELDS = (
    "tag", "label", "account", "sub_account", "project", "service", "resource", "api_key", "namespace", "model", "provider",
    "sku", "charge_category", "commitment_status", "gpu_node",
)
DRIVERS = ("gpu", "api", "even", "fixed", "proportional", "metric", "tiered")
METRICS = ("gpu_hours", "tokens", "requests")
MATCH_TYPES = ("exact", "prefix", "wildcard", "any", "passthrough")
EVER = date.min
NEVER = date.max


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column of a seed: its kind, whether a cell may be empty, and the words it may hold."""

    kind: Callable[[str], Any] = str
    is_required: bool = False
    words: tuple[str, ...] = ()


TEXT, NEEDED = Column(), Column(is_required=True)
DAY = Column(kind=date.fromisoformat)
NUMBER = Column(kind=Decimal)
TABLES: Mapping[str, Mapping[str, Column]] = {
    "teams": {"team_id": NEEDED, "team_name": TEXT, "cost_center": TEXT, "department": TEXT},
    "product_teams": {"product": NEEDED, "team_id": NEEDED, "share": Column(kind=Decimal, is_required=True)},
    "rules": {
        "rule_id": NEEDED,
        "priority": Column(kind=int, is_required=True),
        "valid_from": Column(kind=date.fromisoformat, is_required=True),
        "valid_to": DAY,
        "match_field": Column(is_required=True, words=FIELDS),
        "match_key": TEXT,
        "match_type": Column(is_required=True, words=MATCH_TYPES),
        "match_value": TEXT,
        "match_case": Column(words=("insensitive", "sensitive")),
        "target_type": Column(is_required=True, words=("team", "pool", "product", "cost_center")),
        "target": NEEDED,
        "share": Column(kind=Decimal, is_required=True),
        "product": TEXT,
        "note": TEXT,
    },
    "pools": {
        "pool_id": NEEDED,
        "driver": Column(is_required=True, words=DRIVERS),
        "metric": Column(words=METRICS),
        "floor": NUMBER,
        "cost_category": TEXT,
        "valid_from": DAY,
        "valid_to": DAY,
        "note": TEXT,
    },
    "pool_shares": {
        "pool_id": NEEDED,
        "target_type": Column(words=("team", "pool")),
        "target": NEEDED,
        "share": NUMBER,
        "valid_from": DAY,
        "valid_to": DAY,
    },
    "pool_tiers": {
        "pool_id": NEEDED,
        "from_quantity": Column(kind=Decimal, is_required=True),
        "rate": Column(kind=Decimal, is_required=True),
    },
    "api_keys": {"team_id": NEEDED, "valid_from": DAY, "valid_to": DAY},
    "workloads": {"team_id": NEEDED, "valid_from": DAY, "valid_to": DAY},
}
OPEN_TABLES = ("teams", "api_keys", "workloads")
"""Seeds with further columns that are none of the engine's business."""
KIND_NAMES = {int: "a whole number", Decimal: "a number such as 0.25", date.fromisoformat: "a date such as 2026-10-01"}


@dataclass(frozen=True)
class Row:
    """One row of a seed: its line (the header is line 1) and its typed cells; an empty cell is None."""

    file: str
    line: int
    cells: Mapping[str, Any]

    def __getitem__(self, column: str) -> Any:
        return self.cells.get(column)

    @property
    def start(self) -> date:
        """First day the row holds for."""
        return self["valid_from"] or EVER

    @property
    def end(self) -> date:
        """First day it no longer holds for."""
        return self["valid_to"] or NEVER

    def meets(self, other: Row) -> bool:
        """Whether some day belongs to both."""
        return self.start < other.end and other.start < self.end

    def holds_on(self, day: date) -> bool:
        """Whether the row holds on a day."""
        return self.start <= day < self.end

    def wrong(self, column: str, *, found: object, expected: str, fix: str) -> Mismatch:
        """A finding about a cell of this row."""
        return Mismatch(file=self.file, line=self.line, column=column, found=str(found), expected=expected, fix=fix)


@dataclass(frozen=True)
class Seeds:
    """The rows of every allocation seed, and what is wrong with their cells."""

    tables: Mapping[str, tuple[Row, ...]]
    findings: list[Mismatch] = field(default_factory=list)

    def __getitem__(self, table: str) -> tuple[Row, ...]:
        return self.tables[table]


def read_seeds(folder: Path) -> Seeds:
    """Reads the allocation seeds below `folder` (the seeds folder, which holds `allocation/`)."""
    findings: list[Mismatch] = []
    tables = {name: tuple(_rows(folder / "allocation" / f"{name}.csv", TABLES[name], findings)) for name in TABLES}
    return Seeds(tables, findings)


def _rows(path: Path, columns: Mapping[str, Column], findings: list[Mismatch]) -> Iterator[Row]:
    name = f"allocation/{path.name}"
    head = Row(name, 1, {})
    if not path.is_file():
        fix = f"create it with the header {','.join(columns)}; rows may follow later"
        findings.append(head.wrong(next(iter(columns)), found="no such file", expected="a CSV file", fix=fix))
        return
    with path.open(newline="", encoding="utf-8-sig") as stream:
        reader = csv.DictReader(stream)
        names = list(reader.fieldnames or ())
        for column in sorted(set(names) ^ set(columns), key=str):
            is_known = column in columns
            if not is_known and path.stem in OPEN_TABLES:
                continue
            findings.append(
                head.wrong(
                    str(column),
                    found="no such column" if is_known else "an unknown column",
                    expected=", ".join(columns),
                    fix="add the column; its cells may be empty" if is_known else "correct its name or take it out",
                )
            )
        for cells in reader:
            yield _typed(name, reader.line_num, cells, columns, findings)


def _typed(name: str, line: int, cells: Mapping[Any, Any], columns: Mapping[str, Column], findings: list[Mismatch]) -> Row:
    row = Row(name, line, {})
    typed: dict[str, Any] = {}
    if None in cells or None in cells.values():
        findings.append(
            row.wrong("all", found="another number of cells", expected=f"{len(cells)}", fix="quote texts that hold a comma")
        )
    for column, spec in columns.items():
        text = str(cells.get(column) or "").strip()
        typed[column] = None
        if not text:
            if spec.is_required and column in cells:
                findings.append(row.wrong(column, found="an empty cell", expected="a value", fix="fill it in"))
            continue
        if spec.words and text not in spec.words:
            fix = f"use one of: {', '.join(spec.words)}"
            findings.append(row.wrong(column, found=repr(text), expected=" | ".join(spec.words), fix=fix))
            continue
        try:
            value = spec.kind(text)
            if isinstance(value, Decimal) and not value.is_finite():
                raise InvalidOperation
            typed[column] = value
        except (ValueError, InvalidOperation):
            findings.append(row.wrong(column, found=repr(text), expected=KIND_NAMES[spec.kind], fix="correct the cell"))
    return Row(name, line, typed)
