"""Small tables of the page that are regroupings of printed figures: they add up because their parts do.

Nothing is read or rounded anew here; sums of printed amounts stay printed amounts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from reporting.economics import ComponentRow
from reporting.evidence import grade_of
from reporting.formatting import clean, words
from reporting.ledger import CurrencyLedger, StatementLine
from reporting.month import CurrencyBlock, MonthStatement
from reporting.queries import UNALLOCATED, Team
from reporting.rounding import exact_sum
from reporting.snapshot import InputLoad

DETAIL_LINES = 12
_GRADES = ("invoiced", "metered", "modelled", "assumed")


@dataclass(frozen=True)
class DetailLine:
    """One line of a team's detail: category, service, what it was and its lowest grade, in both bases."""

    category: str
    service: str
    subject: str
    grade: str
    effective_cost: Decimal
    billed_cost: Decimal


@dataclass(frozen=True)
class InputSummary:
    """The loads of one dataset that the month rests on."""

    source: str
    dataset: str
    first: str
    last: str
    partitions: int
    rows: int | None
    load_ids: tuple[str, ...]


def team_names(month: MonthStatement) -> dict[str, str]:
    """Display names by team id, made unique: two teams of one name also show their ids."""
    ids = {team for block in month.blocks for team in block.ledger.team_ids} | set(month.teams)
    ids |= {line.row.team_id for block in month.blocks for line in (*block.gpu.lines, *block.units.lines)}
    known: Mapping[str, Team] = month.teams
    names = {team: clean(known[team].team_name) if team in known else clean(team) for team in ids}
    names = {team: name or clean(team) or "(no name)" for team, name in names.items()}
    names[UNALLOCATED] = "Unallocated"
    taken = list(names.values())
    return {
        team: f"{name} ({clean(team)})" if taken.count(name) > 1 else name for team, name in names.items()
    }


def detail_lines(ledger: CurrencyLedger, team_id: str, *, limit: bool = True) -> tuple[DetailLine, ...]:
    """A team's lines by category and service, largest first; with `limit` the rest past DETAIL_LINES is one."""
    grouped: dict[tuple[str, str, str], list[StatementLine]] = defaultdict(list)
    for printed in ledger.lines:
        if printed.line.team_id == team_id:
            line = printed.line
            service = " · ".join(
                clean(text) for text in (line.service_provider_name, line.service_name) if text
            )
            grouped[line.cost_category, service, _subject(printed)].append(printed)
    lines = [_detail(key, members) for key, members in grouped.items()]
    lines = [line for line in lines if line.effective_cost or line.billed_cost]
    lines.sort(
        key=lambda line: (
            -max(abs(line.effective_cost), abs(line.billed_cost)),
            line.category,
            line.service,
            line.subject,
        )
    )
    if limit and len(lines) > DETAIL_LINES + 1:
        rest = lines[DETAIL_LINES:]
        lines = [*lines[:DETAIL_LINES], _rest_line(rest)]
    return tuple(lines)


def evidence_grades(block: CurrencyBlock) -> tuple[str, ...]:
    """Evidence grades of the full cost, hardest first."""
    found = block.component_table.columns
    return tuple(
        sorted(found, key=lambda grade: (_GRADES.index(grade) if grade in _GRADES else len(_GRADES), grade))
    )


def component_lines(block: CurrencyBlock) -> tuple[ComponentRow, ...]:
    """One row per component with a printed amount, largest first."""
    table = block.component_table
    totals = table.rows
    printed = {component for (component, _), amount in table.cells.items() if amount}
    rows = {row.component: row for row in block.components if row.component in printed}
    return tuple(sorted(rows.values(), key=lambda row: (-totals[row.component], row.component)))


def input_summaries(inputs: Iterable[InputLoad], billing_period: str) -> tuple[InputSummary, ...]:
    """The snapshot's inputs of the month (partition YYYY-MM or a day of it), per source and dataset."""
    grouped: dict[tuple[str, str], list[InputLoad]] = defaultdict(list)
    for load in inputs:
        if load.partition[:7] == billing_period:
            grouped[load.source, load.dataset].append(load)
    return tuple(
        InputSummary(
            source=source,
            dataset=dataset,
            first=min(load.partition for load in loads),
            last=max(load.partition for load in loads),
            partitions=len(loads),
            rows=sum(load.rows or 0 for load in loads)
            if all(load.rows is not None for load in loads)
            else None,
            load_ids=tuple(load.load_id for load in loads),
        )
        for (source, dataset), loads in sorted(grouped.items())
    )


def _subject(printed: StatementLine) -> str:
    """What a line was about: model or deployment, GPU state, product or pool, whichever it has."""
    line = printed.line
    subject = clean(line.deployment_id or line.model_id or line.product or line.pool_id)
    subject = f"{subject or 'correction'} of {line.original_period}" if line.original_period else subject
    state = words(line.gpu_state) if line.gpu_state not in ("", line.cost_category) else ""
    return f"{subject} ({state})" if subject and state else subject or state


def _detail(key: tuple[str, str, str], members: list[StatementLine]) -> DetailLine:
    return DetailLine(
        *key,
        grade=max(grade_of(line.line.evidence) for line in members),
        effective_cost=exact_sum(line.effective_cost for line in members),
        billed_cost=exact_sum(line.billed_cost for line in members),
    )


def _rest_line(rest: list[DetailLine]) -> DetailLine:
    return DetailLine(
        category="",
        service=f"{len(rest)} smaller lines",
        subject="in statement_lines.csv",
        grade=max(line.grade for line in rest),
        effective_cost=exact_sum(line.effective_cost for line in rest),
        billed_cost=exact_sum(line.billed_cost for line in rest),
    )
