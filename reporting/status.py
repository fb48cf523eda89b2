"""Whether a statement can be relied on: open, provisional or final, and every reason why not yet.

`final` is a closed month. `provisional` is an open month whose inputs are degraded: telemetry or usage that did
not arrive, tokens without a price, invoices or breaks that do not reconcile, gates that warned. `open` is an
open month without any of these. Thresholds are in hours and tokens, never in money.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from ingest.billing_period import BillingPeriod
from reporting.formatting import MONTHS, clean, count, money, share
from reporting.gpu_time import GpuTime
from reporting.marts import Marts
from reporting.queries import InvoiceRow
from reporting.rounding import currency_places, round_amount
from reporting.snapshot import CLOSED, SOFT_CLOSED, GateResult, InputLoad, Snapshot
from reporting.unknowns import UNOBSERVED, UsageRow

OPEN, PROVISIONAL, FINAL = "open", "provisional", "final"
# Up to here a gap is ordinary: a node that starts before its exporter does, a model on its first days.
UNOBSERVED_SHARE = Decimal("0.02")
UNPRICED_SHARE = Decimal("0.01")
# Rules of the gates that the statement measures itself, with its own thresholds.
_MEASURED_HERE = frozenset({"usage_is_priced", "gpu_time_is_observed", "cost_has_a_team"})
_NOT_ISSUED = "not issued"


@dataclass(frozen=True)
class Status:
    """The word on the statement, why it is not better, and what else to know."""

    word: str
    reasons: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """The word as shown."""
        return "final (closed)" if self.word == FINAL else self.word


@dataclass(frozen=True)
class BreakRow:
    """Reconciliation breaks of one kind that no cause explains; `gap` is the sum of their sizes."""

    service_provider_name: str
    compared: str
    currency: str
    breaks: int
    gap: Decimal


def unexplained_breaks(marts: Marts, period: str) -> list[BreakRow]:
    """The month's breaks without an explanation; empty when the snapshot holds no such mart."""
    columns = marts.columns("fct_reconciliation_breaks")
    if not columns:
        return []
    is_break = "is_break" if "is_break" in columns else "true"
    sql = f"""
        select
            coalesce(service_provider_name, ''), coalesce(compared, ''), coalesce(billing_currency, ''),
            count(*), sum(abs(gap))
        from fct_reconciliation_breaks
        where billing_period = ? and {is_break} and not coalesce(is_explained, false) and gap <> 0
        group by all
        order by all
    """
    return marts.records(BreakRow, sql, [period])


def build_status(
    snapshot: Snapshot,
    *,
    period: str,
    gpu: Iterable[GpuTime],
    usage: Iterable[UsageRow],
    invoices: Iterable[InvoiceRow],
    breaks: Iterable[BreakRow],
) -> Status:
    """Judge a month from what the snapshot holds and says about itself."""
    days = BillingPeriod.parse(period)
    seen = _day_of(snapshot.created_at) or days.end.date()
    is_running = seen < days.end.date()
    reasons = [
        *_unobserved(gpu),
        *_missing_days(snapshot.inputs, first=days.start.date(), end=min(seen, days.end.date())),
        *_missing_usage(snapshot.inputs, period),
        *_unpriced(usage),
        *_invoices(invoices, is_running=is_running),
        *_breaks(breaks),
        *_gates(snapshot.gates, period),
    ]
    notes = ["the month is still running; its figures grow until the last bill is in"] if is_running else []
    state = snapshot.month_state(period)
    if state == CLOSED:
        return Status(FINAL, tuple(reasons), tuple(notes))
    is_soft = state == SOFT_CLOSED
    notes.append(f"the month is {'soft-closed, not closed' if is_soft else 'not closed'}; a later delivery can change it")
    return Status(PROVISIONAL if reasons else OPEN, tuple(reasons), tuple(notes))


