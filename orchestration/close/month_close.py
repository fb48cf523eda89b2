"""`tco close` and `tco reopen`: check, freeze, record.

The home is held while it works. Nothing but the chain of closes (and, for a soft-closed month that is closed
for good, the published snapshot) changes; the next run books what follows in the open month.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from ingest.billing_period import BillingPeriod
from ingest.errors import ConfigError
from ingest.lake import Lake
from ingest.settings import Settings
from orchestration.close.chain import Event
from orchestration.close.conditions import (
    Objection,
    gate_reports,
    is_publishable,
    objections_to_close,
    objections_to_reopen,
)
from orchestration.close.errors import CloseRefused
from orchestration.close.freeze import STATEMENT, freeze_month
from orchestration.close.index import write_closes_index
from orchestration.close.months import (
    CLOSE,
    REOPEN,
    SOFT_CLOSE,
    closed_events,
    closes_of,
    frozen_events,
    frozen_months,
    month_state,
)
from orchestration.dbt_runtime import build_version
from orchestration.duck import DuckLimits
from orchestration.durable import sha256_of
from orchestration.home_lock import home_lock
from orchestration.publish.publisher import Provenance, inputs_of, publish

logger = logging.getLogger(__name__)


def close_month(
    settings: Settings,
    period: str,
    *,
    is_soft: bool = False,
    force: bool = False,
    reason: str = "",
    by: str = "",
    now: datetime | None = None,
) -> Event:
    """Close or soft-close a month ('YYYY-MM').

    Args:
        settings: the company.
        period: the month.
        is_soft: freeze what is published, without booking adjustments yet.
        force: override failed gates, open reconciliation and a stale snapshot; demands a reason.
        reason: why; recorded, as is `by` (who, free text) when given.
        now: the instant of the close (aware); the clock's when None.

    Raises:
        ConfigError: the period is none, or force comes without a reason.
        CloseRefused: something speaks against it.
        ChainBroken: recorded closes were changed.
        TransientError: another run holds the home.
    """
    instant = now or datetime.now(UTC)
    _demand_period(period)
    if force:
        _demand_reason("a forced close", reason)
    with home_lock(settings.home):
        write_closes_index(settings)
        event = _freeze_and_record(settings, period, is_soft=is_soft, force=force, reason=reason, by=by, instant=instant)
        write_closes_index(settings)
        restore_statement(settings, event)
    logger.info("%s of %s is event %d, %s", event.manifest.kind, period, event.manifest.sequence, event.hash)
    return event


def _freeze_and_record(
    settings: Settings, period: str, *, is_soft: bool, force: bool, reason: str, by: str, instant: datetime
) -> Event:
    chain = closes_of(settings)
    events = chain.events()
    objections = objections_to_close(settings, period, is_soft=is_soft, events=events, now=instant)
    fill = partial(
        freeze_month,
        settings,
        period,
        gates=[report.to_json() for report in gate_reports(settings)],
        overridden=_overridden(period, objections, force=force),
        is_soft=is_soft,
    )
    # what failed its gates is never published, also not by force: then the soft-closed figures become final
    if month_state(events, period) == "soft_closed" and is_publishable(settings):
        _publish_restated(settings, period, events)
    kind = SOFT_CLOSE if is_soft else CLOSE
    return chain.append(kind=kind, period=period, at=instant, by=by, reason=reason, fill=fill)


def close_once(settings: Settings, period: str) -> Event:
    """Close a month, or give the close it has already: what a scheduled job may do twice.

    Raises:
        ConfigError, CloseRefused, ChainBroken, TransientError: as `close_month`.
    """
    closed = closed_events(closes_of(settings).events()).get(period)
    return closed or close_month(settings, period)


def reopen_month(settings: Settings, period: str, *, reason: str, by: str = "", now: datetime | None = None) -> Event:
    """Reopen the newest closed or soft-closed month: it restates again, what it booked is booked anew.

    Raises:
        ConfigError: the period is none, or the reason is empty.
        CloseRefused: the month is open, or a later one is frozen.
        ChainBroken: recorded closes were changed.
        TransientError: another run holds the home.
    """
    _demand_period(period)
    _demand_reason("reopening a month", reason)
    with home_lock(settings.home):
        chain = closes_of(settings)
        _overridden(period, objections_to_reopen(period, events=chain.events()), force=False, act="reopen")
        event = chain.append(
            kind=REOPEN, period=period, at=now or datetime.now(UTC), by=by, reason=reason, fill=lambda _: {}
        )
        write_closes_index(settings)
    logger.info("%s reopened as event %d, %s", period, event.manifest.sequence, event.hash)
    return event


def frozen_statements(settings: Settings) -> dict[str, Event]:
    """The event that holds the statement of each frozen month."""
    return frozen_events(closes_of(settings).events())


def restore_statement(settings: Settings, event: Event) -> Path:
    """Make `<statements>/<period>/` hold the closed statement byte for byte; the page's path."""
    source, target = event.folder / STATEMENT, settings.statements_dir / event.manifest.period
    target.mkdir(parents=True, exist_ok=True)
    for file in event.manifest.files:
        if not file.path.startswith(f"{STATEMENT}/"):
            continue
        name = file.path.removeprefix(f"{STATEMENT}/")
        path = target / name
        if not path.is_file() or path.stat().st_size != file.size or sha256_of(path) != file.sha256:
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary = path.with_name(f".{path.name}.tmp")
            shutil.copyfile(source / name, temporary)
            temporary.replace(path)
    return target / "statement.html"


def _publish_restated(settings: Settings, period: str, events: Sequence[Event]) -> None:
    """Publish a soft-closed month as it is restated now: what its close then freezes."""
    provenance = Provenance(
        inputs=inputs_of(Lake(settings.lake_dir).manifests()),
        gates=tuple(report.to_json() for report in gate_reports(settings)),
        code_version=build_version(settings),
    )
    publish(
        settings.warehouse_path,
        published_dir=settings.published_dir,
        provenance=provenance,
        keep=settings.keep_snapshots,
        limits=DuckLimits(settings.threads, settings.memory_limit, settings.home / "tmp"),
        frozen=frozen_months(events, release=period),
    )


def _overridden(period: str, objections: Sequence[Objection], *, force: bool, act: str = "close") -> list[str]:
    """The objections that were forced, in words.

    Raises:
        CloseRefused: some objection stands.
    """
    standing = [o for o in objections if not (force and o.can_be_forced)]
    if not standing:
        return [objection.what for objection in objections]
    can_all = all(objection.can_be_forced for objection in standing)
    hint = f"; or `tco {act} {period} --force --reason TEXT`, which is recorded" if can_all else ""
    raise CloseRefused(
        f"{period} cannot be {'reopened' if act == 'reopen' else 'closed'}",
        found="; ".join(objection.what for objection in standing),
        fix="; ".join(dict.fromkeys(objection.fix for objection in standing)) + hint,
    )


def _demand_reason(act: str, reason: str) -> None:
    if not reason.strip():
        raise ConfigError(f"{act} needs a reason", expected="--reason TEXT", fix="say why; it is recorded")


def _demand_period(period: str) -> None:
    try:
        BillingPeriod.parse(period)
    except ValueError as error:
        raise ConfigError("that is no billing period", found=period, expected="YYYY-MM", fix="write 2026-10") from error
