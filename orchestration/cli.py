"""The `tco` command. Belongs here: arguments, exit codes, and which function does the work; nothing else.

Every command imports what it needs when it runs, so that `tco --help` and mistakes answer at once. Exit
codes are listed in cli_output.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ingest.errors import ConfigError, GateError, TcoError, TransientError
from orchestration.cli_close import add_close_commands
from orchestration.cli_output import Exit, err, out, reporting, say_error
from orchestration.notes import Progress

if TYPE_CHECKING:
    from ingest.settings import Settings

STARTED = time.monotonic()
EXIT_CODES = (
    "Exit codes: 0 done · 1 a gate failed, the published marts stay · 2 wrong configuration · "
    "3 done, but deliveries are in quarantine · 4 a source could not be reached · 5 could not finish"
)

app = typer.Typer(
    name="tco",
    help="What AI inference really costs: one ledger from cloud bills, GPU telemetry and token usage, tied to the invoice.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
prices = typer.Typer(help="Price seeds.", no_args_is_help=True)
app.add_typer(prices, name="prices")
export = typer.Typer(help="Files for other tools.", no_args_is_help=True)
app.add_typer(export, name="export")
add_close_commands(app)


@app.callback()
def common(
    context: typer.Context,
    config: Annotated[
        Path | None, typer.Option("--config", "-c", help="tco.toml; default TCO_CONFIG, then tco.toml here.")
    ] = None,
) -> None:
    """Keep the configuration file for the command."""
    context.obj = config


@app.command()
def sample(
    folder: Annotated[Path, typer.Argument(help="Folder of its own for the deliveries.")] = Path("data/sample"),
    months: Annotated[int, typer.Option(min=1, help="Whole months.")] = 2,
    end_month: Annotated[str, typer.Option(help="Last whole month, YYYY-MM.")] = "2026-10",
    scale: Annotated[int, typer.Option(min=1, help="Size of the company.")] = 1,
    step_seconds: Annotated[int, typer.Option(help="Seconds between two scrapes of Prometheus; divides 360.")] = 360,
    seed: Annotated[int, typer.Option(help="Another seed, other figures.")] = 42,
    fault: Annotated[
        list[str] | None, typer.Option(help="Instead: one month of LLM APIs with this fault (or none); repeatable.")
    ] = None,
) -> None:
    """Write the sample company's deliveries, with their truth and a working tco.toml."""
    if fault:
        from orchestration.cli_sample import write_faulty_month

        for line in write_faulty_month(folder, fault, period=end_month, seed=seed):
            out.print(line, markup=False)
        return
    from ingest.synthetic.generate import generate

    with reporting() as report:
        summary = generate(
            folder,
            months=months,
            end_month=end_month,
            scale=scale,
            step_seconds=step_seconds,
            seed=seed,
            on_progress=lambda text, done, total: report(Progress("sample", text, done, total)),
        )
    rows = sum(summary.rows.values())
    kept = "already there" if summary.reused else f"written in {summary.seconds:.1f} s"
    out.print(f"sample company in {summary.out}: {rows:,} rows, billed {summary.billed:,.2f} USD, {kept}")
    out.print(f"next: tco --config {summary.out / 'tco.toml'} run")


@app.command()
def ingest(
    context: typer.Context,
    source: Annotated[list[str] | None, typer.Option("--source", "-s", help="Only this source; repeatable.")] = None,
) -> None:
    """Load what changed at the sources into the lake, without building anything."""
    from orchestration.cli_commands import load_sources

    settings = _settings(context)
    with reporting() as report:
        code = load_sources(settings, source, on_progress=report)
    raise typer.Exit(code)


@app.command()
def run(context: typer.Context) -> None:
    """Load, check, build, check, publish, state: the daily job, ending with a summary."""
    from orchestration.cli_commands import run_and_print

    settings = _settings(context)
    with reporting() as report:
        finished = run_and_print(settings, on_progress=report, started=STARTED)
    raise typer.Exit(finished())


@app.command()
def status(context: typer.Context) -> None:
    """What is loaded, how fresh it is, what is in quarantine, what is published."""
    from orchestration.cli_status import print_status

    print_status(_settings(context))


