"""`tco status`: what is loaded, how old it is, what is in quarantine, what is published and what the gates
said.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal

from rich.markup import escape
from rich.table import Table

from ingest.durable_files import read_json
from ingest.lake import Lake
from ingest.manifest import Manifest
from ingest.settings import Settings
from orchestration.cli_output import out
from orchestration.close.disputes import disputes_of, read_disputes
from orchestration.close.months import booking_period, closes_of, frozen_events, month_state
from orchestration.publish.pending import read_pending
from orchestration.publish.snapshot import current_record
from orchestration.quality.results import GateReport


def print_status(settings: Settings, *, now: datetime | None = None) -> None:
    """Print the state of a home; reads only."""
    instant = now or datetime.now(UTC)
    lake = Lake(settings.lake_dir)
    _print_loaded(lake.manifests(), settings, instant)
    _print_quarantine(lake)
    _print_published(settings, instant)
    _print_months(settings)
    _print_gates(settings)


def _print_loaded(manifests: Sequence[Manifest], settings: Settings, now: datetime) -> None:
    if not manifests:
        out.print(f"nothing is loaded yet in {settings.lake_dir}; `tco run` loads")
        return
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name in ("source", "data set", "partitions", "newest", "delivered", "rows", "billed"):
        table.add_column(name, justify="right" if name in ("partitions", "rows", "billed") else "left")
    for source, dataset in sorted({(m.source, m.dataset) for m in manifests}):
        own = [m for m in manifests if (m.source, m.dataset) == (source, dataset)]
        newest = max(own, key=lambda m: m.partition)
        table.add_row(
            source,
            dataset,
            str(len(own)),
            newest.partition,
            f"{age(now - newest.delivered_at)} ago",
            f"{sum(m.rows for m in own):,}",
            billed(own),
        )
    out.print(table)
    silent = sorted({s.name for s in settings.sources} - {m.source for m in manifests})
    if silent:
        out.print(f"[yellow]never loaded[/] {', '.join(silent)}")


def billed(manifests: Sequence[Manifest]) -> str:
    """Billed cost per currency, '' when the data set carries none."""
    sums: dict[str, Decimal] = {}
    for manifest in manifests:
        for currency, amounts in manifest.money.items():
            if "billed_cost" in amounts:
                sums[currency] = sums.get(currency, Decimal(0)) + amounts["billed_cost"]
    return ", ".join(f"{amount:,.2f} {currency}" for currency, amount in sorted(sums.items()))


def age(span: object) -> str:
    """A time span in its largest unit: 3 days, 5 hours, 12 minutes."""
    seconds = int(getattr(span, "total_seconds", lambda: 0)())
    for unit, length in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length} {unit}"
    return "a minute"


def _print_quarantine(lake: Lake) -> None:
    entries = lake.quarantine_entries.entries()
    out.print(f"\nquarantine    {len(entries)} deliveries" if entries else "\nquarantine    empty")
    for entry in entries:
        place = f"{entry.source} {entry.dataset} {entry.partition}"
        out.print(f"  [yellow]{escape(place)}[/] since {entry.at}: {escape(entry.message)}")


def _print_published(settings: Settings, now: datetime) -> None:
    record = current_record(settings.published_dir)
    if record is None:
        out.print("published     nothing yet")
        return
    periods = sorted(record.totals)
    span = f"{periods[0]} to {periods[-1]}" if periods else "no billing period"
    out.print(f"published     {record.snapshot_id}, {span}, content {record.content_hash}")
    out.print(f"              made {age(now - record.created_at)} ago, confirmed {age(now - record.checked_at)} ago")
    waiting = read_pending(settings.published_dir)
    if waiting.is_full or waiting.periods:
        what = "everything" if waiting.is_full else ", ".join(sorted(waiting.periods))
        out.print(f"  [yellow]rebuilt but not published:[/] {what}; `tco run` goes on")


def _print_months(settings: Settings) -> None:
    events = closes_of(settings).events()
    record = current_record(settings.published_dir)
    frozen = frozen_events(events)
    for period in sorted({*frozen, *(record.totals if record else ())}):
        event = frozen.get(period)
        state = month_state(events, period)
        word = {"closed": "[green]closed[/]", "soft_closed": "[yellow]soft-closed[/]"}.get(state, state)
        since = f" at {event.manifest.at:%Y-%m-%d %H:%M} UTC, {event.hash[:12]}" if event else ""
        booking = ", books the adjustments of closed months" if period == booking_period(events) else ""
        out.print(f"month         {period}: {word}{since}{booking}")
    disputes = [d for d in read_disputes(disputes_of(settings).events()) if d.state == "open"]
    if disputes:
        out.print(f"disputes      {len(disputes)} open; `tco dispute list`")


def _print_gates(settings: Settings) -> None:
    for path in sorted((settings.home / "gates").glob("*.json")):
        if path.name.startswith("verified"):
            continue
        report = GateReport.from_json(read_json(path) or {})
        troubles = [r for r in report.results if r.status != "passed"]
        verdict = "[green]passed[/]" if report.is_passed else "[bold red]blocked[/]"
        out.print(f"gate          {report.border}: {verdict} at {report.at:%Y-%m-%d %H:%M} UTC")
        for result in troubles:
            word = result.status if result.is_blocking else "said"
            out.print(f"  {word} {result.check}: {escape(result.message)}")
