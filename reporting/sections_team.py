"""A team's own statement as sections: its lines, how shared cost reached it, its GPU time and unit costs.

All figures are the team's rows of the company's printed tables, so the teams' statements add up to it.
"""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal

from reporting.datatable import Cell, Column, DataTable, Section, Share
from reporting.formatting import clean, label, words
from reporting.ledger import BILLED, EFFECTIVE, CurrencyLedger
from reporting.month import CurrencyBlock
from reporting.rounding import exact_sum
from reporting.views import detail_lines

_WAYS = {
    "direct": "Direct", "gpu_pool": "GPU pool", "api_pool": "API pool", "shared_pool": "Shared pool",
    "residual": "Without a rule", "adjustment": "Adjustment", "dispute": "Dispute",
}  # fmt: skip
_DRIVERS = {
    "even": "equal parts", "fixed": "agreed shares", "proportional": "by cost already allocated",
    "metric": "by measured use", "gpu": "by GPU seconds held", "gpu_seconds": "by GPU seconds held",
    "api": "by list price of its calls", "list_cost": "by list price of its calls", "tokens": "by tokens",
    "rule": "", "none": "",
}  # fmt: skip


def lines_table(ledger: CurrencyLedger, team_id: str, *, limit: bool) -> DataTable:
    """A team's lines by category, service and subject, largest first, with the grade of their evidence."""
    rows = tuple(
        (
            label(line.category) if line.category else "", line.service or "service not delivered", line.subject,
            line.grade, line.effective_cost, line.billed_cost,
        )
        for line in detail_lines(ledger, team_id, limit=limit)
    )  # fmt: skip
    columns = (
        Column("Category", "quiet"), Column("Service"), Column("For"), Column("Grade", "quiet"),
        Column("Effective", "money"), Column("Billed", "money"),
    )  # fmt: skip
    total = ("Total", "", "", "", ledger.total(EFFECTIVE, team_id), ledger.total(BILLED, team_id))
    return DataTable("team-lines", columns, rows, ledger.places, total=total)


def category_table(ledger: CurrencyLedger, team_id: str) -> DataTable:
    """A team's cost by category, a row per basis; categories without any amount are left out."""
    tables = ledger.tables
    shown = [name for name in ledger.categories if any(table.cell(team_id, name) for table in tables.values())]
    rows = tuple(
        (f"{label(basis)} cost", *(table.cell(team_id, name) for name in shown), ledger.total(basis, team_id))
        for basis, table in tables.items()
    )
    columns = (Column("Basis"), *(Column(label(name), "money") for name in shown), Column("Total", "money"))
    return DataTable("categories", columns, rows, ledger.places)


def routes_table(ledger: CurrencyLedger, team_id: str) -> DataTable:
    """How cost reached the team: stage, pool, driver and rule, with the team's part of what was shared."""
    own: dict[tuple[str, ...], list[tuple[Decimal, Decimal]]] = defaultdict(list)
    whole: dict[tuple[str, str], list[Decimal]] = defaultdict(list)
    for printed in ledger.lines:
        line = printed.line
        whole[line.stage, line.pool_id].append(printed.effective_cost)
        if line.team_id == team_id:
            own[line.stage, line.pool_id, line.driver, line.rule_id].append((printed.effective_cost, printed.billed_cost))
    rows: list[tuple[Cell, ...]] = []
    for (stage, pool, driver, rule), parts in own.items():
        effective, billed = (exact_sum(part[number] for part in parts) for number in (0, 1))
        if effective or billed:
            shared = Share(effective, exact_sum(whole[stage, pool])) if pool else ""
            way = _WAYS.get(stage, words(stage).capitalize())
            way = f"{way}: {words(pool)}" if pool and stage == "shared_pool" else way
            rows.append((way, _driver(driver), rule, shared, effective, billed))
    rows.sort(key=lambda row: (-abs(row[4]) if isinstance(row[4], Decimal) else 0, str(row[0]), str(row[2])))
    columns = (
        Column("Way"), Column("Shared by", "quiet"), Column("Rule", "quiet"), Column("Part of the pool", "share"),
        Column("Effective", "money"), Column("Billed", "money"),
    )  # fmt: skip
    total = ("Total", "", "", "", ledger.total(EFFECTIVE, team_id), ledger.total(BILLED, team_id))
    return DataTable("routes", columns, tuple(rows), ledger.places, total=total)