@app.command()
def statement(
    context: typer.Context,
    period: Annotated[str | None, typer.Argument(help="YYYY-MM; default the newest published month.")] = None,
    folder: Annotated[Path | None, typer.Option("--out", help="Default <home>/statements.")] = None,
    is_full: Annotated[
        bool, typer.Option("--all", help="Also every team's PDF and workbook, and the FOCUS 1.2 slices.")
    ] = False,
) -> None:
    """Write a month's statements (HTML, PDF, XLSX, CSV, journal) of the company and of each team."""
    from orchestration.cli_commands import write_and_print_statement

    write_and_print_statement(_settings(context), period, out_folder=folder, is_full=is_full)


@app.command()
def explain(
    context: typer.Context,
    team: Annotated[str, typer.Argument(help="team_id, or unallocated.")],
    month: Annotated[str, typer.Argument(help="YYYY-MM.")],
    category: Annotated[str | None, typer.Option("--category", help="Only this cost category.")] = None,
    basis: Annotated[str, typer.Option("--basis", help="billed or effective.")] = "effective",
    top: Annotated[int, typer.Option("--top", min=1, help="Charge lines listed per path.")] = 5,
) -> None:
    """Expand what a team pays in a month: category, path through rules and pools, charge lines, to the last digit."""
    from orchestration.cli_explain import print_explanation

    settings = _settings(context)
    print_explanation(settings.published_dir, team, month, category=category, basis=basis, top=top)


@app.command()
def check(context: typer.Context) -> None:
    """Check the configuration, the allocation rules and the reach of every source, loading nothing."""
    from orchestration.cli_commands import check_sources

    raise typer.Exit(check_sources(_settings(context, require_paths=True)))


@prices.command()
def refresh(
    context: typer.Context,
    part: Annotated[
        list[str] | None, typer.Option("--part", "-p", help="tokens, aws or gcp; repeatable; default tokens.")
    ] = None,
) -> None:
    """Rewrite the price seeds from their catalogues and print what changed."""
    from orchestration.cli_commands import refresh_and_print

    settings = _settings(context)
    with reporting() as report:
        report(Progress("prices", ", ".join(part or ["tokens"])))
        lines = refresh_and_print(settings, part or ["tokens"])
    for line in lines:
        out.print(line, markup=False)


@export.command()
def focus(
    context: typer.Context,
    folder: Annotated[Path | None, typer.Option("--out", help="Default <home>/exports/focus.")] = None,
    period: Annotated[list[str] | None, typer.Option("--period", "-p", help="YYYY-MM; repeatable; default all.")] = None,
    rows: Annotated[Literal["charges", "allocated", "both"], typer.Option(help="Which rows.")] = "both",
    is_ascii: Annotated[bool, typer.Option("--ascii", help="Transliterate texts, for readers that want ASCII.")] = False,
) -> None:
    """Write published charges and allocated costs as checked FOCUS 1.2 Parquet files."""
    from orchestration.cli_export import export_and_print

    export_and_print(_settings(context), folder=folder, periods=period or (), rows=rows, is_ascii=is_ascii)


def _settings(context: typer.Context, *, require_paths: bool = False) -> Settings:
    from ingest.settings import load_settings

    return load_settings(context.obj, require_paths=require_paths)


def exit_code_of(error: TcoError) -> Exit:
    """The exit code an error ends the command with."""
    if isinstance(error, ConfigError):
        return Exit.CONFIGURATION
    if isinstance(error, GateError):
        return Exit.GATE_FAILED
    return Exit.UNREACHABLE if isinstance(error, TransientError) else Exit.UNFINISHED


def main() -> None:
    """Entry point: an expected error is one message and its exit code, never a traceback."""
    from orchestration.quiet import switch_off_telemetry

    switch_off_telemetry()
    try:
        app()
    except TcoError as error:
        say_error(error)
        raise SystemExit(int(exit_code_of(error))) from None
    except KeyboardInterrupt:
        err.print("stopped; run again at any time")
        raise SystemExit(130) from None
