"""From billed to effective cost, step by step, as printed: the first step is the billed total, the steps
after it add up to the effective total.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from reporting.bill_change import ROUNDING, UNEXPLAINED
from reporting.ledger import BILLED, EFFECTIVE, CurrencyLedger
from reporting.marts import Marts
from reporting.rounding import exact_sum, from_units, round_parts

_ENDS = {"billed", "billed_cost", "effective", "effective_cost"}


@dataclass(frozen=True)
class BridgeRow:
    """Exact amount of one step."""

    currency: str
    step_no: int
    step: str
    amount: Decimal


@dataclass(frozen=True)
class CostBridge:
    """Printed steps between the two printed totals."""

    billed: Decimal
    steps: tuple[tuple[str, Decimal], ...]
    effective: Decimal


def bridge_rows(marts: Marts, period: str) -> list[BridgeRow]:
    """The month's steps; empty when the snapshot holds no such mart."""
    if not marts.has("fct_cost_bridge"):
        return []
    sql = """
        select billing_currency, cast(step_no as integer), step, sum(amount)
        from fct_cost_bridge
        where billing_period = ? and amount is not null
        group by all
        order by all
    """
    return marts.records(BridgeRow, sql, [period])


def build_bridge(ledger: CurrencyLedger, rows: Iterable[BridgeRow]) -> CostBridge | None:
    """Round the steps to the printed totals; None without steps."""
    own = [row for row in rows if row.currency == ledger.currency]
    if not own:
        return None
    billed, effective = ledger.tables[BILLED].total, ledger.tables[EFFECTIVE].total
    inner = [row for row in own if row.amount and row.step.lower().replace(" ", "_") not in _ENDS]
    between = {f"{row.step_no:04d} {row.step}": row.amount for row in inner}
    printed = round_parts(between, places=ledger.places)
    steps = [(key[5:], printed[key]) for key in sorted(printed)]
    rest = effective - billed - exact_sum(printed.values())
    if rest:
        is_cent = abs(rest) <= 2 * from_units(1, places=ledger.places)
        steps.append((ROUNDING if is_cent else UNEXPLAINED, rest))
    return CostBridge(billed, tuple(steps), effective)
