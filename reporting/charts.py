"""The statement's charts, as Vega-Lite specifications rendered to SVG without a browser or a network.

Each chart also has its figures in a table next to it. Amounts become floats here for drawing only.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import altair as alt

from reporting.formatting import clean, label, money, share
from reporting.gpu_time import GpuTime
from reporting.ledger import EFFECTIVE, CurrencyLedger
from reporting.month import TrendMonth
from reporting.palette import CATEGORY_COLOURS, GRID, INK, OTHER, QUIET, WHOLE, state_colour
from reporting.queries import UNALLOCATED
from reporting.rounding import exact_sum

WIDTH = 920
CHART_TEAMS = 16
FONT = "Liberation Sans, Arial, Helvetica, sans-serif"


def team_chart(ledger: CurrencyLedger, names: dict[str, str]) -> alt.LayerChart:
    """Effective cost per team, stacked by category, largest first; past CHART_TEAMS the rest is one bar."""
    table = ledger.tables[EFFECTIVE]
    groups = _drawn_teams([team for team in ledger.team_ids if team in table.rows], names)
    bars = [
        {"team": name, "category": label(category), "rank": rank, "drawn": _drawn(amount)}
        for name, teams in groups.items()
        for rank, category in enumerate(ledger.categories)
        if (amount := exact_sum(table.cell(team, category) for team in teams))
    ]
    totals = [
        {
            "team": name,
            "end": sum(bar["drawn"] for bar in bars if bar["team"] == name and bar["drawn"] > 0),
            "text": money(exact_sum(table.rows[team] for team in teams), table.places),
        }
        for name, teams in groups.items()
    ]
    order = list(groups)
    axis = alt.Axis(labelLimit=150, ticks=False, domain=False, labelPadding=8)
    title = f"Effective cost, {clean(ledger.currency)}"
    stacked = (
        alt.Chart(alt.Data(values=bars))
        .mark_bar(height={"band": 0.62})
        .encode(
            y=alt.Y("team:N", sort=order, title=None, axis=axis),
            x=alt.X("drawn:Q", stack="zero", title=title, axis=_money_axis()),
            color=_category_colour(ledger.categories, [bar["category"] for bar in bars]),
            order=alt.Order("rank:Q"),
        )
    )
    text = (
        alt.Chart(alt.Data(values=totals))
        .mark_text(align="left", dx=6, color=INK, fontSize=12)
        .encode(y=alt.Y("team:N", sort=order), x=alt.X("end:Q"), text="text:N")
    )
    return _styled(alt.layer(stacked, text).properties(width=WIDTH - 210, height=max(28 * len(order), 40)))


def gpu_waterfall(gpu: GpuTime) -> alt.LayerChart:
    """Paid GPU cost step by step down to productive, with hours."""
    steps = waterfall_steps(gpu)
    order = [step["label"] for step in steps]
    axis = alt.Axis(labelLimit=150, ticks=False, domain=False, labelPadding=8)
    base = alt.Chart(alt.Data(values=steps)).encode(y=alt.Y("label:N", sort=order, title=None, axis=axis))
    bars = base.mark_bar(height={"band": 0.62}).encode(
        x=alt.X(
            "start:Q", title=f"Effective cost of GPU hours paid, {clean(gpu.currency)}", axis=_money_axis()
        ),
        x2="end:Q",
        color=alt.Color("colour:N", scale=None),
    )
    text = base.mark_text(align="left", dx=6, color=INK, fontSize=12).encode(x="far:Q", text="text:N")
    return _styled(alt.layer(bars, text).properties(width=WIDTH - 330, height=28 * len(steps)))


def waterfall_steps(gpu: GpuTime) -> list[dict[str, Any]]:
    """The bars of the waterfall: the whole, then each state from where the one before it ended."""
    table = gpu.effective
    whole = table.total
    places = table.places
    steps = [_step("Paid", Decimal(0), whole, whole, gpu.hours.total, WHOLE, places=places)]
    level = whole
    for state in gpu.states:
        amount, hours = table.columns.get(state, Decimal(0)), gpu.hours.columns.get(state, Decimal(0))
        if state in table.columns or state == "productive":
            name = label(state)
            steps.append(
                _step(name, level - amount, level, whole, hours, state_colour(state), places=places)
            )
        level -= amount
    return steps


def trend_chart(trend: Sequence[TrendMonth], categories: Sequence[str], currency: str) -> alt.HConcatChart:
    """Effective cost per month by category, and effective cost per 1M tokens beside it."""
    months = [month.billing_period for month in trend]
    bars = [
        {"month": month.billing_period, "category": label(category), "rank": rank, "drawn": _drawn(amount)}
        for month in trend
        for rank, category in enumerate(categories)
        if (amount := month.tables[EFFECTIVE].columns.get(category, Decimal(0)))
    ]
    rates = [
        {"month": month.billing_period, "rate": _drawn(rate), "text": f"{rate:.2f}"}
        for month in trend
        if (rate := month.units.per_million.value) is not None
    ]
    month_axis = alt.X(
        "month:O", scale=alt.Scale(domain=months), title=None, axis=alt.Axis(labelAngle=0, ticks=False)
    )
    cost_width = WIDTH - 420 if rates else WIDTH - 90
    cost = (
        alt.Chart(alt.Data(values=bars))
        .mark_bar(width=min(90, round(0.55 * cost_width / len(months))))
        .encode(
            x=month_axis,
            y=alt.Y("drawn:Q", stack="zero", title=f"Effective cost, {clean(currency)}", axis=_money_axis()),
            color=_category_colour(categories, [bar["category"] for bar in bars]),
            order=alt.Order("rank:Q"),
        )
        .properties(width=cost_width, height=170)
    )
    line = alt.Chart(alt.Data(values=rates)).encode(
        x=month_axis,
        y=alt.Y("rate:Q", title="per 1M tokens", scale=alt.Scale(zero=True), axis=_money_axis("~g", 3)),
    )
    points = alt.layer(
        line.mark_line(color=INK, strokeWidth=1.5),
        line.mark_point(color=INK, filled=True, size=40, opacity=1),
        line.mark_text(dy=-11, color=INK, fontSize=12).encode(text="text:N"),
    ).properties(width=240, height=170)
    return _styled(alt.hconcat(cost, points, spacing=30) if rates else alt.hconcat(cost))


def _step(
    label: str, start: Decimal, end: Decimal, whole: Decimal, hours: Decimal, colour: str, *, places: int
) -> dict[str, Any]:
    amount = end - start
    part = "" if label == "Paid" else f" · {share(amount, whole)}"
    return {
        "label": label,
        "start": _drawn(start),
        "end": _drawn(end),
        "far": _drawn(max(start, end)),
        "colour": colour,
        "text": f"{money(amount, places)} · {hours:,.1f} h{part}",
    }


def _category_colour(categories: Sequence[str], drawn: Sequence[str]) -> alt.Color:
    """One colour per category; the legend lists only those that are drawn."""
    shown = [category for category in categories if label(category) in drawn]
    colours = [CATEGORY_COLOURS.get(category, OTHER) for category in shown]
    scale = alt.Scale(domain=[label(category) for category in shown], range=colours)
    legend = alt.Legend(orient="top", title=None, symbolType="square", columns=8)
    return alt.Color("category:N", scale=scale, legend=legend)


def _money_axis(number_format: str = "~s", ticks: int = 5) -> alt.Axis:
    zero_without_unit = "datum.value === 0 ? '0' : datum.label"
    return alt.Axis(
        format=number_format,
        tickCount=ticks,
        domain=False,
        ticks=False,
        gridColor=GRID,
        labelExpr=zero_without_unit,
    )


def _drawn_teams(teams: Sequence[str], names: dict[str, str]) -> dict[str, list[str]]:
    """Bars of the team chart: display name -> teams in it; unallocated money keeps its own bar."""
    owners = [team for team in teams if team != UNALLOCATED]
    shown = owners if len(owners) <= CHART_TEAMS else owners[: CHART_TEAMS - 1]
    groups = {clean(names.get(team, team)): [team] for team in shown}
    if len(shown) < len(owners):
        groups[f"{len(owners) - len(shown)} other teams"] = owners[len(shown) :]
    if UNALLOCATED in teams:
        groups[clean(names.get(UNALLOCATED, UNALLOCATED))] = [UNALLOCATED]
    return groups


def _drawn(value: Decimal) -> float:
    return float(value)


def _styled(chart: Any) -> Any:
    return (
        chart.configure(font=FONT, background="#ffffff", padding=4)
        .configure_view(stroke=None)
        .configure_axis(
            labelColor=QUIET,
            titleColor=QUIET,
            titleFontWeight="normal",
            labelFontSize=12,
            titleFontSize=12,
            gridColor=GRID,
        )
        .configure_legend(labelColor=INK, labelFontSize=12, symbolSize=90, padding=0, offset=10)
    )
