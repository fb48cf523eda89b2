"""`tco close`, `tco reopen`, `tco verify` and `tco dispute …`: arguments, what is printed, exit codes.

A refusal ends with exit code 1 like a failed gate, and so does a verification that finds a difference.
Everything costly is imported when a command runs.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestration.cli_output import Exit, out, reporting
from orchestration.notes import Progress

if TYPE_CHECKING:
    from ingest.settings import Settings

Reason = Annotated[str, typer.Option("--reason", help="Why; recorded for good.")]
By = Annotated[str, typer.Option("--by", help="Who, as free text; recorded only when given.")]
Period = Annotated[str, typer.Argument(help="Month, YYYY-MM.")]

dispute = typer.Typer(help="Disputes about closed months.", no_args_is_help=True)


def add_close_commands(app: typer.Typer) -> None:
    """Hang the commands into the application."""
    app.command()(close)
    app.command()(reopen)
    app.command()(verify)
    app.add_typer(dispute, name="dispute")


def close(
    context: typer.Context,
    period: Period,
    soft: Annotated[bool, typer.Option("--soft", help="Freeze what is published, book no adjustments yet.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Although gates or reconciliation fail; needs --reason.")] = False,
    reason: Reason = "",
    by: By = "",
) -> None:
    """Close a month: its statement and figures never move again, later changes become adjustments."""
    from orchestration.close.month_close import close_month

    settings = _settings(context)
    with reporting() as report:
        report(Progress("close", period))
        event = close_month(settings, period, is_soft=soft, force=force, reason=reason, by=by)
    word = "soft-closed" if soft else "closed"
    out.print(f"{period} {word} as event {event.manifest.sequence}, {len(event.manifest.files)} files in {event.folder}")
    for what in event.manifest.facts["overridden"]:
        out.print(f"  [yellow]forced although[/] {what}", markup=True)
    out.print(f"hash {event.hash}: keep it elsewhere, `tco verify --head {event.hash[:12]}` proves the record by it")


def reopen(context: typer.Context, period: Period, reason: Reason = "", by: By = "") -> None:
    """Reopen the newest closed month: an explicit act that is recorded; the next run restates it."""
    from orchestration.close.month_close import reopen_month

    event = reopen_month(_settings(context), period, reason=reason, by=by)
    out.print(f"{period} is open again, event {event.manifest.sequence}, hash {event.hash}; `tco run` restates it")


def verify(
    context: typer.Context,
    home: Annotated[Path | None, typer.Option(help="Home to look at; default the configured one.")] = None,
    head: Annotated[str, typer.Option(help="Hash of a close noted elsewhere, or its beginning, that must be there.")] = "",
) -> None:
    """Check every closed file against its hash, and that what is published is what was closed."""
    from orchestration.close.months import facts_of, frozen_events, month_state
    from orchestration.close.verify import verify as verify_home

    settings = _settings(context)
    if home is not None:
        settings = settings.model_copy(update={"home": home.resolve()})
    found = verify_home(settings, head=head)
    for problem in found.problems:
        out.print(f"[bold red]differs[/] {problem.path}", markup=True)
        out.print(f"  {problem.what}", markup=False)
    if not found.is_sound:
        out.print(f"{len(found.problems)} differences in {settings.home / 'closes'}")
        raise typer.Exit(Exit.GATE_FAILED)
    for period, event in frozen_events(found.closes).items():
        totals = ", ".join(f"{sums['billed_cost']:,.2f} {currency}" for currency, sums in facts_of(event).totals.items())
        out.print(f"{period} {month_state(found.closes, period):<12} {event.hash}  billed {totals}")
    events = f"{len(found.closes)} closing events, {len(found.disputes)} dispute events"
    out.print(f"sound: {events}, {found.files} files, every byte as recorded")


@dispute.command("open")
def open_(
    context: typer.Context,
    period: Annotated[str, typer.Option(help="Closed month, YYYY-MM.")],
    team: Annotated[str, typer.Option(help="Team that disputes.")],
    amount: Annotated[str, typer.Option(help="What it was charged too much.")],
    reason: Reason,
    currency: Annotated[str, typer.Option(help="Currency of the amount.")] = "USD",
    category: Annotated[str, typer.Option(help="Cost category of the statement line.")] = "",
    by: By = "",
) -> None:
    """Record a dispute about a closed month; the statement stays as it is."""
    from orchestration.close.dispute_commands import record_dispute

    opened = record_dispute(
        _settings(context),
        period=period,
        team_id=team,
        amount=amount,
        currency=currency,
        cost_category=category,
        reason=reason,
        by=by,
    )
    out.print(f"{opened.dispute_id} {opened.period} {opened.team_id} {opened.amount:f} {opened.currency}: open", markup=False)


@dispute.command()
def resolve(
    context: typer.Context,
    dispute_id: Annotated[str, typer.Argument(help="Such as D0001.")],
    accept: Annotated[str, typer.Option(help="Amount to credit in the open month.")] = "",
    reject: Annotated[bool, typer.Option("--reject", help="Credit nothing; needs --reason.")] = False,
    bearer: Annotated[str, typer.Option(help="Team that bears the credit; default the platform team.")] = "",
    reason: Reason = "",
    by: By = "",
) -> None:
    """Accept or reject a dispute; an accepted one becomes a credit and a debit in the open month."""
    from orchestration.close.dispute_commands import record_resolution

    done = record_resolution(
        _settings(context), dispute_id, accept=accept, is_rejected=reject, bearer_id=bearer, reason=reason, by=by
    )
    what = f"{done.accepted:f} {done.currency} at the cost of {done.bearer_id}; `tco run` books it" if done.is_accepted else ""
    out.print(f"{done.dispute_id} {done.state} {what}".rstrip(), markup=False)


@dispute.command("list")
def list_(context: typer.Context) -> None:
    """All disputes and what became of them."""
    from orchestration.close.disputes import disputes_of, read_disputes

    found = read_disputes(disputes_of(_settings(context)).events())
    for item in found:
        decided = f", {item.accepted:f} credited, borne by {item.bearer_id}" if item.is_accepted else ""
        line = f"{item.dispute_id} {item.period} {item.team_id} {item.amount:f} {item.currency}: {item.state}{decided}"
        out.print(f"{line} ({item.reason})", markup=False)
    if not found:
        out.print("no dispute is recorded")


def _settings(context: typer.Context) -> Settings:
    from ingest.settings import load_settings

    return load_settings(context.obj)
