"""What the chain of closes says about months: their state, what they froze, where corrections are booked."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from ingest.billing_period import BillingPeriod
from ingest.settings import Settings
from orchestration.close.chain import Chain, Event
from orchestration.publish.frozen import FrozenMart, FrozenMonth
from orchestration.publish.snapshot import ExactText

CLOSE, SOFT_CLOSE, REOPEN = "close", "soft_close", "reopen"
FREEZING = {CLOSE: "closed", SOFT_CLOSE: "soft_closed"}
OPEN: Literal["open"] = "open"
CHARGES, LEDGER = "fct_charges", "fct_cost_allocations"


class _Facts(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class FrozenMartFacts(_Facts):
    """One mart of the month: the path of its file in the event's folder, rows, content hash and sums."""

    path: str
    rows: int
    content_hash: str
    money: dict[str, dict[str, ExactText]]


class InputFacts(_Facts):
    """A lake load the month was built from, with the SHA-256 of its manifest (empty when that is gone)."""

    source: str
    dataset: str
    partition: str
    load_id: str
    manifest_sha256: str


class CloseFacts(_Facts):
    """What a close or soft close froze, and what it was made from.

    `overridden` names the refusals that were forced; `totals` is the ledger by currency and basis;
    `disputes` are the accepted disputes that the month carries.
    """

    is_forced: bool
    overridden: list[str]
    snapshot: dict[str, str]
    code_version: str
    inputs: list[InputFacts]
    seeds: dict[str, str]
    gates: list[dict[str, Any]]
    totals: dict[str, dict[str, ExactText]]
    marts: dict[str, FrozenMartFacts]
    disputes: list[str]


def closes_of(settings: Settings) -> Chain:
    """The chain of closes of a home."""
    return Chain(settings.home / "closes")


def facts_of(event: Event) -> CloseFacts:
    """The facts of a close or soft close."""
    return CloseFacts.model_validate(event.manifest.facts)


def frozen_events(events: Sequence[Event]) -> dict[str, Event]:
    """The event that holds each closed or soft-closed month now, by period."""
    latest = {event.manifest.period: event for event in events}
    return {period: event for period, event in sorted(latest.items()) if event.manifest.kind in FREEZING}


def month_state(events: Sequence[Event], period: str) -> str:
    """open, soft_closed or closed."""
    event = frozen_events(events).get(period)
    return OPEN if event is None else FREEZING[event.manifest.kind]


def closed_events(events: Sequence[Event]) -> dict[str, Event]:
    """Like `frozen_events`, without the soft closes."""
    return {period: event for period, event in frozen_events(events).items() if event.manifest.kind == CLOSE}


def booking_period(events: Sequence[Event]) -> str | None:
    """The month that corrections are booked in: the one after the last closed month; None before any close."""
    closed = closed_events(events)
    return str(BillingPeriod.parse(max(closed)).next()) if closed else None


def frozen_months(events: Sequence[Event], *, release: str = "") -> dict[str, FrozenMonth]:
    """What the publisher takes from closes, by period; `release` is left out."""
    return {period: _frozen_month(event) for period, event in frozen_events(events).items() if period != release}


def frozen_file(event: Event, mart: str) -> Path | None:
    """The frozen Parquet file of a mart; None when the month has no row of it."""
    facts = facts_of(event).marts.get(mart)
    return None if facts is None else event.folder / facts.path


def _frozen_month(event: Event) -> FrozenMonth:
    digests = {file.path: file.sha256 for file in event.manifest.files}
    marts = {
        name: FrozenMart(
            path=event.folder / mart.path,
            sha256=digests[mart.path],
            rows=mart.rows,
            content_hash=mart.content_hash,
            money={c: {k: Decimal(v) for k, v in amounts.items()} for c, amounts in mart.money.items()},
        )
        for name, mart in facts_of(event).marts.items()
    }
    return FrozenMonth(event.manifest.period, event.hash, marts)
