"""The rows a month's statement is built from, read once from the marts for all currencies."""

from __future__ import annotations

from dataclasses import dataclass

from ingest.billing_period import BillingPeriod
from reporting import economics, journal_lines, queries, tariff_rows, unknowns
from reporting.bill_change import ChangeRow, change_rows
from reporting.cost_bridge import BridgeRow, bridge_rows
from reporting.economics import ComponentRow
from reporting.journal_lines import AccountRow, PostingRow
from reporting.marts import Marts
from reporting.queries import ChargebackRow, InvoiceRow, LedgerLine, UnitRow, WasteRow
from reporting.tariff import SHOWBACK, TARIFF
from reporting.tariff_rows import PassedCost, PricedUse
from reporting.unknowns import UnallocatedRow, UnobservedRow


@dataclass(frozen=True)
class MonthFacts:
    """Exact rows of all currencies. `chargeback` and `units` also hold the months before."""

    billing_period: str
    chargeback_mode: str
    chargeback: list[ChargebackRow]
    lines: list[LedgerLine]
    invoices: list[InvoiceRow]
    units: list[UnitRow]
    waste: list[WasteRow]
    components: list[ComponentRow]
    unallocated: list[UnallocatedRow]
    unobserved: list[UnobservedRow]
    changes: list[ChangeRow]
    bridge: list[BridgeRow]
    postings: list[PostingRow]
    accounts: list[AccountRow]
    priced_uses: list[PricedUse]
    passed_costs: list[PassedCost]

    def currencies(self) -> set[str]:
        """Currencies the month has anything in."""
        period = self.billing_period
        found = {row.currency for row in self.chargeback if row.billing_period == period}
        found |= {row.currency for row in (*self.invoices, *self.components, *self.waste) if row.currency}
        return found | {row.currency for row in self.units if row.currency and row.billing_period == period}


def read_facts(
    marts: Marts, period: str, *, chargeback: list[ChargebackRow], chargeback_mode: str
) -> MonthFacts:
    """Read the month; what an older snapshot does not hold stays empty."""
    has_accounts = marts.has("dim_accounts") and marts.has("dim_workloads")
    is_tariff = chargeback_mode == TARIFF and marts.has("dim_tariffs")
    last_day = BillingPeriod.parse(period).days[-1].isoformat()
    return MonthFacts(
        billing_period=period,
        chargeback_mode=TARIFF if is_tariff else SHOWBACK,
        chargeback=chargeback,
        lines=queries.ledger_lines(marts, period),
        invoices=queries.invoices(marts, period),
        units=queries.unit_costs(marts, until=period),
        waste=queries.gpu_waste(marts, period),
        components=economics.components(marts, period),
        unallocated=unknowns.unallocated(marts, period),
        unobserved=unknowns.unobserved(marts, period),
        changes=change_rows(marts, period),
        bridge=bridge_rows(marts, period),
        postings=journal_lines.posting_rows(marts, period) if has_accounts else [],
        accounts=journal_lines.account_rows(marts, last_day) if has_accounts else [],
        priced_uses=tariff_rows.priced_uses(marts, period) if is_tariff else [],
        passed_costs=tariff_rows.passed_costs(marts, period) if is_tariff else [],
    )
