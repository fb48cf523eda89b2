"""Measures the daily run on a grown sample company and prints what it costs.

Three questions: how the run compares with DuckDB reading the same files once, aggregating them to day grain and writing that
result (two sizes 10 times apart); what one more day costs on top of 1 and of 12 months; what is fixed overhead on the small
company. Every number of a comparison is measured in this one call, on files as providers deliver them; rows are delivered
records (samples, requests, lines).
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from ingest.synthetic.generate import add_day, generate
from ingest.synthetic.summary import SampleSummary
from tests.bench.allocation import allocate
from tests.bench.baseline import day_grain_seconds
from tests.bench.delivered import delivered_kinds
from tests.bench.measured_run import Measurement, measure_run

CONSOLE = Console(width=110)
PARTS = ["small", "sizes", "history", "allocation"]
HISTORIES = (1, 12)  # months
EXTRA_DAYS = 3


def main(argv: list[str] | None = None) -> int:
    """Run the parts that were asked for; all of them by default."""
    options = _options(argv)
    options.out.mkdir(parents=True, exist_ok=True)
    if "small" in options.parts:
        _small_company(options.out)
    if "sizes" in options.parts:
        for scale in sorted({max(1, options.scale // 10), options.scale}):
            _one_size(options.out, scale, options.step)
    if "history" in options.parts:
        _extra_day(options.out, options.history_scale)
    if "allocation" in options.parts:
        _allocation(options.out)
    return 0


def _options(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--parts", nargs="+", default=PARTS, choices=PARTS)
    parser.add_argument("--scale", type=int, default=10, help="larger size, the smaller is a tenth; 10 gives 74 million rows")
    parser.add_argument("--step", type=int, default=60, help="seconds between two scrapes of both sizes; divides 360")
    parser.add_argument("--history-scale", type=int, default=2, help="company with 1 and with 12 months, scraped every 360 s")
    parser.add_argument("--out", type=Path, default=Path("data/bench"), help="work folder; samples in it are used again")
    return parser.parse_args(argv)


def _small_company(out: Path) -> None:
    sample = generate(out / "small")
    _print_delivered("small company", sample)
    first = measure_run(sample.config_file, out / "small" / "data")
    CONSOLE.print(_stage_table("small company, first run", first, _rows(sample)))
    again = measure_run(sample.config_file, out / "small" / "data", keep_home=True)
    CONSOLE.print(_stage_table("small company, nothing new", again, 0))


def _one_size(out: Path, scale: int, step: int) -> None:
    sample = generate(out / f"scale{scale}step{step}", months=1, scale=scale, step_seconds=step, is_bulk=True)
    title = f"scale {scale}, {step} s scrapes, one month"
    _print_delivered(title, sample)
    baseline = day_grain_seconds(sample.out, out / "baseline")
    measured = measure_run(sample.config_file, sample.out / "data")
    CONSOLE.print(_stage_table(f"{title}, first run", measured, _rows(sample), baseline=baseline))


def _extra_day(out: Path, scale: int) -> None:
    """Days in turns on both histories, the quicker of each: what else the machine does hits single runs."""
    folders = {months: out / f"history{months}" for months in HISTORIES}
    for months, folder in folders.items():
        shutil.rmtree(folder, ignore_errors=True)
        measure_run(generate(folder, months=months, scale=scale).config_file, folder / "data")
    quickest = dict.fromkeys(HISTORIES, float("inf"))
    for number in range(1, EXTRA_DAYS + 1):
        for months, folder in folders.items():
            added = add_day(folder)
            day = measure_run(added.config_file, folder / "data", keep_home=True)
            title = f"extra day {number} on top of {months} months (scale {scale}, {added.parameters.step_seconds} s scrapes)"
            CONSOLE.print(_stage_table(title, day, _rows(added)))
            quickest[months] = min(quickest[months], day.seconds)
    short, long = (quickest[months] for months in HISTORIES)
    ratio = f"{long:.1f} s / {short:.1f} s = {long / short:.2f}"
    CONSOLE.print(f"extra day with 12 months / with 1 month: {ratio} (goal: at most 1.20)\n")


def _allocation(out: Path) -> None:
    measured = allocate(out / "allocation")
    table = Table(title="1,000,000 charges through 5 levels of pools, 2 threads", title_justify="left")
    for heading in ("stage", "wall s"):
        table.add_column(heading, justify="left" if heading == "stage" else "right")
    for stage, seconds in measured.stage_seconds.items():
        table.add_row(stage, f"{seconds:.2f}")
    table.add_row("all (goal: below 10 s on 2 free cores)", f"{measured.seconds:.2f}")
    CONSOLE.print(table)
    CONSOLE.print(f"{measured.ledger_rows:,} ledger rows, {measured.cpu_seconds:.1f} s of processor time\n")


def _rows(sample: SampleSummary) -> int:
    return sum(sample.rows.values())


def _print_delivered(title: str, sample: SampleSummary) -> None:
    table = Table(title=f"{title}: what is delivered", title_justify="left")
    for heading in ("records", "format", "rows", "MB"):
        table.add_column(heading, justify="left" if heading in ("records", "format") else "right")
    kinds = delivered_kinds(sample)
    for kind in kinds:
        table.add_row(kind.records, kind.form, f"{kind.rows:,}", f"{kind.size / 1e6:,.1f}")
    table.add_row("all", "", f"{sum(kind.rows for kind in kinds):,}", f"{sum(kind.size for kind in kinds) / 1e6:,.1f}")
    CONSOLE.print(table)


def _stage_table(title: str, measured: Measurement, rows: int, *, baseline: float = 0.0) -> Table:
    table = Table(title=f"{title}: {rows:,} rows in {measured.seconds:.1f} s", title_justify="left")
    for heading in ("stage", "wall s", "peak MiB", "rows/s"):
        table.add_column(heading, justify="left" if heading == "stage" else "right")
    for stage, wall in measured.stage_seconds.items():
        rate = f"{rows / wall:,.0f}" if wall > 0 and rows else "-"
        table.add_row(stage, f"{wall:.1f}", f"{measured.stage_peak_mib.get(stage, 0):,.0f}", rate)
    table.add_row("overhead (imports, Dagster, dbt start)", f"{measured.overhead_seconds:.1f}", "", "")
    table.add_row("whole run", f"{measured.seconds:.1f}", f"{measured.peak_mib:,.0f}", "")
    if baseline:
        table.add_row("DuckDB: read once, day grain, write", f"{baseline:.1f}", "", f"{rows / baseline:,.0f}")
        table.add_row("ratio (goal: at most 6)", f"{measured.seconds / baseline:.1f}", "", "")
    return table


if __name__ == "__main__":
    sys.exit(main())
