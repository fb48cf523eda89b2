"""The statement's bar charts as plain figures: drawn by the PDF, and by the team pages as SVG."""

from __future__ import annotations

from decimal import Decimal

from reporting.datatable import Bar, BarChart
from reporting.formatting import MINUS, clean, label, money
from reporting.gpu_time import GpuTime
from reporting.ledger import EFFECTIVE, CurrencyLedger
from reporting.palette import CATEGORY_COLOURS, OTHER, WHOLE, state_colour
from reporting.queries import UNALLOCATED
from reporting.rounding import exact_sum

CHART_TEAMS = 16
_ZERO = Decimal(0)


def team_chart(ledger: CurrencyLedger, names: dict[str, str]) -> BarChart:
    """Effective cost per team, stacked by category; credits start left of zero."""
    table, bars = ledger.tables[EFFECTIVE], []
    teams = [team for team in ledger.team_ids if team in table.rows and team != UNALLOCATED]
    groups = {names[team]: [team] for team in teams[:CHART_TEAMS]}
    if len(teams) > CHART_TEAMS:
        groups[f"{len(teams) - CHART_TEAMS} other teams"] = teams[CHART_TEAMS:]
    if UNALLOCATED in table.rows:
        groups[names[UNALLOCATED]] = [UNALLOCATED]
    drawn: set[str] = set()
    for name, members in groups.items():
        ends, parts = {True: _ZERO, False: _ZERO}, []
        for category in ledger.categories:
            amount = exact_sum(table.cell(team, category) for team in members)
            if amount:
                start = ends[amount > 0]
                ends[amount > 0] = start + amount
                parts.append((start, start + amount, CATEGORY_COLOURS.get(category, OTHER)))
                drawn.add(category)
        total = exact_sum(table.rows[team] for team in members)
        bars.append(Bar(name, tuple(parts), money(total, table.places)))
    legend = tuple((label(name), CATEGORY_COLOURS.get(name, OTHER)) for name in ledger.categories if name in drawn)
    return BarChart(tuple(bars), f"Effective cost, {clean(ledger.currency)}", legend)


def gpu_chart(gpu: GpuTime) -> BarChart:
    """Paid GPU cost, step by step down to productive."""
    table = gpu.effective
    bars = [Bar("Paid", ((_ZERO, table.total, WHOLE),), f"{money(table.total, table.places)} · {money(gpu.hours.total, 1)} h")]
    level = table.total
    for state in gpu.states:
        amount, hours = table.columns.get(state, _ZERO), gpu.hours.columns.get(state, _ZERO)
        if amount or hours:
            text = f"{money(amount, table.places)} · {money(hours, 1)} h"
            bars.append(Bar(label(state), ((level - amount, level, state_colour(state)),), text))
        level -= amount
    return BarChart(tuple(bars), f"Effective cost of GPU hours paid, {clean(gpu.currency)}")


def axis_range(chart: BarChart) -> tuple[Decimal, Decimal]:
    """Lowest and highest amount the chart has to show, zero included."""
    ends = [Decimal(0), *(end for bar in chart.bars for start, stop, _ in bar.parts for end in (start, stop))]
    low, high = min(ends), max(ends)
    return (low, high) if high > low else (Decimal(0), Decimal(1))


def axis_ticks(low: Decimal, high: Decimal) -> list[Decimal]:
    """Three to six round numbers within the range."""
    rough = (high - low) / 4
    power = Decimal(1).scaleb(rough.adjusted())
    step = next(step * power for step in (1, 2, 5, 10) if step * power >= rough)
    first = (low / step).to_integral_value(rounding="ROUND_CEILING") * step
    ticks = []
    while first <= high:
        ticks.append(first)
        first += step
    return ticks


def tick_text(tick: Decimal) -> str:
    """A tick's number, without needless decimals."""
    tick = tick if tick else Decimal(0)
    text = f"{tick:,.0f}" if tick == tick.to_integral_value() else f"{tick.normalize():f}"
    return text.replace("-", MINUS)