def _unobserved(gpu: Iterable[GpuTime]) -> Iterable[str]:
    for time in gpu:
        hours, all_hours = time.hours.columns.get(UNOBSERVED, Decimal(0)), time.hours.total
        if all_hours > 0 and hours > UNOBSERVED_SHARE * all_hours:
            cost = money(time.effective.columns.get(UNOBSERVED, Decimal(0)), time.effective.places)
            yield (
                f"GPU telemetry is missing for {money(hours, 1)} of {money(all_hours, 1)} GPU hours paid"
                f" ({share(hours, all_hours)}): {cost} {clean(time.currency)} is unobserved, not idle"
            )


def _missing_days(inputs: Iterable[InputLoad], *, first: date, end: date) -> Iterable[str]:
    """Daily datasets that delivered before or in the month but not on each of its days."""
    found: dict[tuple[str, str], set[date]] = defaultdict(set)
    for load in inputs:
        day = _day_of(load.partition) if len(load.partition) == len("YYYY-MM-DD") else None
        if day is not None:
            found[load.source, load.dataset].add(day)
    for (source, dataset), days in sorted(found.items()):
        start = max(first, min(days))
        wanted = {start + timedelta(days=number) for number in range(max((end - start).days, 0))}
        missing = sorted(wanted - days)
        if missing and min(days) < end:
            yield f"{clean(source)} delivered no {clean(dataset)} for {_days_text(missing)} ({len(missing)} days)"


def _missing_usage(inputs: Iterable[InputLoad], period: str) -> Iterable[str]:
    """API providers whose cost report of the month came without its usage report."""
    have = {(load.source, load.dataset) for load in inputs if load.partition == period}
    for source, dataset in sorted(have):
        wanted = dataset.replace("_costs", "_usage")
        if dataset.endswith("_costs") and (source, wanted) not in have:
            yield f"{clean(source)} delivered {clean(dataset)} without {clean(wanted)}"


def _unpriced(usage: Iterable[UsageRow]) -> Iterable[str]:
    primary = [row for row in usage if row.is_primary]
    tokens, unpriced = sum(row.tokens for row in primary), sum(row.unpriced_tokens for row in primary)
    if tokens and Decimal(unpriced) > UNPRICED_SHARE * tokens:
        part = share(Decimal(unpriced), Decimal(tokens))
        yield f"{count(unpriced)} of {count(tokens)} tokens ({part}) have no price"


def _invoices(rows: Iterable[InvoiceRow], *, is_running: bool) -> Iterable[str]:
    for row in rows:
        name = " ".join(part for part in (clean(row.issuer) or "an issuer", clean(row.invoice_id)) if part)
        if row.is_reconciled is False:
            yield f"the invoice of {name} does not tie to the ledger" + (f": {clean(row.cause)}" if row.cause else "")
        elif row.invoiced_amount is None and _NOT_ISSUED in row.cause and not is_running:
            yield f"{name}: {clean(row.cause)}"


def _breaks(rows: Iterable[BreakRow]) -> Iterable[str]:
    for row in rows:
        size = round_amount(row.gap, places=currency_places(row.currency))
        if size:
            compared = clean(row.compared).replace("~", " and ")
            yield (
                f"{count(row.breaks)} unexplained breaks between {compared} of {clean(row.service_provider_name)}:"
                f" {money(size, currency_places(row.currency))} {clean(row.currency)}"
            )


def _gates(results: Sequence[GateResult], period: str) -> Iterable[str]:
    for result in results:
        is_failure = result.severity != "warn"
        texts = (result.message, *result.examples)
        if result.rule in _MEASURED_HERE or not (is_failure or any(period in text for text in texts)):
            continue
        said = next((text for text in result.examples if period in text), result.message)
        verb = "failed" if is_failure else "warned"
        yield f"gate {clean(result.rule)} {verb}: {clean(said or result.title)}"


def _day_of(text: str) -> date | None:
    try:
        return datetime.fromisoformat(text).date()
    except ValueError:
        return None


def _days_text(days: Sequence[date]) -> str:
    first, last = days[0], days[-1]
    if len(days) == 1:
        return f"{first.day} {MONTHS[first.month - 1]}"
    if (last - first).days == len(days) - 1:
        return f"{first.day} to {last.day} {MONTHS[last.month - 1]}"
    named = ", ".join(str(day.day) for day in days[:6])
    return f"{named}{' and more' if len(days) > 6 else ''} {MONTHS[last.month - 1]}"
