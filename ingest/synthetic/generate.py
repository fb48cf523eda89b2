"""Generates the sample company's deliveries: the one entry point of this package.

``generate`` writes a folder with the deliveries, ``truth/``, ``tco.toml`` and, last, ``sample.json``. The
same parameters give the same bytes; a folder that already holds them is left untouched. ``add_day`` writes
only what one more day changes: its telemetry, and the bills, reports and logs of its month.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

from ingest.errors import ConfigError
from ingest.synthetic import api_calls, aws_lines, fleet, truth, truth_gpu, truth_usage
from ingest.synthetic.api_pages import write_api_pages
from ingest.synthetic.aws_cur import write_aws_cur
from ingest.synthetic.aws_focus import make_focus_lines, write_aws_focus
from ingest.synthetic.config_file import write_config
from ingest.synthetic.gcp import make_gcp_lines, write_gcp
from ingest.synthetic.litellm import write_litellm
from ingest.synthetic.prometheus import write_prometheus
from ingest.synthetic.series import make_series
from ingest.synthetic.summary import (
    MARKER,
    SampleParameters,
    SampleSummary,
    begin_marker,
    clear_sample,
    delivered_files,
    finished_sample,
    read_marker,
    write_marker,
)
from ingest.synthetic.window import Month, covered_months
from ingest.synthetic.world import SLOT_SECONDS, World, open_world

Progress = Callable[[str, int, int], None]
_STEPS_OF_BILLS = 3


@dataclass(frozen=True, kw_only=True)
class Resources:
    """What DuckDB may use while generating."""

    memory_limit: str = "2GB"
    threads: int = 2


@dataclass(kw_only=True)
class _Run:
    world: World
    out: Path
    first_day: date  # telemetry before it is not written again
    on_progress: Progress | None
    total: int
    done: int = 0
    continues: bool = False  # telemetry of the day before was made in this run
    rows: Counter[str] = field(default_factory=Counter)

    def step(self, label: str) -> None:
        self.done += 1
        if self.on_progress is not None:
            self.on_progress(label, self.done, self.total)


def generate(
    out: Path,
    *,
    months: int = 2,
    end_month: str = "2026-10",
    seed: int = 42,
    scale: int = 1,
    step_seconds: int = SLOT_SECONDS,
    is_bulk: bool | None = None,
    extra_days: int = 0,
    on_progress: Progress | None = None,
    resources: Resources | None = None,
) -> SampleSummary:
    """Write the sample company below ``out``.

    Args:
        out: folder of its own; made if missing.
        months: whole months, the last one is ``end_month`` (``YYYY-MM``).
        end_month: last whole month.
        seed: another seed gives other loads, tokens and quantities of the same company.
        scale: k grows the GPU fleet k-fold; the files stay as the providers write them.
        step_seconds: time between two scrapes of Prometheus; divides 360.
        is_bulk: CPU lines grow 5 k-fold and requests 20 k-fold; by default above scale 1.
        extra_days: days after ``end_month``: an open month.
        on_progress: called with (label, steps done, steps in all).
        resources: limits of the generator's DuckDB.

    Raises:
        ConfigError: ``out`` holds something else than an earlier sample, or the step does not divide a slot.
        ValueError: another parameter is out of range.
    """
    parameters = SampleParameters(
        months=months,
        end_month=end_month,
        seed=seed,
        scale=scale,
        step_seconds=step_seconds,
        is_bulk=scale > 1 if is_bulk is None else is_bulk,
        extra_days=extra_days,
    )
    covered = covered_months(months=months, end_month=end_month, extra_days=extra_days)
    existing = finished_sample(out, parameters)
    if existing is not None:
        return existing
    clear_sample(out)
    return _write(out, parameters, covered, first_day=covered[0].first, on_progress=on_progress, resources=resources)


def add_day(out: Path, *, on_progress: Progress | None = None, resources: Resources | None = None) -> SampleSummary:
    """Extend a written sample by its next day.

    Returns:
        The summary with the rows of the files written by this call.

    Raises:
        ConfigError: ``out`` holds no finished sample.
    """
    marker = read_marker(out)
    if marker is None:
        raise ConfigError(
            "no finished sample to extend",
            where={"folder": out},
            expected=f"a folder with {MARKER}",
            fix="generate it first",
        )
    known = SampleParameters(**marker["parameters"])
    parameters = SampleParameters(**{**asdict(known), "extra_days": known.extra_days + 1})
    last = covered_months(months=known.months, end_month=known.end_month, extra_days=parameters.extra_days)[-1]
    newest = last.end - timedelta(days=1)
    return _write(out, parameters, (last,), first_day=newest, on_progress=on_progress, resources=resources)


def _write(
    out: Path,
    parameters: SampleParameters,
    covered: tuple[Month, ...],
    *,
    first_day: date,
    on_progress: Progress | None,
    resources: Resources | None,
) -> SampleSummary:
    started = time.monotonic()
    out.mkdir(parents=True, exist_ok=True)
    begin_marker(out, parameters)
    limits = resources or Resources()
    world = open_world(
        seed=parameters.seed,
        scale=parameters.scale,
        step_seconds=parameters.step_seconds,
        is_bulk=parameters.is_bulk,
        memory_limit=limits.memory_limit,
        threads=limits.threads,
    )
    steps = sum(_STEPS_OF_BILLS + len(_chunks(month, parameters.scale)) for month in covered)
    run = _Run(world=world, out=out, first_day=first_day, on_progress=on_progress, total=steps)
    try:
        totals = _write_months(run, covered)
    finally:
        world.con.close()
    write_config(out)
    summary = SampleSummary(
        out=out,
        parameters=parameters,
        rows=dict(sorted(run.rows.items())),
        billed=totals["billed"],
        effective=totals["effective"],
        bytes_written=sum(delivered_files(out).values()),
        seconds=round(time.monotonic() - started, 3),
    )
    write_marker(summary)
    return summary


def _write_months(run: _Run, covered: tuple[Month, ...]) -> dict[str, Decimal]:
    found = truth.Truth()
    api_calls.make_api_tables(run.world)
    truth_gpu.start_gpu_truth(run.world)
    truth_usage.start_engine_truth(run.world)
    for month in covered:
        _write_bills(run, month, found)
        for days in _chunks(month, run.world.scale):
            _write_telemetry(run, month, days)
        truth_usage.add_engine_truth(run.world, found, month)
    truth.add_gpu_rows(found, truth_gpu.gpu_times(run.world))
    return truth.write_truth(found, run.out)


def _write_bills(run: _Run, month: Month, found: truth.Truth) -> None:
    world, out = run.world, run.out
    fleet.make_node_slots(world, month.first, month.end)
    aws_lines.make_aws_lines(world, month)
    run.rows["aws_cur_2_0"] += write_aws_cur(world, month, out)
    run.step(f"{month.label} AWS bill")
    make_focus_lines(world, month)
    run.rows["aws_focus"] += write_aws_focus(world, month, out)
    make_gcp_lines(world, month)
    run.rows["gcp_billing_detailed"] += write_gcp(world, month, out)
    run.step(f"{month.label} second payer and Google Cloud")
    api_calls.make_api_calls(world, month.first, month.end)
    api_calls.make_api_costs(world)
    run.rows.update(write_api_pages(world, month, out))
    run.rows["litellm_spend_logs"] += write_litellm(world, month.days, out)
    truth.add_bill_truth(world, found, month)
    truth_usage.add_api_truth(world, found, month)
    truth_usage.add_usage_truth(world, found, month)
    run.step(f"{month.label} LLM APIs and gateway")


def _write_telemetry(run: _Run, month: Month, days: tuple[date, ...]) -> None:
    world = run.world
    first, end = days[0], days[-1] + timedelta(days=1)
    history = timedelta(days=0 if run.continues else fleet.RUN_DAYS)
    fleet.make_node_slots(world, first - history, end)
    fleet.make_pod_slots(world)
    fleet.make_engine_slots(world, first, end, continues=run.continues)
    run.continues = True
    fleet.make_gpu_slots(world, first, end)
    truth_gpu.add_gpu_truth(world, month)
    truth_usage.collect_engine_truth(world, month)
    delivered = tuple(day for day in days if day >= run.first_day)
    if delivered:
        make_series(world)
        run.rows["prometheus_samples"] += write_prometheus(world, delivered, run.out)
    run.step(f"{month.label} GPU telemetry to {days[-1]}")


def _chunks(month: Month, scale: int) -> tuple[tuple[date, ...], ...]:
    """Days made together: the month at small scale, else day by day, so that memory stays bounded."""
    return (month.days,) if scale <= 2 else tuple((day,) for day in month.days)
