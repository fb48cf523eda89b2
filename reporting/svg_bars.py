"""Bar charts as inline SVG, drawn here: no library to import, nothing but rectangles, lines and escaped text."""

from __future__ import annotations

from decimal import Decimal

from markupsafe import Markup, escape

from reporting.bar_charts import axis_range, axis_ticks, tick_text
from reporting.datatable import BarChart
from reporting.formatting import clean
from reporting.palette import GRID, INK, QUIET

WIDTH = 976
_ROW, _SIGN, _LABEL_MOST = 26, 6.3, 230


def svg_bars(chart: BarChart, *, description: str) -> Markup:
    """The chart as one `<svg>` that scales to its column."""
    names = [_fitted(clean(bar.label)) for bar in chart.bars]
    left = min(max((len(name) for name in names), default=0) * _SIGN, _LABEL_MOST) + 12
    room = max((len(bar.text) for bar in chart.bars), default=0) * _SIGN + 14
    low, high = axis_range(chart)
    scale = (WIDTH - left - room) / float(high - low)

    def at(amount: Decimal) -> float:
        return round(left + float(amount - low) * scale, 1)

    top = 26 if chart.legend else 4
    bottom = top + _ROW * len(chart.bars)
    parts = [*_legend(chart), *(_tick(at(tick), top, bottom, tick) for tick in axis_ticks(low, high))]
    for number, bar in enumerate(chart.bars):
        y = top + _ROW * number
        parts.append(_text(left - 8, y + 17, names[number], INK, "end"))
        for start, end, colour in bar.parts:
            x, wide = min(at(start), at(end)), max(round(abs(at(end) - at(start)), 1), 0.8)
            parts.append(f'<rect x="{x}" y="{y + 5}" width="{wide}" height="{_ROW - 10}" fill="{escape(colour)}"/>')
        far = max((max(start, end) for start, end, _ in bar.parts), default=Decimal(0))
        parts.append(_text(at(far) + 6, y + 17, bar.text, INK, "start"))
    middle = (at(low) + at(high)) / 2
    parts.append(_text(round(middle, 1), bottom + 36, chart.axis, QUIET, "middle"))
    head = (
        f'<svg viewBox="0 0 {WIDTH} {bottom + 42}" width="{WIDTH}" role="img" aria-label="{escape(clean(description))}"'
        ' font-family="Liberation Sans, Arial, Helvetica, sans-serif" font-size="12">'
    )
    return Markup(head + "".join(parts) + "</svg>")


def _legend(chart: BarChart) -> list[str]:
    parts, x = [], 0.0
    for name, colour in chart.legend:
        parts.append(f'<rect x="{round(x, 1)}" y="3" width="11" height="11" fill="{escape(colour)}"/>')
        parts.append(_text(round(x + 16, 1), 13, name, INK, "start"))
        x += 36 + len(name) * _SIGN
    return parts


def _tick(x: float, top: int, bottom: int, tick: Decimal) -> str:
    line = f'<line x1="{x}" y1="{top}" x2="{x}" y2="{bottom}" stroke="{GRID}"/>'
    return line + _text(x, bottom + 16, tick_text(tick), QUIET, "middle")


def _text(x: float, y: float, text: str, colour: str, anchor: str) -> str:
    return f'<text x="{x}" y="{y}" fill="{escape(colour)}" text-anchor="{anchor}">{escape(clean(text))}</text>'


def _fitted(text: str) -> str:
    most = int(_LABEL_MOST / _SIGN)
    return text if len(text) <= most else text[: most - 1] + "\u2026"
