"""Merge a fresh catalogue into the prices believed so far, without moving history.

Rows are a step function of time per key. A refresh may
* cut the open row at the day the catalogue dates a change, and append its successor;
* cut it at the day of the refresh when the catalogue changed its mind without a date, or dropped the key;
* replace what was announced for the future (future rows are announcements, and are sometimes cancelled).
It never touches an interval that is already closed: there the rows stay as they were believed, whatever the
catalogue says now. The same catalogue twice changes nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import Any, Generic, Literal, TypeVar

Kind = Literal["added", "changed", "closed", "removed"]
REVIEW_ABOVE = Decimal("0.5")
"""A price that moves by more than this share is marked for review."""


@dataclass(frozen=True, kw_only=True)
class DatedPrice:
    """A price over a half-open interval of UTC days; ``valid_to`` None means until further notice.

    ``key`` says what the price is for (sortable, printable); ``is_open_start`` that nobody knows since when
    it holds.
    """

    key: Any
    price_usd: Decimal
    valid_from: date
    valid_to: date | None
    is_open_start: bool = False


RowT = TypeVar("RowT", bound=DatedPrice)


@dataclass(frozen=True, kw_only=True)
class PriceChange:
    """One change of a seed: what happened to which key, as a line to print."""

    kind: Kind
    line: str
    needs_review: bool = False


@dataclass(frozen=True, kw_only=True)
class Merged(Generic[RowT]):
    """All rows after the merge (unsorted) and what changed."""

    rows: tuple[RowT, ...]
    changes: tuple[PriceChange, ...]


def merge_history(
    old: Iterable[RowT],
    new: Iterable[RowT],
    *,
    today: date,
    undated: date,
    subject: Callable[[Any], Any],
    covered: Callable[[Any], bool],
) -> Merged[RowT]:
    """Merge ``new`` (the catalogue's whole step function per key) into ``old``.

    Args:
        today: the day of the refresh; rows that begin later are announcements.
        undated: the ``valid_from`` that stands for "nobody knows since when".
        subject: key -> what the key belongs to (a model); a new key of a known subject does not reach back
            undated.
        covered: key -> whether the catalogue speaks about it at all; other keys are left alone.
    """
    before: dict[Any, list[RowT]] = _by_key(old)
    after: dict[Any, list[RowT]] = _by_key(new)
    known = {subject(key) for key in before}
    rows: list[RowT] = []
    changes: list[PriceChange] = []
    for key in sorted(before.keys() | after.keys()):
        if key not in before:
            fresh = after[key] if subject(key) not in known else _since(after[key], today, undated)
            merged = _joined(fresh)
        elif key in after or covered(key):
            merged = _as_believed(before[key], _merge_key(before[key], after.get(key, []), today))
        else:
            merged = before[key]
        rows += merged
        changes += _describe(key, before.get(key, []), merged)
    return Merged(rows=tuple(rows), changes=tuple(changes))


def overlapping_keys(rows: Iterable[DatedPrice]) -> list[str]:
    """Keys with two rows valid on one day (there must be none), as text."""
    return [
        str(key)
        for key, group in sorted(_by_key(rows).items())
        if any(a.valid_to is None or a.valid_to > b.valid_from for a, b in pairwise(group))
    ]


def _by_key(rows: Iterable[RowT]) -> dict[Any, list[RowT]]:
    groups: dict[Any, list[RowT]] = defaultdict(list)
    for row in sorted(rows, key=lambda r: (r.key, r.valid_from)):
        groups[row.key].append(row)
    return dict(groups)


def _clip(row: RowT, start: date) -> RowT:
    """The row from ``start`` on, its beginning now known."""
    return replace(row, valid_from=start, is_open_start=False)


def _ends_after(row: DatedPrice, day: date) -> bool:
    return row.valid_to is None or row.valid_to > day


def _since(rows: Sequence[RowT], today: date, undated: date) -> list[RowT]:
    """A key that appears for a model already known: undated rows begin with the refresh."""
    kept = [row for row in rows if row.valid_from != undated or _ends_after(row, today)]
    return [_clip(row, today) if row.valid_from == undated else row for row in kept]


def _joined(rows: Iterable[RowT]) -> list[RowT]:
    result: list[RowT] = []
    for row in rows:
        if result and result[-1].valid_to == row.valid_from and result[-1].price_usd == row.price_usd:
            result[-1] = replace(result[-1], valid_to=row.valid_to)
        else:
            result.append(row)
    return result


def _as_believed(old: Iterable[RowT], merged: Iterable[RowT]) -> list[RowT]:
    """A price that was known before keeps the row it was first written with, also when announced again."""
    known = {(row.valid_from, row.price_usd): row for row in old}
    rows = ((known.get((row.valid_from, row.price_usd), row), row.valid_to) for row in merged)
    return [replace(row, valid_to=valid_to) for row, valid_to in rows]


def _merge_key(old: Sequence[RowT], new: Sequence[RowT], today: date) -> list[RowT]:
    past = [row for row in old if row.valid_from <= today]
    if not past:
        return list(new)
    last = past[-1]
    if last.valid_to is not None and last.valid_to <= today:
        closed_on = last.valid_to
        reopened = [
            _clip(r, today) if r.valid_from < closed_on else r for r in new if _ends_after(r, closed_on)
        ]
        return [*past, *(row for row in reopened if _ends_after(row, row.valid_from))]
    tail = [row for row in new if _ends_after(row, last.valid_from)]
    return [*past[:-1], *_continue_row(replace(last, valid_to=None), tail, today)]


def _continue_row(base: RowT, tail: Sequence[RowT], today: date) -> list[RowT]:
    """The open row followed by what the catalogue says from its beginning on."""
    if not tail:
        return [replace(base, valid_to=today)] if base.valid_from < today else []
    result = [base]
    for row in tail:
        current = result[-1]
        if row.valid_from <= base.valid_from:
            if row.price_usd == base.price_usd:
                result[-1] = replace(base, valid_to=row.valid_to)
            elif _ends_after(row, today):
                kept = [replace(base, valid_to=today)] if base.valid_from < today else []
                result = [*kept, _clip(row, today)]
            else:
                result[-1] = replace(base, valid_to=row.valid_to)
            continue
        if _ends_after(current, row.valid_from):
            current = replace(current, valid_to=row.valid_from)
        result[-1:] = _joined([current, row])
    return result


def _describe(key: Any, old: Sequence[DatedPrice], new: Sequence[DatedPrice]) -> Iterable[PriceChange]:
    before = {row.valid_from: row for row in old}
    after = {row.valid_from: row for row in new}
    if not old:
        yield PriceChange(kind="added", line=f"added {key}: {_steps(new)}")
        return
    explained: set[date] = set()
    for start, row in before.items():
        if start not in after:
            yield PriceChange(kind="removed", line=f"removed {key}: {_steps([row])}, announced and withdrawn")
        elif after[start].price_usd != row.price_usd:
            yield _changed(key, row, after[start])
        elif after[start].valid_to != row.valid_to:
            end = after[start].valid_to
            if end is not None and end in after and end not in before:
                explained.add(end)
                yield _changed(key, row, after[end])
            elif end is not None and end not in before:
                yield PriceChange(kind="closed", line=f"closed {key}: {row.price_usd:f} USD ends on {end}")
    for start in after.keys() - before.keys() - explained:
        yield PriceChange(kind="added", line=f"added {key}: {_steps([after[start]])}")


def _changed(key: Any, old: DatedPrice, new: DatedPrice) -> PriceChange:
    if not old.price_usd:
        move, review = "from zero", True
    else:
        share = new.price_usd / old.price_usd - 1
        move, review = f"{share * 100:+.1f} %", abs(share) > REVIEW_ABOVE
    mark = "REVIEW " if review else ""
    line = f"{mark}changed {key}: {old.price_usd:f} -> {new.price_usd:f} USD from {new.valid_from} ({move})"
    return PriceChange(kind="changed", line=line, needs_review=review)


def _steps(rows: Collection[DatedPrice]) -> str:
    return ", ".join(f"{row.price_usd:f} USD from {row.valid_from}" for row in rows)
