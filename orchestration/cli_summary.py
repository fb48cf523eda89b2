"""What `tco run` prints at its end: figures, gates, deliveries, paths and the time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from orchestration.cli_output import out
from orchestration.quality.results import GateReport
from orchestration.summary import GROUPS, OTHER, Summary
from reporting.formatting import share
from reporting.unknowns import UNOBSERVED

if TYPE_CHECKING:
    from orchestration.run import RunOutcome

SHOWN_PERIODS = 6


def print_summary(summary: Summary) -> None:
    """Totals of the newest periods, then teams, models, GPUs and unknowns of one."""
    out.print(_totals(summary))
    out.print(_teams(summary))
    if summary.models:
        out.print(_models(summary))
    for line in gpu_lines(summary):
        out.print(line)
    out.print()


def _totals(summary: Summary) -> Table:
    table = _table("Total per billing period and basis", "period", "", "billed", "effective", "tokens at list price")
    for total in summary.totals[-SHOWN_PERIODS:]:
        table.add_row(
            total.billing_period,
            total.currency,
            _money(total.billed),
            _money(total.effective),
            _money(total.list_cost),
        )
    return table


def _teams(summary: Summary) -> Table:
    title = f"{summary.billing_period}: effective cost per team"
    table = _table(title, "team", "", *GROUPS, OTHER, "effective", "billed")
    for team in summary.teams:
        groups = [_money(team.groups.get(name)) for name in (*GROUPS, OTHER)]
        table.add_row(escape(team.team_id), team.currency, *groups, _money(team.effective), _money(team.billed))
    return table


def _models(summary: Summary) -> Table:
    title = f"{summary.billing_period}: cost per 1M tokens"
    table = _table(title, "model", "", "tokens", "effective cost", "per 1M", "per 1M at list price")
    for model in summary.models:
        table.add_row(
            escape(model.model_id),
            model.currency,
            f"{model.tokens:,}",
            _money(model.cost),
            _rate(model.per_million),
            _rate(model.list_per_million),
        )
    return table


def gpu_lines(summary: Summary) -> list[str]:
    """Idle, unobserved, unallocated and unpriced, one line each."""
    unknown, lines = summary.unknowns, []
    for gpu in summary.gpu:
        idle, code = share(gpu.idle_cost, gpu.effective.total), escape(gpu.currency)
        lines.append(
            f"idle GPUs     [bold]{idle}[/] of the paid GPU cost: {_money(gpu.idle_cost)} of"
            f" {_money(gpu.effective.total)} {code}, {gpu.idle_hours:,.1f} of {gpu.hours.total:,.1f} GPU-hours"
        )
        dark = gpu.effective.columns.get(UNOBSERVED, Decimal(0))
        hours = gpu.hours.columns.get(UNOBSERVED, Decimal(0))
        lines.append(f"unobserved    {hours:,.1f} GPU-hours, {_money(dark)} {code} effective cost")
    amounts = ", ".join(f"{_money(amount)} {code}" for code, amount in unknown.unallocated.items()) or "nothing"
    lines.append(f"unallocated   {amounts} effective cost")
    models = f" ({', '.join(map(escape, unknown.unpriced_models[:5]))})" if unknown.unpriced_models else ""
    lines.append(f"unpriced      {unknown.unpriced_tokens:,} tokens{models}")
    return lines


def print_gates(gates: Sequence[GateReport]) -> None:
    """What blocks in full, warnings in one line each, the rest as a count."""
    results = [result for report in gates for result in report.results]
    passed = sum(result.status == "passed" for result in results)
    tests = sum(report.checked for report in gates if report.border == "dbt tests")
    out.print(f"gates         {passed} of {len(results)} rules passed, {tests} data tests run")
    for report in gates:
        for result in report.warnings:
            out.print(f"  [yellow]said[/] {result.rule}: {escape(result.message)}")
        for result in report.blocking:
            out.print(f"  [bold red]{result.status}[/] {report.border}, {result.suite}: {escape(result.title)}")
            out.print(f"    rule {result.rule}, {result.rows} rows: {escape(result.message)}")
            for example in result.examples:
                out.print(f"    e.g. {escape(example)}")
            out.print(f"    next: {escape(result.fix)}")


def print_deliveries(outcome: RunOutcome) -> None:
    """What was loaded, refused or not reached."""
    notes = outcome.notes
    committed = [result for report in notes.ingested for result in report.committed]
    unchanged = sum(len(report.unchanged) for report in notes.ingested)
    out.print(f"deliveries    {len(committed)} loaded, {unchanged} unchanged")
    for result in committed:
        if result.previous is not None:
            manifest = result.manifest
            out.print(f"  [cyan]restated[/] {manifest.source} {manifest.dataset} {escape(result.message)}")
    print_troubles(notes.quarantined(), notes.failed_sources())


def print_troubles(quarantined: Sequence, failed: Sequence) -> None:
    """Refused deliveries and sources that did not answer, each with its reason."""
    for entry in quarantined:
        out.print(f"  [yellow]quarantined[/] {entry.source} {entry.dataset} {entry.partition}: {escape(entry.message)}")
    for failure in failed:
        place = " ".join(part for part in (failure.source, failure.dataset, failure.partition) if part)
        out.print(f"  [red]not loaded[/] {escape(place)}: {escape(str(failure.error))}")


def print_paths(outcome: RunOutcome, *, published: Path) -> None:
    """Where statement and marts lie, and where the time went."""
    notes = outcome.notes
    if notes.publication is not None:
        state = "new" if notes.publication.is_new else "unchanged"
        record = notes.publication.record
        out.print(f"snapshot      {record.snapshot_id} ({state}), content {record.content_hash}")
    out.print(f"marts         {published / 'current' / 'marts.duckdb'}")
    if notes.statements:
        out.print(f"statement     {notes.statements[-1]}")
    rest = outcome.overhead_seconds - sum(notes.fixed.values())
    out.print(
        f"time          {outcome.seconds:.1f} s: fixed overhead {outcome.overhead_seconds:.1f} s"
        f" ({_seconds({'Dagster and imports': rest, **notes.fixed})}),"
        f" work {sum(notes.seconds.values()):.1f} s ({_seconds(notes.seconds)})"
    )


def _seconds(spent: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {seconds:.1f}" for name, seconds in spent.items() if seconds >= 0.05)


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, padding=(0, 2, 0, 0))
    for number, name in enumerate(columns):
        table.add_column(name, justify="left" if number < 2 else "right", header_style="dim", no_wrap=True)
    return table


def _money(amount: Decimal | None) -> str:
    """Amounts come rounded by the statement's tables, with the decimals of their currency."""
    return "" if amount is None else f"{amount:,f}"


def _rate(amount: Decimal | None) -> str:
    return "unknown" if amount is None else f"{amount:,.4f}"
