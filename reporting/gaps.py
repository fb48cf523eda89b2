"""Unallocated money and unobserved GPU time as printed: by reason, in the cents of the team table."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from reporting.controlled_rounding import RoundedTable, round_leaves
from reporting.formatting import MONTHS, clean
from reporting.ledger import BILLED, EFFECTIVE
from reporting.month import CurrencyBlock
from reporting.queries import UNALLOCATED
from reporting.rounding import exact_sum
from reporting.unknowns import UNOBSERVED, UnallocatedRow

_REASON_MARK = "unallocated: "


@dataclass(frozen=True)
class OwnerlessLine:
    """Unallocated money by service and reason."""

    service: str
    reason: str
    effective_cost: Decimal
    billed_cost: Decimal


@dataclass(frozen=True)
class UnobservedLine:
    """GPU hours without telemetry by GPU model, and the days it was missing."""

    gpu_model: str
    days: str
    gpu_hours: Decimal
    effective_cost: Decimal


def ownerless_lines(block: CurrencyBlock) -> tuple[OwnerlessLine, ...]:
    """Why money has no owner, by service and reason, in the cents of the team table."""
    printed = {
        basis: round_leaves(
            _ownerless_leaves(block.unallocated, basis, block.ledger.tables[basis]),
            block.ledger.tables[basis],
        )
        for basis in (EFFECTIVE, BILLED)
    }
    sums: dict[tuple[str, str], dict[str, list[Decimal]]] = defaultdict(lambda: {EFFECTIVE: [], BILLED: []})
    for basis, leaves in printed.items():
        for key, amount in leaves.items():
            sums[key[2], key[3]][basis].append(amount)
    lines = (
        OwnerlessLine(service, reason, exact_sum(parts[EFFECTIVE]), exact_sum(parts[BILLED]))
        for (service, reason), parts in sums.items()
    )
    return tuple(
        sorted(lines, key=lambda line: (-line.effective_cost, -line.billed_cost, line.service, line.reason))
    )


def unobserved_lines(block: CurrencyBlock) -> tuple[UnobservedLine, ...]:
    """GPU hours without telemetry, by GPU model with the days."""
    days: dict[str, set[date]] = defaultdict(set)
    for row in block.unobserved:
        days[row.gpu_model].add(row.charge_date)
    lines = []
    for model in sorted({line.row.gpu_model for line in block.gpu.lines if line.row.state == UNOBSERVED}):
        own = [
            line for line in block.gpu.lines if line.row.state == UNOBSERVED and line.row.gpu_model == model
        ]
        hours, cost = (
            exact_sum(line.gpu_hours for line in own),
            exact_sum(line.effective_cost for line in own),
        )
        if hours or cost:
            lines.append(UnobservedLine(clean(model), day_ranges(days[model]), hours, cost))
    return tuple(lines)


def day_ranges(days: Iterable[date]) -> str:
    """Days as ranges, such as "3 to 5 and 17 March" in figures, for days of a month or more."""
    ranges: list[list[date]] = []
    for day in sorted(days):
        if ranges and day - ranges[-1][1] == timedelta(days=1) and day.month == ranges[-1][1].month:
            ranges[-1][1] = day
        else:
            ranges.append([day, day])
    texts: dict[int, list[str]] = {}
    for first, last in ranges:
        texts.setdefault(first.month, []).append(
            f"{first.day}\u2013{last.day}" if first != last else f"{first.day}"
        )
    return "; ".join(f"{', '.join(parts)} {MONTHS[month - 1]}" for month, parts in texts.items())


def _ownerless_leaves(
    rows: Iterable[UnallocatedRow], basis: str, table: RoundedTable
) -> dict[tuple[str, ...], Decimal]:
    """Exact amounts keyed (unallocated, category, service, reason), as far as the team table has the cell."""
    parts: dict[tuple[str, ...], list[Decimal]] = defaultdict(list)
    for row in rows:
        service = " · ".join(clean(text) for text in (row.service_provider_name, row.service_name) if text)
        key = (UNALLOCATED, row.cost_category, service, _reason(row))
        parts[key].append(row.effective_cost if basis == EFFECTIVE else row.billed_cost)
    return {key: exact_sum(amounts) for key, amounts in parts.items() if key[:2] in table.cells}


def _reason(row: UnallocatedRow) -> str:
    """The cascade's own words for why there is no owner, or the last steps of its path."""
    path = clean(row.allocation_path)
    if _REASON_MARK in path:
        return path.split(_REASON_MARK, 1)[1]
    steps = [
        step
        for step in path.split(" > ")
        if not step.startswith(("rule:", "pool:", "node:", "account:", "state:"))
    ]
    if row.stage == "gpu_pool":
        return f"GPU held by {' '.join(steps) or 'an unknown holder'}, which belongs to no team"
    if row.stage == "api_pool":
        return f"{' '.join(steps) or 'a key'} belongs to no team"
    return path or f"stage {row.stage or 'unknown'}"
