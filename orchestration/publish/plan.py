"""What a publication has to write: the warehouse's marts compared with the current snapshot's record.

A mart is rebuilt when it is new, its columns changed, or the hashes were made by another algorithm.
Otherwise only the periods that wait to be published, or whose row count differs, are hashed; of these, only
those with another hash are written. So the work follows what changed and not how much history there is.

A closed month is not compared at all: it is written once from its close, and kept from then on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import duckdb

from ingest.sql_casts import quoted
from orchestration.publish.content import (
    ALGORITHM,
    PERIOD_COLUMN,
    Column,
    PeriodContent,
    mart_columns,
    period_contents,
    row_counts,
    schema_hash,
)
from orchestration.publish.frozen import FrozenMart, FrozenMonths, frozen_mart
from orchestration.publish.pending import Pending
from orchestration.publish.snapshot import MartRecord, PeriodRecord, SnapshotRecord

MARTS_SCHEMA = "marts"


@dataclass(frozen=True)
class MartPlan:
    """One mart's share of the work.

    Attributes:
        name: mart (table) name.
        columns: its columns in the warehouse.
        is_rebuilt: whether the published table is written anew instead of period by period.
        changed: periods to write, with the content they must have afterwards.
        removed: published periods that hold no row any more.
        kept: published periods that stay as they are.
        frozen: closed periods to write from their close, with the hash of the event.
        closed: every closed period; the warehouse's rows of it are not published.
    """

    name: str
    columns: tuple[Column, ...]
    is_rebuilt: bool
    changed: dict[str, PeriodContent]
    removed: frozenset[str]
    kept: dict[str, PeriodRecord]
    frozen: dict[str, tuple[str, FrozenMart]] = field(default_factory=dict)
    closed: frozenset[str] = frozenset()

    @property
    def is_unchanged(self) -> bool:
        """True when the published table already holds exactly this content."""
        return not (self.is_rebuilt or self.changed or self.removed or self.frozen)

    @property
    def has_periods(self) -> bool:
        """Whether the mart is cut by billing period."""
        return any(column.name == PERIOD_COLUMN for column in self.columns)


@dataclass(frozen=True)
class PublicationPlan:
    """All marts of the warehouse; `dropped` are published marts that the warehouse no longer has."""

    marts: tuple[MartPlan, ...]
    dropped: frozenset[str]

    @property
    def is_unchanged(self) -> bool:
        """True when the current snapshot already is what would be published."""
        return not self.dropped and all(mart.is_unchanged for mart in self.marts)

    @property
    def is_rebuilt(self) -> bool:
        """True when no table of the current snapshot can be taken over."""
        return all(mart.is_rebuilt for mart in self.marts)


def warehouse_table(mart: str) -> str:
    """Qualified name of a mart in the attached warehouse."""
    return f"warehouse.{quoted(MARTS_SCHEMA)}.{quoted(mart)}"


def plan_publication(
    con: duckdb.DuckDBPyConnection,
    *,
    previous: SnapshotRecord | None,
    pending: Pending,
    frozen: FrozenMonths | None = None,
) -> PublicationPlan:
    """Compare every mart of the attached `warehouse` with the record of the current snapshot (None: publish
    all); closed months are taken from `frozen`.
    """
    closes = frozen or {}
    usable = previous if previous is not None and previous.hash_algorithm == ALGORITHM else None
    published = usable.marts if usable else {}
    tables = mart_columns(con, catalog="warehouse", schema=MARTS_SCHEMA)
    plans = tuple(_plan_mart(con, name, tables[name], published.get(name), pending, closes) for name in sorted(tables))
    return PublicationPlan(marts=plans, dropped=frozenset(previous.marts if previous else ()) - frozenset(tables))


def _plan_mart(
    con: duckdb.DuckDBPyConnection,
    name: str,
    columns: tuple[Column, ...],
    published: MartRecord | None,
    pending: Pending,
    closes: FrozenMonths,
) -> MartPlan:
    table = warehouse_table(name)
    is_cut = any(column.name == PERIOD_COLUMN for column in columns)
    closed = frozenset(closes) if is_cut else frozenset()
    counts = {p: rows for p, rows in row_counts(con, table=table, columns=columns).items() if p not in closed}
    if published is None or published.schema_hash != schema_hash(columns):
        changed = period_contents(con, table=table, columns=columns, periods=sorted(counts) if closed else None)
        frozen = _frozen(name, closed, closes, published=None)
        return MartPlan(name, columns, True, changed, frozenset(), {}, frozen, closed)
    due = _due_periods(counts, published, pending)
    contents = period_contents(con, table=table, columns=columns, periods=due) if due else {}
    changed = {period: content for period, content in contents.items() if _differs(published.periods.get(period), content)}
    frozen = _frozen(name, closed, closes, published=published)
    held = {period for period in closed if frozen_mart(closes, period, name)}
    removed = frozenset(published.periods) - frozenset(counts) - held
    stays = published.periods.keys() - changed.keys() - removed - frozen.keys()
    kept = {p: record for p, record in published.periods.items() if p in stays}
    return MartPlan(name, columns, False, changed, removed, kept, frozen, closed)


def _differs(published: PeriodRecord | None, content: PeriodContent) -> bool:
    """Whether an open period has to be written: new, changed, or published from a close that was reopened."""
    return published is None or bool(published.closed_by) or published.content_hash != content.content_hash


def _frozen(
    name: str, closed: frozenset[str], closes: FrozenMonths, *, published: MartRecord | None
) -> dict[str, tuple[str, FrozenMart]]:
    """Closed periods that the published table does not hold from this very close yet."""
    found = {}
    for period in sorted(closed):
        mart = frozen_mart(closes, period, name)
        before = published.periods.get(period) if published else None
        if mart is not None and (before is None or before.closed_by != closes[period].event):
            found[period] = (closes[period].event, mart)
    return found


def _due_periods(counts: dict[str, int], published: MartRecord, pending: Pending) -> Sequence[str]:
    has_periods = PERIOD_COLUMN in published.columns
    if pending.is_full or not has_periods:
        return sorted(counts)
    known = published.periods
    differing = {p for p, rows in counts.items() if p not in known or known[p].rows != rows or known[p].closed_by}
    return sorted(differing | (pending.periods & set(counts)))
