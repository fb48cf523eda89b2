"""The statement as one HTML page: charts inline, style inline, no script, nothing fetched.

Every text is escaped by the template engine; only the page's own style sheet and the checked charts go in
as markup.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from reporting import formatting, gaps, views
from reporting.datatable import Section, cell_note, cell_text
from reporting.documents import Document
from reporting.gpu_time import IDLE_STATES
from reporting.ledger import BASES, EFFECTIVE
from reporting.month import CurrencyBlock, MonthStatement
from reporting.queries import UNALLOCATED
from reporting.sections_money import (
    bridge_section,
    change_section,
    corrections_section,
    evidence_section,
    journal_section,
)
from reporting.sections_tariff import tariff_section
from reporting.svg_bars import svg_bars
from reporting.terms import terms_of


def statement_page(month: MonthStatement) -> str:
    """The company's page of a month."""
    environment = _environment()
    names = views.team_names(month)
    return environment.get_template("statement.html.j2").render(
        month=month,
        names=names,
        style=_style(environment),
        charts={
            block.currency: _charts(block, names, prefix=f"c{number}")
            for number, block in enumerate(month.blocks)
        },
        extra={block.currency: _extra(month, block, names) for block in month.blocks},
        inputs=views.input_summaries(month.snapshot.inputs, month.billing_period),
        terms=terms_of(month.previous_period),
        bases=BASES,
        idle_states=IDLE_STATES,
        unallocated=UNALLOCATED,
    )


def team_page(document: Document) -> str:
    """A team's page of a month."""
    environment = _environment()
    return environment.get_template("team.html.j2").render(
        month=document.month,
        owner=document.owner,
        facts=document.facts,
        blocks=document.blocks,
        terms=document.terms,
        style=_style(environment),
    )


def _style(environment: Environment) -> Markup:
    return Markup(environment.get_template("statement.css").render())


def _extra(month: MonthStatement, block: CurrencyBlock, names: dict[str, str]) -> dict[str, Section | None]:
    return {
        "change": change_section(month, block, names),
        "bridge": bridge_section(block),
        "corrections": corrections_section(block, names),
        "tariff": tariff_section(block, names),
        "evidence": evidence_section(block),
        "journal": journal_section(block),
    }


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("reporting", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    filters: dict[str, Callable[..., Any]] = {
        "money": formatting.money,
        "signed_money": formatting.signed_money,
        "count": formatting.count,
        "compact": formatting.compact,
        "clean": formatting.clean,
        "words": formatting.words,
        "label": formatting.label,
        "instant": formatting.instant,
        "month_name": formatting.month_name,
    }
    environment.filters.update(filters)
    environment.globals.update(
        share=formatting.share,
        detail_lines=views.detail_lines,
        ownerless_lines=gaps.ownerless_lines,
        unobserved_lines=gaps.unobserved_lines,
        component_lines=views.component_lines,
        evidence_grades=views.evidence_grades,
        cell_text=cell_text,
        cell_note=cell_note,
        svg_bars=svg_bars,
        zero=Decimal(0),
    )
    return environment


def _charts(block: CurrencyBlock, names: dict[str, str], *, prefix: str) -> dict[str, Markup]:
    """The block's charts that have something to draw; the library that draws them is costly to import."""
    from reporting import charts
    from reporting.svg import inline_svg

    drawn = {}
    currency = formatting.clean(block.currency)
    if block.ledger.tables[EFFECTIVE].cells:
        drawn["teams"] = (
            charts.team_chart(block.ledger, names),
            f"Effective cost per team by category, {currency}",
        )
    if block.gpu.lines:
        drawn["gpu"] = (
            charts.gpu_waterfall(block.gpu),
            f"GPU cost paid, step by step down to productive, {currency}",
        )
    if block.trend:
        drawn["trend"] = (
            charts.trend_chart(block.trend, block.ledger.categories, block.currency),
            f"Effective cost and cost per million tokens by month, {currency}",
        )
    return {
        name: Markup(inline_svg(chart.to_dict(), name=f"{prefix}-{name}", description=description))
        for name, (chart, description) in drawn.items()
    }
