"""History does not move: what a refresh may do to the rows believed so far."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from ingest.prices.price_history import DatedPrice, Merged, merge_history, overlapping_keys

TODAY = date(2026, 11, 22)
UNDATED = date(1970, 1, 1)


def price(
    usd: str, start: date | str, end: date | str | None = None, *, key: str = "model output"
) -> DatedPrice:
    first = date.fromisoformat(start) if isinstance(start, str) else start
    last = date.fromisoformat(end) if isinstance(end, str) else end
    return DatedPrice(
        key=key, price_usd=Decimal(usd), valid_from=first, valid_to=last, is_open_start=first == UNDATED
    )


def merge(old: list[DatedPrice], new: list[DatedPrice], today: date = TODAY) -> Merged[DatedPrice]:
    return merge_history(
        old, new, today=today, undated=UNDATED, subject=lambda key: key.split()[0], covered=lambda key: True
    )


def steps(merged: Merged[DatedPrice]) -> list[tuple[str, str, str]]:
    return [(str(r.price_usd), str(r.valid_from), str(r.valid_to or "")) for r in merged.rows]


def kinds(merged: Merged[DatedPrice]) -> list[str]:
    return [change.kind for change in merged.changes]


def test_same_catalogue_changes_nothing() -> None:
    rows = [
        price("2", UNDATED, "2026-01-01"),
        price("3", "2026-01-01"),
        price("9", UNDATED, key="model input"),
    ]
    merged = merge(rows, rows)
    assert (set(merged.rows), merged.changes) == (set(rows), ())


def test_dated_change_closes_the_open_row_on_its_day() -> None:
    merged = merge([price("2", UNDATED)], [price("2", UNDATED, "2026-11-01"), price("3", "2026-11-01")])
    assert steps(merged) == [("2", "1970-01-01", "2026-11-01"), ("3", "2026-11-01", "")]
    assert kinds(merged) == ["changed"]
    assert merged.changes[0].line == "changed model output: 2 -> 3 USD from 2026-11-01 (+50.0 %)"


def test_undated_change_holds_from_the_day_of_the_refresh() -> None:
    merged = merge([price("2", UNDATED)], [price("5", UNDATED)])
    assert steps(merged) == [("2", "1970-01-01", "2026-11-22"), ("5", "2026-11-22", "")]
    assert merged.changes[0].needs_review and merged.changes[0].line.startswith("REVIEW")


def test_closed_interval_stays_as_it_was_believed() -> None:
    old = [price("2", UNDATED, "2026-01-01"), price("3", "2026-01-01")]
    merged = merge(old, [price("7", UNDATED, "2025-06-01"), price("8", "2025-06-01", "2026-01-01"), old[1]])
    assert (list(merged.rows), merged.changes) == (old, ())


def test_dropped_key_ends_on_the_day_of_the_refresh() -> None:
    merged = merge([price("2", "2025-01-01")], [])
    assert (steps(merged), kinds(merged)) == ([("2", "2025-01-01", "2026-11-22")], ["closed"])
    again = merge(list(merged.rows), [], today=TODAY + timedelta(days=9))
    assert (steps(again), kinds(again)) == ([("2", "2025-01-01", "2026-11-22")], [])


def test_key_outside_the_catalogue_is_left_alone() -> None:
    row = price("2", "2025-01-01")
    merged = merge_history([row], [], today=TODAY, undated=UNDATED, subject=str, covered=lambda key: False)
    assert list(merged.rows) == [row]


def test_withdrawn_announcement_disappears_and_the_price_goes_on() -> None:
    old = [price("2", UNDATED, "2027-01-01"), price("4", "2027-01-01")]
    merged = merge(old, [price("2", UNDATED)])
    assert (steps(merged), kinds(merged)) == ([("2", "1970-01-01", "")], ["removed"])


def test_new_kind_of_price_of_a_known_model_does_not_reach_back_undated() -> None:
    known = [price("2", UNDATED)]
    merged = merge(
        known, [*known, price("1", UNDATED, key="model cache"), price("6", UNDATED, key="other output")]
    )
    starts = {row.key: str(row.valid_from) for row in merged.rows}
    assert starts == {"model output": "1970-01-01", "model cache": "2026-11-22", "other output": "1970-01-01"}


def test_correction_on_the_same_day_replaces_the_row() -> None:
    merged = merge([price("2", TODAY)], [price("3", TODAY)])
    assert (steps(merged), kinds(merged)) == ([("3", "2026-11-22", "")], ["changed"])


def test_overlap_is_named() -> None:
    rows = [price("2", UNDATED), price("3", "2026-01-01"), price("2", UNDATED, key="fine")]
    assert overlapping_keys(rows) == ["model output"]


@st.composite
def timelines(draw: st.DrawFn) -> list[DatedPrice]:
    """A step function around today: undated or dated start, changes before and after, any end."""
    start = draw(st.sampled_from((UNDATED, date(2026, 1, 1))))
    cuts = sorted(draw(st.sets(st.dates(date(2026, 2, 1), date(2027, 6, 1)), max_size=3)))
    is_open = draw(st.booleans()) or not cuts
    bounds = [start, *cuts, *([None] if is_open else [])]
    rows: list[DatedPrice] = []
    for first, last in pairwise(bounds):
        usd = draw(st.sampled_from(("1", "2", "3")))
        if rows and rows[-1].price_usd == Decimal(usd):
            rows[-1] = replace(rows[-1], valid_to=last)
        elif first is not None:
            rows.append(price(usd, first, last))
    return rows


def believed(rows: list[DatedPrice], day: date) -> Decimal | None:
    return next(
        (r.price_usd for r in rows if r.valid_from <= day and (r.valid_to is None or day < r.valid_to)), None
    )


@given(timelines(), timelines(), st.integers(0, 400))
def test_merge_is_idempotent_without_overlaps_and_keeps_closed_history(
    old: list[DatedPrice], new: list[DatedPrice], later: int
) -> None:
    merged = merge(old, new)
    rows = list(merged.rows)
    assert overlapping_keys(rows) == []
    last = max(row.valid_from for row in old if row.valid_from <= TODAY)
    closed = [row for row in old if row.valid_to is not None and row.valid_to <= last]
    assert all(row in rows for row in closed)
    again = merge(rows, new)
    assert (list(again.rows), again.changes) == (rows, ())
    much_later = merge(rows, new, today=TODAY + timedelta(days=later))
    for day in (date(2026, 1, 15), date(2026, 6, 1), TODAY - timedelta(days=1)):
        assert believed(list(much_later.rows), day) == believed(rows, day)


@given(timelines(), timelines())
def test_merge_agrees_with_the_catalogue_from_the_day_of_the_refresh_on(
    old: list[DatedPrice], new: list[DatedPrice]
) -> None:
    rows = list(merge(old, new).rows)
    for day in (TODAY, TODAY + timedelta(days=30), date(2027, 7, 1)):
        assert believed(rows, day) == believed(new, day)