def units_table(block: CurrencyBlock, team_id: str | None) -> DataTable | None:
    """Unit costs per served model, of a team or of all; None when nothing was served."""
    units, rows = block.units, []
    for model in units.model_ids:
        sums = units.totals(EFFECTIVE, team_id=team_id, model_id=model)
        if sums.tokens:
            listed = units.totals("list", team_id=team_id, model_id=model).per_million
            rows.append(
                (
                    clean(model) or "model not reported", sums.tokens, sums.requests or None,
                    units.cost(EFFECTIVE, team_id=team_id, model_id=model), sums.per_million, listed,
                    sums.per_request,
                )
            )  # fmt: skip
    if not rows:
        return None
    sums = units.totals(EFFECTIVE, team_id=team_id)
    columns = (
        Column("Model"), Column("Tokens", "count"), Column("Requests", "count"), Column("Effective cost", "money"),
        Column("Per 1M tokens", "rate"), Column("List price per 1M", "rate"), Column("Per request", "rate"),
    )  # fmt: skip
    total = (
        "All models", sums.tokens, sums.requests or None, units.cost(EFFECTIVE, team_id=team_id), sums.per_million,
        "", sums.per_request,
    )  # fmt: skip
    return DataTable("unit-costs", columns, tuple(rows), block.places, total=total)


def gpu_table(block: CurrencyBlock, team_id: str) -> DataTable | None:
    """A team's GPU hours and cost by state; None when it held none."""
    gpu = block.gpu
    lines = [line for line in gpu.lines if line.row.team_id == team_id]
    rows = []
    for state in gpu.states:
        own = [line for line in lines if line.row.state == state]
        hours, effective, billed = (
            exact_sum(getattr(line, name) for line in own) for name in ("gpu_hours", "effective_cost", "billed_cost")
        )
        if hours or effective or billed:
            rows.append((label(state), hours, effective, billed))
    if not rows:
        return None
    total = ("Held", *(exact_sum(row[number] for row in rows) for number in (1, 2, 3)))
    columns = (Column("State"), Column("GPU hours", "hours"), Column("Effective cost", "money"), Column("Billed cost", "money"))
    note = "By holder, from telemetry; who pays for idle time is decided by the idle policy and shown above."
    return DataTable("gpu-states", columns, tuple(rows), block.places, total=total, notes=(note,))


def team_parts(block: CurrencyBlock, team_id: str) -> tuple[Section, ...]:
    """Lines, routes, GPU time and unit costs of a team."""
    found = [
        Section("Lines", "What the team's cost consists of.", tables=(lines_table(block.ledger, team_id, limit=False),)),
        Section(
            "How cost reached the team",
            "Directly by a rule, or as a part of a pool that several teams share.",
            tables=(routes_table(block.ledger, team_id),),
        ),
    ]
    gpu, units = gpu_table(block, team_id), units_table(block, team_id)
    if gpu:
        found.append(Section("GPU time", "GPU hours the team held, by what telemetry saw them do.", tables=(gpu,)))
    if units:
        found.append(Section("Unit costs", "Cost over what was served.", tables=(units,)))
    return tuple(found)


def _driver(driver: str) -> str:
    """A driver in words, with what follows its name kept (metric:tokens)."""
    name, _, rest = driver.partition(":")
    known = _DRIVERS.get(name, words(name))
    return f"{known} ({words(rest)})" if rest else known

