"""Disputes: recorded, resolved once, and booked by the open month until a close carries them."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from ingest.settings import Settings
from orchestration.close.dispute_commands import record_dispute, record_resolution
from orchestration.close.disputes import disputes_of, read_disputes
from orchestration.close.errors import DisputeRefused
from orchestration.close.index import index_path, write_closes_index
from orchestration.close.month_close import close_month
from tests.unit.orchestration.closable_home import (
    AFTER_MARCH,
    FEBRUARY,
    MARCH,
    closable_home,
    digests,
    rebuilt,
    without_charts,
)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """February closed."""
    without_charts(monkeypatch)
    settings = closable_home(tmp_path)
    close_month(settings, FEBRUARY, now=AFTER_MARCH)
    rebuilt(settings)
    return settings


def dispute(settings: Settings, **changes: str) -> str:
    given = {"period": FEBRUARY, "team_id": "search", "amount": "2.50", "currency": "USD", "reason": "ran by ads"} | changes
    return record_dispute(settings, **given, now=AFTER_MARCH).dispute_id


def booked(settings: Settings) -> list[dict]:
    write_closes_index(settings)
    return json.loads(index_path(settings).read_text())["disputes"]


def test_an_accepted_dispute_is_booked_in_the_open_month_and_the_close_stays(home: Settings) -> None:
    closed = digests(home.home / "closes" / "000001-2026-02-close")
    dispute_id = dispute(home, cost_category="gpu")
    assert booked(home) == []
    record_resolution(home, dispute_id, accept="2.25", bearer_id="ads", now=AFTER_MARCH)
    assert booked(home) == [
        {
            "dispute_id": "D0001", "period": FEBRUARY, "team_id": "search", "bearer_id": "ads", "cost_category": "gpu",
            "currency": "USD", "amount": "2.25",
        }
    ]  # fmt: skip
    loads = json.loads(index_path(home).read_text())["loads"]
    assert [(load["dataset"], load["partition"]) for load in loads] == [("close", FEBRUARY), ("disputes", MARCH)]
    assert digests(home.home / "closes" / "000001-2026-02-close") == closed


def test_a_close_that_carries_a_dispute_has_booked_it(home: Settings) -> None:
    record_resolution(home, dispute(home), accept="2.5", bearer_id="ads", now=AFTER_MARCH)
    rebuilt(
        home,
        sql="""
        INSERT INTO marts.fct_cost_allocations BY NAME SELECT 'd1' AS allocation_key, '2026-03' AS billing_period, 'dispute' AS
        stage, 'dispute/D0001' AS allocation_path, 'USD' AS billing_currency, 0 AS billed_cost, 0 AS effective_cost
        """,
    )
    event = close_month(home, MARCH, now=AFTER_MARCH)
    assert event.manifest.facts["disputes"] == ["D0001"]
    assert booked(home) == []


def test_a_rejected_dispute_credits_nothing(home: Settings) -> None:
    done = record_resolution(home, dispute(home), is_rejected=True, reason="it was theirs", now=AFTER_MARCH)
    assert (done.state, done.accepted, done.decision) == ("rejected", Decimal(0), "it was theirs")
    assert booked(home) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"period": MARCH}, "only a closed month"),
        ({"team_id": "nobody"}, "one of the teams ads, search, unallocated"),
        ({"currency": "EUR"}, "gpu in USD"),
        ({"cost_category": "api"}, "gpu in USD"),
        ({"amount": "a lot"}, "not a number"),
        ({"amount": "-1"}, "positive amount"),
        ({"reason": ""}, "reason is missing"),
    ],
)
def test_a_dispute_names_what_was_issued(home: Settings, changes: dict[str, str], said: str) -> None:
    with pytest.raises(DisputeRefused, match=said):
        dispute(home, **changes)
    assert read_disputes(disputes_of(home).events()) == ()


@pytest.mark.parametrize(
    ("resolution", "said"),
    [
        ({"accept": "2.51", "bearer_id": "ads"}, "more is accepted"),
        ({"accept": "1", "bearer_id": "search"}, "cannot bear"),
        ({"accept": "1", "bearer_id": ""}, "platform"),
        ({"accept": "1", "bearer_id": "ads", "is_rejected": True}, "accepted or rejected"),
        ({}, "accepted or rejected"),
        ({"is_rejected": True}, "reason is missing"),
    ],
)
def test_a_resolution_that_does_not_fit_is_refused(home: Settings, resolution: dict, said: str) -> None:
    dispute_id = dispute(home)
    with pytest.raises(DisputeRefused, match=said):
        record_resolution(home, dispute_id, **resolution, now=AFTER_MARCH)
    assert read_disputes(disputes_of(home).events())[0].state == "open"


def test_a_dispute_is_resolved_once(home: Settings) -> None:
    dispute_id = dispute(home)
    record_resolution(home, dispute_id, accept="1", bearer_id="ads", now=AFTER_MARCH)
    with pytest.raises(DisputeRefused, match="resolved already"):
        record_resolution(home, dispute_id, accept="1", bearer_id="ads", now=AFTER_MARCH)
    with pytest.raises(DisputeRefused, match="no such dispute"):
        record_resolution(home, "D0009", accept="1", bearer_id="ads", now=AFTER_MARCH)
