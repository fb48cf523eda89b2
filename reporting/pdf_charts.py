"""Bar charts as PDF flowables, drawn as vectors with their texts as text."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from reportlab.lib.colors import HexColor
from reportlab.platypus import Flowable

from reporting.bar_charts import axis_range, axis_ticks, tick_text
from reporting.datatable import BarChart
from reporting.palette import GRID, INK, QUIET
from reporting.pdf_text import REGULAR, printable, width_of

_ROW, _LABEL_SIZE = 13.0, 7.2


class BarFlowable(Flowable):
    """Horizontal bars with labels to the left and figures at their ends."""

    def __init__(self, chart: BarChart, width: float) -> None:
        super().__init__()
        self._chart, self.width = chart, width
        self.height = _ROW * len(chart.bars) + 30 + (14 if chart.legend else 0)

    def wrap(self, aW: float, aH: float) -> tuple[float, float]:
        """Size on the page."""
        return self.width, self.height

    def draw(self) -> None:
        """Draw axis, bars, texts and legend."""
        canvas, chart = self.canv, self._chart
        names = [_fitted(bar.label, self.width * 0.27) for bar in chart.bars]
        left = max((width_of(name, _LABEL_SIZE) for name in names), default=0) + 8
        room = max((width_of(printable(bar.text), _LABEL_SIZE) for bar in chart.bars), default=0) + 8
        low, high = axis_range(chart)
        scale = (self.width - left - room) / float(high - low)

        def at(amount: Decimal) -> float:
            return left + float(amount - low) * scale

        top = self.height - (16 if chart.legend else 2)
        bottom = top - _ROW * len(chart.bars)
        self._axis(at, low, high, top, bottom)
        for number, bar in enumerate(chart.bars):
            y = top - _ROW * (number + 1) + 3
            canvas.setFont(REGULAR, _LABEL_SIZE)
            canvas.setFillColor(HexColor(INK))
            canvas.drawRightString(left - 6, y + 1.6, names[number])
            for start, end, colour in bar.parts:
                canvas.setFillColor(HexColor(colour))
                x = min(at(start), at(end))
                canvas.rect(x, y, max(abs(at(end) - at(start)), 0.4), _ROW - 5, stroke=0, fill=1)
            far = max((max(start, end) for start, end, _ in bar.parts), default=Decimal(0))
            canvas.setFillColor(HexColor(INK))
            canvas.drawString(at(far) + 4, y + 1.6, printable(bar.text))
        self._legend()

    def _axis(self, at: Any, low: Decimal, high: Decimal, top: float, bottom: float) -> None:
        canvas = self.canv
        canvas.setFont(REGULAR, 6.4)
        for tick in axis_ticks(low, high):
            canvas.setStrokeColor(HexColor(GRID))
            canvas.setLineWidth(0.5)
            canvas.line(at(tick), bottom, at(tick), top)
            canvas.setFillColor(HexColor(QUIET))
            canvas.drawCentredString(at(tick), bottom - 8, tick_text(tick))
        canvas.drawCentredString((at(low) + at(high)) / 2, bottom - 17, printable(self._chart.axis))

    def _legend(self) -> None:
        canvas, x, y = self.canv, 0.0, self.height - 9
        for name, colour in self._chart.legend:
            canvas.setFillColor(HexColor(colour))
            canvas.rect(x, y, 7, 7, stroke=0, fill=1)
            canvas.setFillColor(HexColor(INK))
            canvas.setFont(REGULAR, _LABEL_SIZE)
            canvas.drawString(x + 10, y + 0.8, printable(name))
            x += 22 + width_of(printable(name), _LABEL_SIZE)


def _fitted(text: str, width: float) -> str:
    """The label, cut with an ellipsis where it is wider than its room."""
    name = printable(text)
    if width_of(name, _LABEL_SIZE) <= width:
        return name
    while name and width_of(f"{name}\u2026", _LABEL_SIZE) > width:
        name = name[:-1]
    return f"{name}\u2026"
