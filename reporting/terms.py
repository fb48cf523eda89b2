"""The words a statement uses, explained once for page and PDF."""

from __future__ import annotations

from reporting.evidence import LEGEND
from reporting.formatting import month_name


def terms_of(previous_period: str) -> tuple[tuple[str, str], ...]:
    """(word, meaning) pairs in reading order."""
    grades = ". ".join(f"{grade} {word}: {text}" for grade, word, text in LEGEND)
    return (
        ("Effective", "Cost of what was used in the month: commitments spread over their use (amortised). Use it to"
         " compare teams and months."),
        ("Billed", "Cost as it stands on the month's invoices. Use it to post and to tie out. The two bases are never"
         " added."),
        ("List", "Tokens times the public price of the day; a yardstick, not a cost that anyone paid."),
        ("Fully loaded", "Effective cost plus modelled and assumed cost, such as the people who run the service."),
        ("Idle", "GPU time paid and seen doing nothing: unallocated, failed, standby, loading, warm idle. Its share is that"
         " of the paid GPU cost, whoever pays for it."),
        ("Unobserved", "GPU time paid without telemetry. It may have worked; it is counted neither as idle nor as use."),
        ("Grade", f"Evidence of an amount. {grades}."),
        ("Status", "open: the month is not closed. provisional: not closed, and its inputs have the gaps named above."
         " final: closed; it never changes, later corrections are booked in a later month."),
        ("Rounding", "Amounts are exact to 18 decimals until this page and rounded once, so that every row and column"
         " adds up; no figure moves by a full cent. Exact amounts are in the CSV files."),
        ("Months", f"Billing months in UTC. {month_name(previous_period)} is rounded from the marts of this snapshot."),
        ("\u2013 (dash)", "Unknown, for the reason beside it. Never zero."),
    )  # fmt: skip
