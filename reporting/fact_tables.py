"""The statement's facts at full grain: what the CSV files and the sheets of the workbook hold.

Printed amounts with the exact ones beside them, one row per fact and no total rows, so that summing a column
gives the printed total. With a team, a table holds that team's rows only. Money of the journal, the bill change
and the tariffs is `posting_tables`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from reporting.csv_files import Row, csv_text
from reporting.evidence import grade_of
from reporting.gpu_time import IDLE_STATES
from reporting.ledger import BASES, CATEGORIES, CORRECTIONS
from reporting.month import CurrencyBlock, MonthStatement
from reporting.queries import Team
from reporting.rounding import exact_sum, from_units

_TEAMS = (
    "billing_period", "billing_currency", "cost_basis", "team_id", "team_name", "cost_center",
    "department", *CATEGORIES, *CORRECTIONS, "other", "total", "previous_billing_period", "previous_total",
    "change",
)  # fmt: skip
_LINES = (
    "billing_period", "billing_currency", "team_id", "team_name", "cost_category",
    "service_provider_name", "service_name", "product", "model_id", "deployment_id", "gpu_state",
    "stage", "rule_id", "pool_id", "driver", "original_billing_period", "evidence", "grade",
    "effective_cost", "billed_cost", "effective_cost_exact", "billed_cost_exact",
)  # fmt: skip
_TIE_OUT = (
    "billing_period", "billing_currency", "invoice_issuer_name", "invoice_id", "source",
    "lake_billed_cost", "charges_billed_cost", "allocated_billed_cost", "invoiced_amount", "gap",
    "status", "cause", "computed_list_cost", "allocated_billed_cost_exact", "invoiced_amount_exact",
)  # fmt: skip
_UNIT_COSTS = (
    "billing_period", "billing_currency", "cost_basis", "team_id", "team_name", "model_id",
    "deployment_id", "cost", "total_tokens", "priced_tokens", "output_tokens", "requests",
    "cost_per_million_tokens", "cost_per_million_output_tokens", "cost_per_request", "evidence", "note",
    "cost_exact",
)  # fmt: skip
_GPU_WASTE = (
    "billing_period", "billing_currency", "team_id", "team_name", "gpu_model", "state", "is_idle",
    "gpu_hours", "effective_cost", "billed_cost", "gpu_hours_exact", "effective_cost_exact",
    "billed_cost_exact",
)  # fmt: skip


@dataclass(frozen=True)
class FactTable:
    """One table: the name of its file, the title of its sheet, columns and rows."""

    name: str
    title: str
    header: tuple[str, ...]
    rows: tuple[Row, ...]

    @property
    def csv(self) -> str:
        """The table as CSV text."""
        return csv_text(self.header, self.rows)


def fact_tables(month: MonthStatement, team_id: str | None = None) -> tuple[FactTable, ...]:
    """Teams, lines, tie-out, unit costs and GPU time; a team has no tie-out of its own."""
    tables = (
        FactTable("statement_teams", "Teams", _TEAMS, tuple(_teams(month, team_id))),
        FactTable("statement_lines", "Lines", _LINES, tuple(_lines(month, team_id))),
        FactTable("tie_out", "Tie-out", _TIE_OUT, tuple(_tie_out(month))),
        FactTable("unit_costs", "Unit costs", _UNIT_COSTS, tuple(_unit_costs(month, team_id))),
        FactTable("gpu_waste", "GPU time", _GPU_WASTE, tuple(_gpu_waste(month, team_id))),
    )
    return tuple(table for table in tables if team_id is None or table.name != "tie_out")


def team_of(month: MonthStatement, team_id: str) -> Team:
    """The team as the dimension names it, or by its id."""
    return month.teams.get(team_id, Team(team_id, team_id, "", ""))


def _teams(month: MonthStatement, team_id: str | None) -> Iterator[Row]:
    for block in month.blocks:
        for basis in BASES:
            for row_team in block.ledger.team_ids:
                if team_id in (None, row_team):
                    yield _team_row(month, block, basis, row_team)


def _team_row(month: MonthStatement, block: CurrencyBlock, basis: str, team_id: str) -> Row:
    ledger, team = block.ledger, team_of(month, team_id)
    table = ledger.tables[basis]
    named = (*CATEGORIES, *CORRECTIONS)
    other = [table.cell(team_id, category) for category in ledger.categories if category not in named]
    return (
        month.billing_period, block.currency, basis, team_id, team.team_name, team.cost_center,
        team.department, *(table.cell(team_id, category) for category in named),
        exact_sum([from_units(0, places=block.places), *other]), ledger.total(basis, team_id),
        month.previous_period, ledger.previous_total(basis, team_id), ledger.change(basis, team_id),
    )  # fmt: skip


def _lines(month: MonthStatement, team_id: str | None) -> Iterator[Row]:
    for block in month.blocks:
        for printed in block.ledger.lines:
            line = printed.line
            if team_id in (None, line.team_id):
                yield (
                    month.billing_period, block.currency, line.team_id,
                    team_of(month, line.team_id).team_name, line.cost_category, line.service_provider_name,
                    line.service_name, line.product, line.model_id, line.deployment_id, line.gpu_state,
                    line.stage, line.rule_id, line.pool_id, line.driver, line.original_period, line.evidence,
                    grade_of(line.evidence), printed.effective_cost, printed.billed_cost,
                    line.effective_cost, line.billed_cost,
                )  # fmt: skip


def _tie_out(month: MonthStatement) -> Iterator[Row]:
    for block in month.blocks:
        for tie in block.tie_out.rows:
            yield (
                month.billing_period, block.currency, tie.row.issuer, tie.row.invoice_id, tie.row.source,
                tie.lake, tie.charges, tie.allocated, tie.invoiced, tie.gap, tie.status, tie.row.cause,
                tie.computed_list, tie.row.allocated_billed_cost, tie.row.invoiced_amount,
            )  # fmt: skip


def _unit_costs(month: MonthStatement, team_id: str | None) -> Iterator[Row]:
    for block in month.blocks:
        for line in block.units.lines:
            row = line.row
            if team_id in (None, row.team_id):
                yield (
                    month.billing_period, block.currency, row.cost_basis, row.team_id,
                    team_of(month, row.team_id).team_name, row.model_id, row.deployment_id, line.cost,
                    row.tokens, row.priced_tokens, row.output_tokens, row.requests,
                    line.totals.per_million.value, line.totals.per_million_output.value,
                    line.totals.per_request.value, row.evidence, line.totals.per_million.note, row.cost,
                )  # fmt: skip


def _gpu_waste(month: MonthStatement, team_id: str | None) -> Iterator[Row]:
    for block in month.blocks:
        for line in block.gpu.lines:
            row = line.row
            if team_id in (None, row.team_id):
                yield (
                    month.billing_period, block.currency, row.team_id, team_of(month, row.team_id).team_name,
                    row.gpu_model, row.state, row.state in IDLE_STATES, line.gpu_hours, line.effective_cost,
                    line.billed_cost, row.gpu_hours, row.effective_cost, row.billed_cost,
                )  # fmt: skip
