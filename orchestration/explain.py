"""What a statement line is made of, read from the published marts: category, path, and the charge lines that sum to it.

What belongs here: the figures. Amounts are the ledger's exact decimals; at every level the parts shown and the rest sum to the
whole to the last digit. How it looks on a terminal is cli_explain's.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import duckdb

from ingest.errors import ConfigError
from orchestration.duck import DuckLimits, warehouse_connection

LEDGER = "warehouse.main.fct_cost_allocations"
PARTS = """
    with rows as (
        select
            ledger.billing_currency, ledger.cost_category,
            concat_ws(
                ' > ', 'rule:' || coalesce(ledger.rule_id, 'none'), 'pool:' || replace(ledger.pool_path, ' > ', ' > pool:'),
                case when ledger.stage = 'residual' then regexp_extract(ledger.allocation_path, '(unallocated.*)$', 1)
                    else 'driver:' || ledger.driver end
            ) as path,
            ledger.charge_date, ledger.service_name, ledger.allocation_path, ledger.share, ledger.{basis}_cost as amount,
            coalesce(
                nullif(charges.resource_id, ''), nullif(charges.sku_meter, ''), nullif(charges.charge_description, ''),
                charges.charge_category
            ) as what,
            charges.{basis}_cost as charge_amount, ledger.allocation_key
        from {ledger} as ledger
        left join warehouse.main.fct_charges as charges
            on ledger.charge_key = charges.charge_key and ledger.billing_period = charges.billing_period
        where
            ledger.team_id = $team and ledger.billing_period = $month
            and ($category is null or ledger.cost_category = $category)
    )
    select
        * exclude (allocation_key),
        sum(amount) over (partition by billing_currency) as in_currency,
        sum(amount) over (partition by billing_currency, cost_category) as in_category,
        sum(amount) over (partition by billing_currency, cost_category, path) as in_path,
        count(*) over (partition by billing_currency, cost_category, path) as lines
    from rows
    qualify row_number() over (
        partition by billing_currency, cost_category, path order by abs(amount) desc, allocation_key
    ) <= $top
    order by billing_currency, abs(in_category) desc, cost_category, abs(in_path) desc, path, abs(amount) desc, allocation_key
"""


@dataclass(frozen=True, kw_only=True)
class ChargeLine:
    """One ledger row: a part of one charge."""

    charge_date: str
    service: str
    what: str
    allocation_path: str
    share: float
    charge_amount: Decimal
    amount: Decimal


@dataclass(frozen=True, kw_only=True)
class PathPart:
    """The rows of one way through the engine; `rest_count` of them, summing to `rest`, are not listed."""

    path: str
    amount: Decimal
    lines: tuple[ChargeLine, ...]
    rest_count: int

    @property
    def rest(self) -> Decimal:
        """What the lines that are not listed sum to."""
        return self.amount - sum((line.amount for line in self.lines), Decimal(0))


@dataclass(frozen=True, kw_only=True)
class CategoryPart:
    """One statement line: a cost category of the team."""

    category: str
    amount: Decimal
    paths: tuple[PathPart, ...]


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """What a team pays in a month in one currency."""

    currency: str
    amount: Decimal
    categories: tuple[CategoryPart, ...]


def explain(
    published_dir: Path, team: str, month: str, *, category: str | None = None, basis: str = "effective", top: int = 5
) -> tuple[Explanation, ...]:
    """Expands what a team pays in a month, one explanation per currency.

    Args:
        published_dir: folder of published snapshots.
        team: team_id, or 'unallocated'.
        month: 'YYYY-MM'.
        category: only this cost category; None for all.
        basis: 'billed' or 'effective'.
        top: charge lines listed per path, the largest first.

    Raises:
        ConfigError: nothing is published, or team, month, category or basis is unknown.
    """
    marts = published_dir / "current" / "marts.duckdb"
    if not marts.is_file():
        raise ConfigError(
            "nothing is published yet", where={"file": marts}, expected="a published snapshot", fix="run `tco run` first"
        )
    if basis not in ("billed", "effective"):
        raise ConfigError("unknown cost basis", found=basis, expected="billed or effective", fix="correct --basis")
    with warehouse_connection(marts, DuckLimits()) as con:
        _require_known(con, team, month, category)
        query = PARTS.format(ledger=LEDGER, basis=basis)
        rows = con.execute(query, {"team": team, "month": month, "category": category, "top": top}).fetchall()
        names = [column[0] for column in con.description or ()]
    return _tree([dict(zip(names, row, strict=True)) for row in rows])


def _require_known(con: duckdb.DuckDBPyConnection, team: str, month: str, category: str | None) -> None:
    months = _values(con, f"select distinct billing_period from {LEDGER} order by 1")
    if not re.fullmatch(r"\d{4}-\d{2}", month) or month not in months:
        raise ConfigError(
            "the month is not published", found=month, expected=", ".join(months) or "a month with charges",
            fix="name one of the published months, as YYYY-MM",
        )  # fmt: skip
    known = _values(con, f"select team_id from warehouse.main.dim_teams union select team_id from {LEDGER} order by 1")
    if team not in known:
        raise ConfigError("no such team", found=team, expected=", ".join(known), fix="name a team_id of allocation/teams.csv")
    there = _values(
        con, f"select distinct cost_category from {LEDGER} where team_id = ? and billing_period = ? order by 1", [team, month]
    )
    if not there:
        raise ConfigError(
            "the team pays nothing in this month", found=f"{team} {month}", expected="ledger rows", fix="name another month"
        )
    if category is not None and category not in there:
        raise ConfigError(
            "the team has no such cost category in this month", found=category, expected=", ".join(there),
            fix="correct --category",
        )  # fmt: skip


def _values(con: duckdb.DuckDBPyConnection, query: str, parameters: Sequence[str] = ()) -> list[str]:
    return [row[0] for row in con.execute(query, list(parameters)).fetchall()]


def _tree(rows: Sequence[dict]) -> tuple[Explanation, ...]:
    explanations = []
    for currency in dict.fromkeys(row["billing_currency"] for row in rows):
        own = [row for row in rows if row["billing_currency"] == currency]
        categories = tuple(
            CategoryPart(category=name, amount=group[0]["in_category"], paths=_paths(group))
            for name, group in _grouped(own, "cost_category")
        )
        explanations.append(Explanation(currency=currency, amount=own[0]["in_currency"], categories=categories))
    return tuple(explanations)


def _paths(rows: Sequence[dict]) -> tuple[PathPart, ...]:
    parts = []
    for path, group in _grouped(rows, "path"):
        lines = tuple(
            ChargeLine(
                charge_date=str(row["charge_date"]), service=row["service_name"] or "", what=row["what"] or "",
                allocation_path=row["allocation_path"], share=row["share"] if row["share"] is not None else 1.0,
                charge_amount=row["charge_amount"] or Decimal(0), amount=row["amount"],
            )
            for row in group
        )  # fmt: skip
        parts.append(PathPart(path=path, amount=group[0]["in_path"], lines=lines, rest_count=group[0]["lines"] - len(lines)))
    return tuple(parts)


def _grouped(rows: Sequence[dict], column: str) -> list[tuple[str, list[dict]]]:
    groups: dict[str, list[dict]] = {}
    for row in rows:
        groups.setdefault(row[column], []).append(row)
    return list(groups.items())
