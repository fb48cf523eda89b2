"""What finance posts, at full grain: the journal, the drivers of the change, the bridge and the tariff charges.

Each table is there only when the snapshot and the settings give it rows. Amounts are printed cents.
"""

from __future__ import annotations

from collections.abc import Iterator

from ingest.billing_period import BillingPeriod
from reporting.csv_files import Row
from reporting.fact_tables import FactTable, team_of
from reporting.month import MonthStatement

_JOURNAL = (
    "journal_id", "line_no", "posting_date", "billing_period", "status", "billing_currency", "account_code",
    "account_name", "cost_center", "team_id", "team_name", "debit", "credit", "posting", "cost_category",
    "lifecycle", "invoice_issuer_name", "invoice_id", "memo",
)  # fmt: skip
_CHANGES = (
    "billing_period", "previous_billing_period", "billing_currency", "team_id", "team_name", "driver",
    "amount",
)  # fmt: skip
_BRIDGE = ("billing_period", "billing_currency", "step_no", "step", "amount")
_TARIFF = (
    "billing_period", "billing_currency", "team_id", "team_name", "cost_center", "service", "item",
    "tariff_id", "quantity", "unit", "unit_price", "charge",
)  # fmt: skip


def posting_tables(month: MonthStatement, team_id: str | None = None) -> tuple[FactTable, ...]:
    """Journal, bill change, bridge and tariff charges of the company or of one team, as far as they exist."""
    tables = [
        FactTable("journal", "Journal", _JOURNAL, tuple(_journal(month, team_id))),
        FactTable("bill_change", "Bill change", _CHANGES, tuple(_changes(month, team_id))),
        FactTable("tariff_charges", "Tariff", _TARIFF, tuple(_tariff(month, team_id))),
    ]
    if team_id is None:
        tables.append(FactTable("cost_bridge", "Billed to effective", _BRIDGE, tuple(_bridge(month))))
    return tuple(table for table in tables if table.rows)


def _journal(month: MonthStatement, team_id: str | None) -> Iterator[Row]:
    posted_on = BillingPeriod.parse(month.billing_period).days[-1].isoformat()
    for block in month.blocks:
        if block.journal is None:
            continue
        journal_id = "-".join(part for part in ("AI", month.billing_period, block.currency, team_id) if part)
        for number, line in enumerate(block.journal.of(team_id), 1):
            team = team_of(month, line.team_id) if line.team_id else None
            yield (
                journal_id, number, posted_on, month.billing_period, month.status.word, block.currency,
                line.account_code, line.account_name, team.cost_center if team else "", line.team_id,
                team.team_name if team else "", line.debit, line.credit, line.posting, line.cost_category,
                line.lifecycle, line.issuer, line.invoice_id, line.memo,
            )  # fmt: skip


def _changes(month: MonthStatement, team_id: str | None) -> Iterator[Row]:
    for block in month.blocks:
        for team in block.change.teams if block.change else ():
            if team_id in (None, team.team_id):
                name = team_of(month, team.team_id).team_name
                for driver, amount in team.drivers:
                    yield (
                        month.billing_period, month.previous_period, block.currency, team.team_id, name,
                        driver, amount,
                    )  # fmt: skip


def _bridge(month: MonthStatement) -> Iterator[Row]:
    for block in month.blocks:
        if block.bridge:
            steps = (("billed", block.bridge.billed), *block.bridge.steps)
            for number, (step, amount) in enumerate(steps):
                yield (month.billing_period, block.currency, number, step, amount)


def _tariff(month: MonthStatement, team_id: str | None) -> Iterator[Row]:
    for block in month.blocks:
        for line in block.tariff.lines if block.tariff else ():
            if team_id in (None, line.team_id):
                team = team_of(month, line.team_id)
                yield (
                    month.billing_period, block.currency, line.team_id, team.team_name, team.cost_center,
                    line.service, line.item, line.tariff_id, line.quantity, line.unit, line.unit_price,
                    line.amount,
                )  # fmt: skip
