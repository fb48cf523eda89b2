"""Measures the daily run on a grown sample company and prints what it costs.

Three questions: how the run compares with DuckDB reading the same files once, aggregating them to day grain and writing that
result (two sizes 10 times apart); what one more day costs on top of 1 and of 12 months; what is fixed overhead on the small
company. Every number of a comparison is measured in this one call.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from ingest.synthetic.generate import add_day, generate
from tests.bench.allocation import allocate
from tests.bench.baseline import day_grain_seconds
from tests.bench.measured_run import Measurement, measure_run

CONSOLE = Console(width=110)
PARTS = ["small", "sizes", "history", "allocation"]


def main(argv: list[str] | None = None) -> int:
    """Run the parts that were asked for; all of them by default."""
    options = _options(argv)
    options.out.mkdir(parents=True, exist_ok=True)
    if "small" in options.parts:
        _small_company(options.out)
    if "sizes" in options.parts:
        for scale in (max(1, options.scale // 10), options.scale):
            _one_size(options.out, scale)
    if "history" in options.parts:
        _extra_day(options.out, options.history_scale)
    if "allocation" in options.parts:
        _allocation(options.out)
    return 0


def _options(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--parts", nargs="+", default=PARTS, choices=PARTS)
    parser.add_argument("--scale", type=int, default=40, help="larger size; 40 gives more than 50 million rows")
    parser.add_argument("--history-scale", type=int, default=2, help="size of the company with 1 and with 12 months")
    parser.add_argument("--out", type=Path, default=Path("data/bench"), help="work folder; samples in it are used again")
    return parser.parse_args(argv)


def _small_company(out: Path) -> None:
    sample = generate(out / "small")
    CONSOLE.print(_stage_table("small company, first run", measure_run(sample.config_file, out / "small" / "data"), 0.0))
    again = measure_run(sample.config_file, out / "small" / "data", keep_home=True)
    CONSOLE.print(_stage_table("small company, nothing new", again, 0.0))


def _one_size(out: Path, scale: int) -> None:
    sample = generate(out / f"scale{scale}", months=1, scale=scale)
    baseline = day_grain_seconds(sample.out, out / "baseline")
    measured = measure_run(sample.config_file, sample.out / "data")
    CONSOLE.print(_stage_table(f"scale {scale}, one month, first run", measured, baseline))


def _extra_day(out: Path, scale: int) -> None:
    seconds = {}
    for months in (1, 12):
        folder = out / f"history{months}"
        shutil.rmtree(folder, ignore_errors=True)
        sample = generate(folder, months=months, scale=scale)
        measure_run(sample.config_file, folder / "data")
        add_day(folder)
        day = measure_run(sample.config_file, folder / "data", keep_home=True)
        CONSOLE.print(_stage_table(f"one more day on top of {months} months (scale {scale})", day, 0.0))
        seconds[months] = day.seconds
    CONSOLE.print(f"extra day with 12 months / with 1 month: {seconds[12] / seconds[1]:.2f} (goal: at most 1.20)\n")


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


def _stage_table(title: str, measured: Measurement, baseline: float) -> Table:
    table = Table(title=f"{title}: {measured.rows:,} rows in {measured.seconds:.1f} s", title_justify="left")
    for heading in ("stage", "wall s", "peak MiB", "rows/s"):
        table.add_column(heading, justify="left" if heading == "stage" else "right")
    for stage, wall in measured.stage_seconds.items():
        rate = f"{measured.rows / wall:,.0f}" if wall > 0 and measured.rows else "-"
        table.add_row(stage, f"{wall:.1f}", f"{measured.stage_peak_mib.get(stage, 0):,.0f}", rate)
    table.add_row("overhead (imports, Dagster, dbt start)", f"{measured.overhead_seconds:.1f}", "", "")
    table.add_row("whole run", f"{measured.seconds:.1f}", f"{measured.peak_mib:,.0f}", "")
    if baseline:
        table.add_row("DuckDB: read once, day grain, write", f"{baseline:.1f}", "", f"{measured.rows / baseline:,.0f}")
        table.add_row("ratio (goal: at most 6)", f"{measured.seconds / baseline:.1f}", "", "")
    return table


if __name__ == "__main__":
    sys.exit(main())
