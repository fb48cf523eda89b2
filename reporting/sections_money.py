"""Sections that page, PDF and team statements share: why the cost changed, billed to effective, corrections of
closed months, evidence and the journal's accounts.

Everything here regroups printed cents; nothing is read or rounded anew.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal

from reporting.bill_change import TeamChange, spoken
from reporting.datatable import Bar, BarChart, Cell, Column, DataTable, Section, Share
from reporting.evidence import LEGEND
from reporting.formatting import clean, label, money, month_name, share, signed_money, words
from reporting.ledger import CORRECTIONS, EFFECTIVE
from reporting.month import CurrencyBlock, MonthStatement
from reporting.palette import DOWN, UP, WHOLE
from reporting.rounding import exact_sum

Names = dict[str, str]
_CHART_DRIVERS, _SAID_TEAMS = 14, 5


def change_section(
    month: MonthStatement, block: CurrencyBlock, names: Names, team_id: str | None = None
) -> Section | None:
    """The drivers of the change against last month, as sentence, waterfall and table."""
    if block.change is None or block.ledger.previous is None:
        return None
    own = block.change.company if team_id is None else block.change.team(team_id)
    if own is None:
        return None
    places = block.places
    before = block.ledger.previous_total(EFFECTIVE, team_id) or Decimal(0)
    name = "The company" if team_id is None else names[team_id]
    sentences = [own.sentence(name, block.currency, places)]
    if team_id is None:
        moved = sorted(block.change.teams, key=lambda team: -abs(team.total))
        said = [team for team in moved if team.total][:_SAID_TEAMS]
        sentences += [team.sentence(names[team.team_id], block.currency, places) for team in said]
        if len(moved) > len(said):
            sentences.append("Every team's drivers are on its own statement and in bill_change.csv.")
    rows = tuple((spoken(driver), amount, Share(amount, before, sign=True)) for driver, amount in own.drivers if amount)
    table = DataTable(
        "bill-change",
        (Column("Driver"), Column(f"Effective cost, {clean(block.currency)}", "change"), Column("Of last month", "share")),
        rows,
        places,
        total=("Change", own.total, Share(own.total, before, sign=True)),
    )
    return Section(
        "Why the cost changed",
        f"Effective cost against {month_name(month.previous_period)}, split by driver; the drivers add up to the change.",
        sentences=tuple(sentences),
        chart=_change_chart(own, block),
        tables=(table,),
    )


def bridge_section(block: CurrencyBlock) -> Section | None:
    """From billed to effective cost, step by step."""
    if block.bridge is None:
        return None
    rows: list[tuple[Cell, ...]] = [("Billed", block.bridge.billed)]
    rows += [(clean(words(step)).capitalize(), amount) for step, amount in block.bridge.steps]
    columns = (Column("Step"), Column(f"Amount, {clean(block.currency)}", "money"))
    table = DataTable("bridge", columns, tuple(rows), block.places, total=("Effective", block.bridge.effective))
    lead = "What lies between the invoices and the cost of use; the steps add up."
    return Section("From billed to effective", lead, tables=(table,))


def corrections_section(block: CurrencyBlock, names: Names, team_id: str | None = None) -> Section | None:
    """Adjustments of closed months and disputes, each with the month it belongs to."""
    sums: dict[tuple[str, ...], list[tuple[Decimal, Decimal]]] = defaultdict(list)
    for printed in block.ledger.lines:
        line = printed.line
        if line.cost_category in CORRECTIONS and team_id in (None, line.team_id):
            what = clean(line.product or line.deployment_id or line.model_id or line.rule_id or line.service_name)
            key = (line.team_id, line.cost_category, line.original_period, what)
            sums[key].append((printed.effective_cost, printed.billed_cost))
    rows = []
    for (team, category, original, what), parts in sorted(sums.items()):
        effective, billed = (exact_sum(part[number] for part in parts) for number in (0, 1))
        if effective or billed:
            rows.append((names.get(team, team), label(category), original or None, what, effective, billed))
    if not rows:
        return None
    columns = (
        Column("Team"), Column("Kind"), Column("Belongs to"), Column("For"), Column("Effective", "money"),
        Column("Billed", "money"),
    )  # fmt: skip
    total = ("Total", "", "", "", exact_sum(row[4] for row in rows), exact_sum(row[5] for row in rows))
    table = DataTable("corrections", columns, tuple(rows), block.places, total=total)
    lead = "Closed months never change: what came later, and what was disputed, is booked in this month."
    return Section("Adjustments and disputes", lead, tables=(table,))


def evidence_section(block: CurrencyBlock, team_id: str | None = None) -> Section:
    """The mix of evidence grades, with the legend."""
    mix = block.ledger.evidence(team_id)
    meaning = {grade: text for grade, _, text in LEGEND}
    rows = tuple(
        (part.grade, part.evidence or "ungraded", meaning[part.grade], part.amount, Share(abs(part.amount), mix.whole))
        for part in mix.shares
    )
    columns = (
        Column("Grade"), Column("Evidence"), Column("Meaning", "quiet"), Column("Effective cost", "money"),
        Column("Share", "share"),
    )  # fmt: skip
    total = ("", "Total", "", exact_sum([Decimal(0), *(part.amount for part in mix.shares)]), "")
    worst = mix.worst
    sentence = f"Grade {mix.grade} overall: at least 95 % of the cost has this grade or a better one."
    if worst:
        sentence += f" Lowest grade {worst.grade}: {money(worst.amount, block.places)} ({share(abs(worst.amount), mix.whole)})."
    legend = "; ".join(f"{grade} {word}: {text}" for grade, word, text in LEGEND)
    table = DataTable("evidence", columns, rows, block.places, total=total, notes=(f"Grades: {legend}.",))
    return Section("Evidence", sentence, tables=(table,))


def journal_section(block: CurrencyBlock, team_id: str | None = None) -> Section | None:
    """Debits and credits by account; the lines are in journal.csv."""
    if block.journal is None:
        return None
    sums: dict[tuple[str, str], list[tuple[Decimal, Decimal]]] = defaultdict(list)
    for line in block.journal.of(team_id):
        sums[line.account_code, line.account_name].append((line.debit, line.credit))
    rows = tuple(
        (code, clean(name), exact_sum(part[0] for part in parts), exact_sum(part[1] for part in parts))
        for (code, name), parts in sorted(sums.items())
    )
    if not rows:
        return None
    total = ("", "Total", exact_sum(row[2] for row in rows), exact_sum(row[3] for row in rows))
    columns = (Column("Account"), Column("Name"), Column("Debit", "money"), Column("Credit", "money"))
    lead = "Debits equal credits. Expenses are the effective cost by team and lifecycle, payables the billed cost."
    table = DataTable("journal", columns, rows, block.places, total=total, notes=("Line by line: journal.csv.",))
    return Section("Journal", lead, tables=(table,))


def _change_chart(own: TeamChange, block: CurrencyBlock) -> BarChart:
    """The waterfall from no change to the whole change; small drivers past the largest are one bar."""
    zero, bars, level = Decimal(0), [], Decimal(0)
    for driver, amount in _charted(own.drivers):
        colour = UP if amount > 0 else DOWN
        text = signed_money(amount, block.places)
        bars.append(Bar(spoken(driver), ((level, level + amount, colour),), text))
        level += amount
    bars.append(Bar("Change", ((zero, level, WHOLE),), signed_money(level, block.places)))
    axis = f"Change of effective cost, {clean(block.currency)}"
    return BarChart(tuple(bars), axis, (("more", UP), ("less", DOWN)))


def _charted(drivers: Iterable[tuple[str, Decimal]]) -> list[tuple[str, Decimal]]:
    moved = [(driver, amount) for driver, amount in drivers if amount]
    if len(moved) <= _CHART_DRIVERS:
        return moved
    kept = moved[: _CHART_DRIVERS - 1]
    rest = exact_sum(amount for _, amount in moved[_CHART_DRIVERS - 1 :])
    return [*kept, (f"{len(moved) - len(kept)} smaller drivers", rest)]
