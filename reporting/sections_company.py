"""The company's statement as sections of tables and charts: what the PDF prints.

The same printed figures as the page, under the same headings.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from reporting.bar_charts import gpu_chart, team_chart
from reporting.datatable import Cell, Column, DataTable, Section, Share
from reporting.formatting import clean, label, money, month_name, share
from reporting.gaps import ownerless_lines, unobserved_lines
from reporting.gpu_time import IDLE_STATES, GpuTime
from reporting.ledger import BASES, BILLED, EFFECTIVE, CurrencyLedger
from reporting.month import CurrencyBlock, MonthStatement
from reporting.queries import UNALLOCATED
from reporting.rounding import exact_sum
from reporting.sections_money import (
    Names,
    bridge_section,
    change_section,
    corrections_section,
    evidence_section,
    journal_section,
)
from reporting.sections_tariff import tariff_section
from reporting.sections_team import lines_table, units_table
from reporting.tie_out import NO_INVOICE, TIES
from reporting.unknowns import UNOBSERVED

_ZERO = Decimal(0)


def company_sections(month: MonthStatement, block: CurrencyBlock, names: Names) -> tuple[Section, ...]:
    """All sections of one currency, in reading order; those without content are left out."""
    found = (
        change_section(month, block, names),
        bridge_section(block),
        _tie_out(block),
        _teams(month, block, names),
        _categories(block, names),
        corrections_section(block, names),
        tariff_section(block, names),
        _gpu(block),
        _units(block),
        evidence_section(block),
        _unknowns(block),
        journal_section(block),
        *_team_by_team(month, block, names),
    )
    return tuple(section for section in found if section is not None)


def key_figures(month: MonthStatement, block: CurrencyBlock, team_id: str | None = None) -> DataTable:
    """The figures to read first: both bases against last month."""
    ledger = block.ledger
    rows: list[tuple[Cell, ...]] = []
    for basis in BASES:
        total = ledger.tables[basis].total if team_id is None else ledger.total(basis, team_id)
        before, change = ledger.previous_total(basis, team_id), ledger.change(basis, team_id)
        name = "Effective cost (amortised)" if basis == EFFECTIVE else "Billed cost (invoice basis)"
        rows.append((name, total, before, change, Share(change, before, sign=True)))
    columns = (
        Column(clean(block.currency)), Column(month_name(month.billing_period), "money"),
        Column(month_name(month.previous_period), "money"), Column("Change", "change"), Column("Change %", "share"),
    )  # fmt: skip
    notes = (_key_note(block),) if team_id is None else ()
    return DataTable("key-figures", columns, tuple(rows), block.places, notes=notes)


def _key_note(block: CurrencyBlock) -> str:
    """The other headlines of the page in one sentence."""
    gpu, tie, ledger, places = block.gpu, block.tie_out, block.ledger, block.places
    said = []
    if gpu.effective.total > 0:
        said.append(
            f"Idle share of paid GPU cost {share(gpu.idle_cost, gpu.effective.total)}"
            f" ({money(gpu.idle_cost, places)} of {money(gpu.effective.total, places)})"
        )
    rate = block.units.totals(EFFECTIVE).per_million
    if rate.value is not None:
        said.append(f"effective cost per 1M tokens {rate.value}")
    ownerless, whole = ledger.total(EFFECTIVE, UNALLOCATED), ledger.tables[EFFECTIVE].total
    said.append(f"cost without an owner {money(ownerless, places)} ({share(ownerless, whole)})")
    said.append(f"{tie.count(TIES)} of {len(tie.rows)} invoices tie, gap {money(tie.gap, places)}")
    text = "; ".join(said)
    return f"{text[0].upper()}{text[1:]}."


def gpu_states(gpu: GpuTime, *, name: str = "gpu-states") -> DataTable:
    """Hours and cost per state, with the idle part below the total."""
    rows = tuple(
        (
            label(state), "idle" if state in IDLE_STATES else "unknown" if state == UNOBSERVED else "in use",
            gpu.hours.columns.get(state, _ZERO), gpu.effective.columns.get(state, _ZERO),
            Share(gpu.effective.columns.get(state, _ZERO), gpu.effective.total), gpu.billed.columns.get(state, _ZERO),
        )
        for state in gpu.states
    )  # fmt: skip
    columns = (
        Column("State"), Column("Counts as", "quiet"), Column("GPU hours", "hours"), Column("Effective cost", "money"),
        Column("Share of cost", "share"), Column("Billed cost", "money"),
    )  # fmt: skip
    idle = ("of which idle", "", gpu.idle_hours, gpu.idle_cost, Share(gpu.idle_cost, gpu.effective.total), "")
    total = ("Paid", "", gpu.hours.total, gpu.effective.total, "", gpu.billed.total)
    notes = ("Idle share: idle part of the paid GPU cost. Unobserved time is counted neither as idle nor as use.",)
    return DataTable(name, columns, rows, gpu.effective.places, total=total, of_total=(idle,), notes=notes)


def _tie_out(block: CurrencyBlock) -> Section:
    tie = block.tie_out
    status = {"ties": "ties", "gap": "does not tie", NO_INVOICE: "no invoice"}
    rows: list[tuple[Cell, ...]] = [
        (
            " ".join(part for part in (clean(row.row.issuer) or "issuer not delivered", clean(row.row.invoice_id)) if part),
            row.row.source, row.lake, row.allocated, row.invoiced, row.gap,
            "; ".join(part for part in (status[row.status], clean(row.row.cause)) if part),
        )
        for row in tie.rows
    ]  # fmt: skip
    if tie.off_invoice:
        rows.append(("In the ledger, on no invoice row", "", None, tie.off_invoice, None, None, "does not tie"))
    columns = (
        Column("Issuer and invoice"), Column("Source", "quiet"), Column("Delivered", "money"), Column("Ledger", "money"),
        Column("Invoiced", "money"), Column("Gap", "money"), Column("Status", "quiet"),
    )  # fmt: skip
    total = ("Total", "", tie.lake, tie.allocated + tie.off_invoice, tie.invoiced, tie.gap, "")
    of_total = (("of which without an invoice yet", "", "", tie.uninvoiced, "", "", ""),) if tie.uninvoiced else ()
    table = DataTable("tie-out", columns, tuple(rows), block.places, total=total, of_total=of_total)
    lead = "Billed cost as delivered, as in the ledger, and as invoiced. The ledger column is the billed cost above."
    return Section("Tie-out to invoices", lead, tables=(table,))


def _teams(month: MonthStatement, block: CurrencyBlock, names: Names) -> Section:
    ledger = block.ledger
    whole = ledger.tables[EFFECTIVE].total
    rows = []
    for team in ledger.team_ids:
        before, change = ledger.previous_total(EFFECTIVE, team), ledger.change(EFFECTIVE, team)
        centre = month.teams[team].cost_center if team in month.teams else ""
        rows.append(
            (
                names[team], centre, ledger.total(EFFECTIVE, team), Share(ledger.total(EFFECTIVE, team), whole), before,
                change, ledger.total(BILLED, team), ledger.evidence(team).grade,
            )
        )  # fmt: skip
    columns = (
        Column("Team"), Column("Cost centre", "quiet"), Column("Effective", "money"), Column("Share", "share"),
        Column(month_name(month.previous_period), "money"), Column("Change", "change"), Column("Billed", "money"),
        Column("Grade"),
    )  # fmt: skip
    total = (
        "Total", "", whole, Share(whole, whole), ledger.previous_total(EFFECTIVE), ledger.change(EFFECTIVE),
        ledger.tables[BILLED].total, ledger.evidence().grade,
    )  # fmt: skip
    table = DataTable("teams", columns, tuple(rows), block.places, total=total, apart=_apart(ledger))
    lead = "What each team caused. Rows and columns add up in cents; last month is shown as printed then."
    chart = team_chart(ledger, names) if ledger.tables[EFFECTIVE].cells else None
    return Section("Teams", lead, chart=chart, tables=(table,))


def _category_table(block: CurrencyBlock, names: Names, basis: str) -> DataTable:
    """Cost by team and category of one basis; columns without any amount are left out."""
    ledger, table = block.ledger, block.ledger.tables[basis]
    teams = ledger.team_ids
    shown = [name for name in ledger.categories if any(table.cell(team, name) for team in teams)]
    rows = tuple(
        (names[team], *(table.cell(team, name) for name in shown), ledger.total(basis, team)) for team in teams
    )
    columns = (Column("Team"), *(Column(label(name), "money") for name in shown), Column("Total", "money"))
    total = ("Total", *(table.columns.get(name, _ZERO) for name in shown), table.total)
    caption = "Effective cost by category" if basis == EFFECTIVE else "Billed cost by category"
    return DataTable(f"categories-{basis}", columns, rows, block.places, total=total, apart=_apart(ledger), caption=caption)


def _categories(block: CurrencyBlock, names: Names) -> Section:
    tables = tuple(_category_table(block, names, basis) for basis in BASES)
    return Section("Cost by category", "First effective, then billed cost; the two are never added.", tables=tables)


def _gpu(block: CurrencyBlock) -> Section | None:
    if not block.gpu.lines:
        return None
    lead = "Every GPU hour paid, from the bill, and what telemetry saw it do."
    chart = gpu_chart(block.gpu) if block.gpu.effective.total > 0 else None
    return Section("GPU time", lead, chart=chart, tables=(gpu_states(block.gpu),))


def _units(block: CurrencyBlock) -> Section | None:
    table = units_table(block, None)
    lead = "Cost over what was served: each rate is the cost and the count beside it, divided before rounding."
    return Section("Unit costs", lead, tables=(table,)) if table else None


def _unknowns(block: CurrencyBlock) -> Section:
    orphans, gaps = ownerless_lines(block), unobserved_lines(block)
    money_columns = (Column("Effective", "money"), Column("Billed", "money"))
    tables = []
    if orphans:
        rows = tuple(
            (line.service or "service not delivered", line.reason, line.effective_cost, line.billed_cost)
            for line in orphans
        )
        total = ("Unallocated", "", exact_sum(row[2] for row in rows), exact_sum(row[3] for row in rows))
        columns = (Column("Service"), Column("Why", "quiet"), *money_columns)
        tables.append(DataTable("unallocated", columns, rows, block.places, total=total))
    if gaps:
        rows = tuple(
            (line.gpu_model or "model not known", line.days, line.gpu_hours, line.effective_cost) for line in gaps
        )
        columns = (
            Column("GPU model"), Column("Days without telemetry", "quiet"), Column("GPU hours", "hours"),
            Column("Effective", "money"),
        )  # fmt: skip
        tables.append(DataTable("unobserved", columns, rows, block.places))
    lead = "Money without an owner and GPU time without telemetry are rows of their own, never zero."
    if not tables:
        lead = f"Nothing: every charge in {clean(block.currency)} found an owner, every GPU hour was observed."
    return Section("What these figures do not know", lead, tables=tuple(tables))


def _team_by_team(month: MonthStatement, block: CurrencyBlock, names: Names) -> Iterator[Section]:
    ledger = block.ledger
    for number, team in enumerate(ledger.team_ids):
        table = lines_table(ledger, team, limit=True)
        if table.rows:
            lead = "The lines behind each team's total; all of them in statement_lines.csv." if not number else ""
            yield Section(names[team], lead, tables=(table,), level=3)


def _apart(ledger: CurrencyLedger) -> frozenset[int]:
    return frozenset(number for number, team in enumerate(ledger.team_ids) if team == UNALLOCATED)
