"""The statement's CSV files: the printed amounts, with the exact ones beside them.

One row per fact and no total rows, so that summing a column gives the printed total. UTF-8, comma, header
row, line feed. Unknown is an empty cell. Text comes from outside (tags, names): a cell that a spreadsheet
would read as a formula gets a leading apostrophe; numbers stay numbers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from decimal import Decimal

from reporting.gpu_time import IDLE_STATES
from reporting.ledger import BASES, CATEGORIES
from reporting.month import CurrencyBlock, MonthStatement
from reporting.queries import Team
from reporting.rounding import from_units

Value = str | int | Decimal | bool | None

# What spreadsheets take as the start of a formula, full-width forms included, and what can hide one from a
# reader.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")

_NEEDS_QUOTES = re.compile(r'[",\r\n]')


def neutral(text: str) -> str:
    """The text, with an apostrophe before it if a spreadsheet would run it."""
    return (
        f"'{text}" if text.startswith(_FORMULA_STARTS) or text.lstrip().startswith(_FORMULA_STARTS) else text
    )


def csv_text(header: Sequence[str], rows: Iterable[Sequence[Value]]) -> str:
    """Rows as CSV text (RFC 4180 quoting, line feeds between rows)."""
    return "".join(",".join(map(_cell, row)) + "\n" for row in (header, *rows))


def statement_files(month: MonthStatement) -> dict[str, str]:
    """All CSV files of the statement: file name -> content."""
    return {
        "statement_teams.csv": _teams(month),
        "statement_lines.csv": _lines(month),
        "tie_out.csv": _tie_out(month),
        "unit_costs.csv": _unit_costs(month),
        "gpu_waste.csv": _gpu_waste(month),
    }


def _cell(value: Value) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return f"{value:f}"
    return str(value) if isinstance(value, int) else _quoted(neutral(value))


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if _NEEDS_QUOTES.search(text) else text


def _team(month: MonthStatement, team_id: str) -> Team:
    return month.teams.get(team_id, Team(team_id, team_id, "", ""))


def _teams(month: MonthStatement) -> str:
    header = (
        "billing_period", "billing_currency", "cost_basis", "team_id", "team_name", "cost_center",
        "department", *CATEGORIES, "other", "total", "previous_billing_period", "previous_total", "change",
    )  # fmt: skip
    return csv_text(
        header, (row for block in month.blocks for basis in BASES for row in _team_rows(month, block, basis))
    )


def _team_rows(month: MonthStatement, block: CurrencyBlock, basis: str) -> Iterable[Sequence[Value]]:
    ledger = block.ledger
    table = ledger.tables[basis]
    zero = from_units(0, places=block.places)
    for team_id in ledger.team_ids:
        team = _team(month, team_id)
        known = [table.cell(team_id, category) for category in CATEGORIES]
        other = sum(
            (table.cell(team_id, category) for category in ledger.categories[len(CATEGORIES) :]), zero
        )
        before = ledger.previous_total(basis, team_id)
        yield (
            month.billing_period, block.currency, basis, team_id, team.team_name, team.cost_center,
            team.department, *known, other, ledger.total(basis, team_id), month.previous_period, before,
            ledger.change(basis, team_id),
        )  # fmt: skip


def _lines(month: MonthStatement) -> str:
    header = (
        "billing_period", "billing_currency", "team_id", "team_name", "cost_category",
        "service_provider_name", "service_name", "product", "model_id", "deployment_id", "gpu_state",
        "stage", "rule_id", "pool_id", "driver", "evidence", "effective_cost", "billed_cost",
        "effective_cost_exact", "billed_cost_exact",
    )  # fmt: skip
    return csv_text(
        header,
        (
            (
                month.billing_period, block.currency, line.team_id, _team(month, line.team_id).team_name,
                line.cost_category, line.service_provider_name, line.service_name, line.product,
                line.model_id, line.deployment_id, line.gpu_state, line.stage, line.rule_id, line.pool_id,
                line.driver, line.evidence, printed.effective_cost, printed.billed_cost,
                line.effective_cost, line.billed_cost,
            )
            for block in month.blocks
            for printed in block.ledger.lines
            for line in [printed.line]
        ),
    )  # fmt: skip


def _tie_out(month: MonthStatement) -> str:
    header = (
        "billing_period", "billing_currency", "invoice_issuer_name", "invoice_id", "source",
        "lake_billed_cost", "charges_billed_cost", "allocated_billed_cost", "invoiced_amount", "gap",
        "status", "cause", "computed_list_cost", "allocated_billed_cost_exact", "invoiced_amount_exact",
    )  # fmt: skip
    return csv_text(
        header,
        (
            (
                month.billing_period, block.currency, tie.row.issuer, tie.row.invoice_id, tie.row.source,
                tie.lake, tie.charges, tie.allocated, tie.invoiced, tie.gap, tie.status, tie.row.cause,
                tie.computed_list, tie.row.allocated_billed_cost, tie.row.invoiced_amount,
            )
            for block in month.blocks
            for tie in block.tie_out.rows
        ),
    )  # fmt: skip


def _unit_costs(month: MonthStatement) -> str:
    header = (
        "billing_period", "billing_currency", "cost_basis", "team_id", "team_name", "model_id",
        "deployment_id", "cost", "total_tokens", "priced_tokens", "output_tokens", "requests",
        "cost_per_million_tokens", "cost_per_million_output_tokens", "cost_per_request", "evidence", "note",
        "cost_exact",
    )  # fmt: skip
    return csv_text(
        header,
        (
            (
                month.billing_period, block.currency, row.cost_basis, row.team_id,
                _team(month, row.team_id).team_name, row.model_id, row.deployment_id, line.cost, row.tokens,
                row.priced_tokens, row.output_tokens, row.requests, line.totals.per_million.value,
                line.totals.per_million_output.value, line.totals.per_request.value, row.evidence,
                line.totals.per_million.note, row.cost,
            )
            for block in month.blocks
            for line in block.units.lines
            for row in [line.row]
        ),
    )  # fmt: skip


def _gpu_waste(month: MonthStatement) -> str:
    header = (
        "billing_period", "billing_currency", "team_id", "team_name", "gpu_model", "state", "is_idle",
        "gpu_hours", "effective_cost", "billed_cost", "gpu_hours_exact", "effective_cost_exact",
        "billed_cost_exact",
    )  # fmt: skip
    return csv_text(
        header,
        (
            (
                month.billing_period, block.currency, row.team_id, _team(month, row.team_id).team_name,
                row.gpu_model, row.state, row.state in IDLE_STATES, line.gpu_hours, line.effective_cost,
                line.billed_cost, row.gpu_hours, row.effective_cost, row.billed_cost,
            )
            for block in month.blocks
            for line in block.gpu.lines
            for row in [line.row]
        ),
    )  # fmt: skip
