"""`tco dispute open` and `resolve`: what a dispute names must exist in what was issued, then it is recorded."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path

from ingest.settings import Settings
from ingest.sql_casts import literal
from orchestration.close.chain import Event
from orchestration.close.disputes import (
    PLATFORM_TEAM,
    Dispute,
    amount_of,
    disputes_of,
    find_dispute,
    open_dispute,
    resolve_dispute,
)
from orchestration.close.errors import DisputeRefused
from orchestration.close.freeze import DIMENSIONS
from orchestration.close.index import write_closes_index
from orchestration.close.months import closed_events, closes_of, frozen_file
from orchestration.duck import DuckLimits, connection
from orchestration.home_lock import home_lock
from orchestration.publish.snapshot import current_folder

CHARGEBACK = "fct_chargeback"


def record_dispute(
    settings: Settings,
    *,
    period: str,
    team_id: str,
    amount: str,
    currency: str,
    reason: str,
    cost_category: str = "",
    by: str = "",
    now: datetime | None = None,
) -> Dispute:
    """Open a dispute about an amount of a closed month.

    Raises:
        DisputeRefused: the month is not closed, or was not issued to this team, in this category or currency;
            the amount is none; the reason is empty.
        ChainBroken: recorded events were changed.
        TransientError: another run holds the home.
    """
    _demand_reason(reason)
    with home_lock(settings.home):
        event = _closed(settings, period)
        _demand_issued(settings, event, team_id=team_id, currency=currency, cost_category=cost_category)
        return open_dispute(
            disputes_of(settings),
            period=period,
            team_id=team_id,
            amount=amount_of(amount),
            currency=currency,
            cost_category=cost_category,
            reason=reason,
            by=by,
            at=now or datetime.now(UTC),
        )


def record_resolution(
    settings: Settings,
    dispute_id: str,
    *,
    accept: str = "",
    is_rejected: bool = False,
    bearer_id: str = "",
    reason: str = "",
    by: str = "",
    now: datetime | None = None,
) -> Dispute:
    """Accept an amount of a dispute (`accept`), or reject it with a reason; `bearer_id` is the team that bears
    the credit, the platform team when empty; `by` is recorded only when given.

    Raises:
        DisputeRefused: both or neither of the two, an unknown bearer, or the dispute cannot be resolved so.
        ChainBroken: recorded events were changed.
        TransientError: another run holds the home.
    """
    _demand_one(accept, is_rejected=is_rejected, reason=reason)
    with home_lock(settings.home):
        chain = disputes_of(settings)
        bearer = bearer_id or PLATFORM_TEAM
        if accept:
            _demand_bearer(settings, find_dispute(chain, dispute_id), bearer)
        resolved = resolve_dispute(
            chain,
            dispute_id,
            accepted=amount_of(accept) if accept else None,
            bearer_id=bearer,
            reason=reason,
            by=by,
            at=now or datetime.now(UTC),
        )
        write_closes_index(settings)
    return resolved


def _closed(settings: Settings, period: str) -> Event:
    closed = closed_events(closes_of(settings).events())
    if period not in closed:
        raise DisputeRefused(
            "only a closed month can be disputed",
            found=period,
            expected=", ".join(closed) or "a closed month; none is",
            fix="an open month is corrected at its source, or by a rule",
        )
    return closed[period]


def _demand_one(accept: str, *, is_rejected: bool, reason: str) -> None:
    if bool(accept) == is_rejected:
        raise DisputeRefused(
            "a dispute is accepted or rejected",
            found="both" if accept else "neither",
            expected="--accept AMOUNT, or --reject --reason TEXT",
            fix="say one of the two",
        )
    if is_rejected:
        _demand_reason(reason)


def _demand_reason(reason: str) -> None:
    if not reason.strip():
        raise DisputeRefused("a reason is missing", expected="--reason TEXT", fix="say why; it is recorded")


def _demand_issued(settings: Settings, event: Event, *, team_id: str, currency: str, cost_category: str) -> None:
    file = frozen_file(event, CHARGEBACK)
    rows: Collection[tuple] = ()
    if file is not None:
        with connection(DuckLimits(settings.threads, settings.memory_limit, None)) as con:
            rows = con.execute(
                f"SELECT DISTINCT team_id, billing_currency, cost_category FROM read_parquet({literal(str(file))}) ORDER BY ALL"
            ).fetchall()
    matching = [row for row in rows if row[0] == team_id and row[1] == currency and cost_category in ("", row[2])]
    if not matching:
        own = [f"{row[2]} in {row[1]}" for row in rows if row[0] == team_id]
        raise DisputeRefused(
            f"nothing of the kind was issued in {event.manifest.period}",
            found=" ".join(part for part in (team_id, cost_category, currency) if part),
            expected="; ".join(own) or f"one of the teams {', '.join(sorted({row[0] for row in rows}))}",
            fix="name team, currency and category as the closed statement does",
        )


def _demand_bearer(settings: Settings, dispute: Dispute, bearer_id: str) -> None:
    teams = _known_teams(settings, closed_events(closes_of(settings).events())[dispute.period])
    if bearer_id == dispute.team_id or bearer_id not in teams:
        raise DisputeRefused(
            "this team cannot bear the credit",
            where={"dispute": dispute.dispute_id},
            found=bearer_id,
            expected=f"another team than {dispute.team_id}: {', '.join(sorted(teams - {dispute.team_id}))}",
            fix="name it with --bearer",
        )


def _known_teams(settings: Settings, event: Event) -> set[str]:
    """Teams of today, else of the close."""
    snapshot = current_folder(settings.published_dir)
    files = [event.folder / DIMENSIONS / "dim_teams.parquet"]
    if snapshot is not None:
        files.insert(0, Path(snapshot) / "parquet" / "dim_teams.parquet")
    found = next((file for file in files if file.is_file()), None)
    if found is None:
        return set()
    with connection(DuckLimits(settings.threads, settings.memory_limit, None)) as con:
        return {row[0] for row in con.execute(f"SELECT team_id FROM read_parquet({literal(str(found))})").fetchall()}
