"""Collects and writes ``truth/*.csv``: what the pipeline must find, from the generator's own facts.

team_month_cost and team_month_category (both bases, 18 decimals), gpu_states, tokens, requests, invoices
(billed totals as the issuers ask for them), unpriced (usage without a list price). Months are independent
of each other.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from fractions import Fraction
from pathlib import Path
from typing import Any

from ingest.synthetic.aws_cur import invoice_id
from ingest.synthetic.aws_focus import SPLIT_SHARES
from ingest.synthetic.company import AWS_ISSUER, CURRENCY
from ingest.synthetic.ledger import Amount, MonthLedger, amount
from ingest.synthetic.truth_gpu import GpuTime
from ingest.synthetic.window import Month
from ingest.synthetic.world import World

_PLACES = Decimal(1).scaleb(-18)
HEADERS = {
    "team_month_cost": "billing_period,team_id,cost_basis,billing_currency,amount",
    "team_month_category": "billing_period,team_id,cost_category,cost_basis,billing_currency,amount",
    "gpu_states": "billing_period,node_id,resource_id,gpu_model,holder_team_id,team_id,state,gpu_seconds,"
    "gpu_hours,billed_cost,effective_cost",
    "tokens": "billing_period,source,model,token_bucket,tokens",
    "requests": "billing_period,source,model,requests,failed_requests,retried_requests,cache_hits",
    "invoices": "billing_period,invoice_issuer_name,invoice_id,billing_currency,billed_total",
    "unpriced": "billing_period,source,model,total_tokens,reported_cost",
}
_OWNED = """
    select owner_kind, owner, sum(billed), sum(effective) from aws_lines group by all
    union all
    select owner_kind, owner, sum(cost), sum(cost) from focus_lines group by all
    union all
    select owner_kind, owner, sum(cost + usage_credit), sum(cost + usage_credit) from gcp_lines group by all
    union all
    select 'pool', 'credits', sum(promotion), sum(promotion) from gcp_lines
"""
_INVOICED = f"""
    select coalesce(legal_entity, '{AWS_ISSUER}'), case when legal_entity is null then '01' else '77' end,
        sum(cost)
    from aws_lines group by all
    union all
    select '{AWS_ISSUER}', '44', sum(cost) from focus_lines
    union all
    select 'Google Cloud', '', sum(cost + usage_credit + promotion) from gcp_lines
    union all
    select case provider when 'openai' then 'OpenAI' else 'Anthropic' end, '', sum(amount) from api_costs
        group by all
"""


@dataclass(kw_only=True)
class Truth:
    """Rows of the truth files, collected month by month."""

    ledgers: dict[str, MonthLedger] = field(default_factory=lambda: defaultdict(MonthLedger))
    rows: dict[str, list[Sequence[Any]]] = field(default_factory=lambda: {name: [] for name in HEADERS})


def decimal_text(value: Fraction | Decimal) -> str:
    """A number with at most 18 decimals, without trailing zeros."""
    with localcontext() as context:
        context.prec = 60
        number = Decimal(value.numerator) / value.denominator if isinstance(value, Fraction) else value
        text = f"{number.quantize(_PLACES, rounding=ROUND_HALF_EVEN):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def add_bill_truth(world: World, truth: Truth, month: Month) -> None:
    """The bills of the month: owners of aws_lines, focus_lines and gcp_lines, and all invoices."""
    ledger = truth.ledgers[month.label]
    for kind, owner, billed, effective in world.rows(_OWNED):
        _give(ledger, kind, owner, amount(billed, effective))
    totals: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for issuer, suffix, total in world.rows(_INVOICED):
        # an open month has no numbers yet: two payers of one issuer share a row
        totals[issuer, invoice_id(month, suffix) if suffix else ""] += total
    truth.rows["invoices"] += [
        (month.label, issuer, number, CURRENCY, decimal_text(total)) for (issuer, number), total in totals.items()
    ]


def _give(ledger: MonthLedger, kind: str, owner: str, value: Amount) -> None:
    """Place a sum of bill lines; ``gpu`` lines follow telemetry (add_gpu_rows)."""
    if kind == "team":
        ledger.charge(owner, "direct", value)
    elif kind == "pool":
        ledger.to_pool(owner, value)
    elif kind == "split":
        for team, share in SPLIT_SHARES.items():
            ledger.charge(team, "direct", value.times(Fraction(share)))
    elif kind == "fee":
        ledger.to_pool("commitment_fee", Amount(billed=value.billed))
        ledger.charge("platform", "commitment", Amount(effective=value.effective))
    elif kind == "none":
        ledger.residual(value)


def add_gpu_rows(truth: Truth, times: Iterable[GpuTime]) -> None:
    """GPU time into the ledgers and the gpu_states file."""
    for time in times:
        ledger = truth.ledgers[time.billing_period]
        ledger.charge(time.payer, time.category, amount(time.billed, time.effective))
        if time.holder and time.state not in ("unobserved", "unallocated"):
            ledger.gpu_seconds[time.holder] += Fraction(time.gpu_seconds)
        names = (
            time.billing_period,
            time.node_id,
            time.resource_id,
            time.gpu_model,
            time.holder,
            time.payer,
            time.state,
        )
        numbers = (time.gpu_seconds, Fraction(time.gpu_seconds) / 3600, time.billed, time.effective)
        truth.rows["gpu_states"].append((*names, *map(decimal_text, numbers)))


def write_truth(truth: Truth, out: Path) -> dict[str, Decimal]:
    """Close the ledgers and write the files; other months already in them are kept.

    Returns:
        ``billed`` and ``effective`` totals, USD, of all months in the files.
    """
    for period, ledger in sorted(truth.ledgers.items()):
        by_team: dict[tuple[str, str], Fraction] = defaultdict(Fraction)
        for (team, category), value in sorted(ledger.close().items()):
            for basis, part in (("billed", value.billed), ("effective", value.effective)):
                by_team[team, basis] += part
                if part:
                    row = (period, team, category, basis, CURRENCY, decimal_text(part))
                    truth.rows["team_month_category"].append(row)
        truth.rows["team_month_cost"] += [
            (period, team, basis, CURRENCY, decimal_text(part)) for (team, basis), part in sorted(by_team.items())
        ]
    folder = out / "truth"
    folder.mkdir(parents=True, exist_ok=True)
    for name, header in HEADERS.items():
        _write_csv(folder / f"{name}.csv", header.split(","), truth.rows[name], set(truth.ledgers))
    return _totals(folder / "team_month_cost.csv")


def _totals(path: Path) -> dict[str, Decimal]:
    totals: dict[str, Decimal] = defaultdict(Decimal)
    with path.open(newline="", encoding="utf-8") as stream, localcontext() as context:
        context.prec = 60
        for row in csv.DictReader(stream):
            totals[row["cost_basis"]] += Decimal(row["amount"])
        return {basis: total.quantize(Decimal(1).scaleb(-12)).normalize() for basis, total in totals.items()}


def _write_csv(path: Path, header: list[str], rows: list[Sequence[Any]], periods: set[str]) -> None:
    kept: list[list[str]] = []
    if path.exists():
        with path.open(newline="", encoding="utf-8") as stream:
            kept = [row for row in list(csv.reader(stream))[1:] if row[0] not in periods]
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(sorted(tuple(map(str, row)) for row in [*kept, *rows]))
