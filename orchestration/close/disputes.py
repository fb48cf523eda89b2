"""Disputes: a team's objection to a closed month and its resolution, recorded and never edited.

An accepted dispute changes no issued figure. It becomes a credit of the team and an equal debit of the team
that bears it, in the month that is open when it is built; a month whose close carries it has booked it for
good. Its own chain of events lies in `<home>/disputes`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal, InvalidOperation

from ingest.settings import Settings
from orchestration.close.chain import Chain, Event
from orchestration.close.errors import DisputeRefused

OPENED, RESOLVED = "dispute_open", "dispute_resolve"
PLATFORM_TEAM = "platform"
PLACES = 18


@dataclass(frozen=True)
class Dispute:
    """One dispute. `state` is open, accepted or rejected; `accepted` is 0 until accepted; amounts in `currency`."""

    dispute_id: str
    period: str
    team_id: str
    cost_category: str
    amount: Decimal
    currency: str
    reason: str
    opened_at: datetime
    state: str = "open"
    accepted: Decimal = Decimal(0)
    bearer_id: str = ""
    decision: str = ""

    @property
    def is_accepted(self) -> bool:
        """Whether it has to be booked."""
        return self.state == "accepted"

    def booked(self) -> dict[str, str]:
        """What dbt books of it."""
        return {
            "dispute_id": self.dispute_id,
            "period": self.period,
            "team_id": self.team_id,
            "bearer_id": self.bearer_id,
            "cost_category": self.cost_category,
            "currency": self.currency,
            "amount": format(self.accepted, "f"),
        }


def disputes_of(settings: Settings) -> Chain:
    """The chain of disputes of a home."""
    return Chain(settings.home / "disputes")


def read_disputes(events: Sequence[Event]) -> tuple[Dispute, ...]:
    """All disputes as their events left them, oldest first."""
    found: dict[str, Dispute] = {}
    for event in events:
        manifest, facts = event.manifest, event.manifest.facts
        dispute_id = facts["dispute_id"]
        if manifest.kind == OPENED:
            found[dispute_id] = Dispute(
                dispute_id=dispute_id,
                period=manifest.period,
                team_id=facts["team_id"],
                cost_category=facts["cost_category"],
                amount=Decimal(facts["amount"]),
                currency=facts["currency"],
                reason=manifest.reason,
                opened_at=manifest.at,
            )
        else:
            found[dispute_id] = replace(
                found[dispute_id],
                state=facts["state"],
                accepted=Decimal(facts["accepted"]),
                bearer_id=facts["bearer_id"],
                decision=manifest.reason,
            )
    return tuple(found.values())


def open_dispute(
    chain: Chain,
    *,
    period: str,
    team_id: str,
    amount: Decimal,
    currency: str,
    reason: str,
    at: datetime,
    by: str = "",
    cost_category: str = "",
) -> Dispute:
    """Record a dispute; the caller has made sure that month, team and currency exist.

    Raises:
        DisputeRefused: the amount is not positive, or has more than 18 places.
        ChainBroken: recorded events were changed.
    """
    _demand_amount(amount)
    facts = {
        "dispute_id": f"D{len(read_disputes(chain.events())) + 1:04d}",
        "team_id": team_id,
        "cost_category": cost_category,
        "amount": format(amount, "f"),
        "currency": currency,
    }
    chain.append(kind=OPENED, period=period, at=at, by=by, reason=reason, fill=lambda _: facts)
    return read_disputes(chain.events())[-1]


def resolve_dispute(
    chain: Chain,
    dispute_id: str,
    *,
    accepted: Decimal | None,
    bearer_id: str,
    reason: str,
    at: datetime,
    by: str = "",
) -> Dispute:
    """Record how a dispute ended; `accepted` is the amount to credit, None rejects it.

    Raises:
        DisputeRefused: no such dispute, it is resolved already, or the amount is not within the disputed one.
        ChainBroken: recorded events were changed.
    """
    dispute = find_dispute(chain, dispute_id)
    if dispute.state != "open":
        raise DisputeRefused(
            "the dispute is resolved already",
            where={"dispute": dispute_id},
            found=dispute.state,
            expected="an open dispute",
            fix="open a new dispute for what is still wrong",
        )
    if accepted is not None:
        _demand_within(accepted, dispute)
    facts = {
        "dispute_id": dispute_id,
        "state": "rejected" if accepted is None else "accepted",
        "accepted": format(accepted or Decimal(0), "f"),
        "bearer_id": "" if accepted is None else bearer_id,
    }
    chain.append(kind=RESOLVED, period=dispute.period, at=at, by=by, reason=reason, fill=lambda _: facts)
    return find_dispute(chain, dispute_id)


def find_dispute(chain: Chain, dispute_id: str) -> Dispute:
    """The dispute of an id.

    Raises:
        DisputeRefused: there is none.
    """
    known = {dispute.dispute_id: dispute for dispute in read_disputes(chain.events())}
    if dispute_id not in known:
        raise DisputeRefused(
            "there is no such dispute",
            found=dispute_id,
            expected=", ".join(known) or "a dispute; none is recorded",
            fix="look at `tco dispute list`",
        )
    return known[dispute_id]


def amount_of(text: str) -> Decimal:
    """A money amount from the command line.

    Raises:
        DisputeRefused: the text is no decimal number.
    """
    try:
        return Decimal(text)
    except InvalidOperation as error:
        raise DisputeRefused(
            "the amount is not a number", found=text, expected="digits and a point, such as 125.40", fix="write it so"
        ) from error


def _demand_amount(amount: Decimal) -> None:
    exponent = amount.as_tuple().exponent
    if not amount.is_finite() or amount <= 0 or not isinstance(exponent, int) or -exponent > PLACES:
        raise DisputeRefused(
            "the disputed amount cannot be booked",
            found=str(amount),
            expected=f"a positive amount with at most {PLACES} places",
            fix="state what the team was charged too much",
        )


def _demand_within(accepted: Decimal, dispute: Dispute) -> None:
    _demand_amount(accepted)
    if accepted > dispute.amount:
        raise DisputeRefused(
            "more is accepted than was disputed",
            where={"dispute": dispute.dispute_id},
            found=f"{accepted} {dispute.currency}",
            expected=f"at most {dispute.amount} {dispute.currency}",
            fix="accept less, or open another dispute for the rest",
        )
