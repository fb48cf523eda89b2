"""Builds that did not end well are asked for again, together with new changes and requests."""

from __future__ import annotations

from pathlib import Path

from orchestration.changes import Changes
from orchestration.unfinished import clear_unfinished, merged, read_unfinished, write_unfinished

NOTHING = Changes((), (), (), full_refresh=False, reason="no partition changed")
DAY = Changes(("2026-03",), ("2026-03-05",), (("gpu", "prometheus_samples", "2026-03-05"),), full_refresh=False, reason="1")
FULL = Changes(("2026-02",), (), (("aws", "aws_focus", "2026-02"),), full_refresh=True, reason="first run")


def test_a_note_comes_back_until_the_build_ended_well(tmp_path: Path) -> None:
    assert read_unfinished(tmp_path) is None
    write_unfinished(tmp_path, DAY)
    assert read_unfinished(tmp_path) == DAY
    clear_unfinished(tmp_path)
    clear_unfinished(tmp_path)
    assert read_unfinished(tmp_path) is None


def test_without_a_note_changes_stay_as_found() -> None:
    assert merged(NOTHING, unfinished=None) is NOTHING
    assert merged(NOTHING, unfinished=None).is_empty


def test_an_unfinished_build_is_added_to_what_changed() -> None:
    found = Changes(("2026-04",), (), (("aws", "aws_focus", "2026-04"),), full_refresh=False, reason="1")
    both = merged(found, unfinished=DAY)
    assert both.touched_months == ("2026-03", "2026-04")
    assert both.touched_days == ("2026-03-05",)
    assert not both.is_empty
    assert "did not end" in both.reason


def test_an_unfinished_full_build_stays_full() -> None:
    assert merged(DAY, unfinished=FULL).full_refresh
    assert merged(FULL, unfinished=DAY) is FULL


def test_months_and_days_can_be_asked_for() -> None:
    asked = merged(NOTHING, unfinished=None, forced=["2026-01", "2026-03-05"])
    assert asked.touched_months == ("2026-01", "2026-03")
    assert asked.touched_days == ("2026-03-05",)
    assert not asked.is_empty
