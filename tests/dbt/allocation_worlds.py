"""Random companies for the property test of the allocation cascade.

A world is one random company of two billing periods. Many worlds share the tables of one SQL round trip: each is moved to two
months of its own, and its rules and members hold in these months only, so that the engine must keep the worlds apart by date, as
it has to keep the versions of a rule apart.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

TEAMS = ("ads", "search", "platform")
PERIODS = ("2026-09", "2026-10")
STATES = ("unobserved", "unallocated", "failed", "standby", "loading", "warm_idle", "under_utilised", "productive")
DRIVERS = {
    "gpu": ("gpu", None), "api": ("api", None), "a": ("even", None), "b": ("fixed", None), "c": ("proportional", None),
    "d": ("metric", "gpu_hours"), "e": ("metric", "tokens"), "f": ("tiered", "requests"), "g": ("fixed", None),
}  # fmt: skip
POOLS = tuple(DRIVERS)
TAGS = (None, '{"team":"Ads"}', '{"team":"nobody"}', '{"cc":"CC-1"}', '{"env":"x","team":"search"}')
Rows = list[dict[str, Any]]

money = st.decimals(min_value="-99999", max_value="99999", places=9, allow_nan=False).map(lambda value: value + 0)
weight_cost = st.decimals(min_value="-1", max_value="50", places=12, allow_nan=False)
shares = st.sampled_from([("1",), ("0.5", "0.5"), ("0.333333333333", "0.666666666667"), ("0.1", "0.2", "0.7")])
member_share = st.sampled_from([Decimal("0.1"), Decimal("0.25"), Decimal("0.3"), Decimal("0.5"), Decimal(1)])
day = st.sampled_from([date(2026, 9, 30), date(2026, 10, 1), date(2026, 10, 2)])
matchers = st.sampled_from([
    ("tag", "team", "passthrough", "{value}", "team"), ("tag", "cc", "passthrough", "{value}", "cost_center"),
    ("service", None, "wildcard", "c_*", None), ("service", None, "prefix", "a", None), ("provider", None, "any", None, None),
    ("charge_category", None, "exact", "Tax", None), ("gpu_node", None, "any", None, None),
    ("resource", None, "prefix", "ARN:", None), ("project", None, "exact", "p1", None),
])  # fmt: skip


@dataclass(frozen=True)
class World:
    """One random company: rows for the tables the cascade reads, keyed by table."""

    tables: dict[str, Rows] = field(default_factory=dict)


@st.composite
def charges(draw: st.DrawFn) -> dict[str, Any]:
    """A charge of any kind and sign, with and without list cost and commitment."""
    return {
        "billing_period": draw(st.sampled_from(PERIODS)),
        "charge_date": draw(day),
        "service_name": draw(st.sampled_from(["a", "b", "c_d", "c%d"])),
        "charge_category": draw(st.sampled_from(["Usage", "Usage", "Tax", "Credit", "Purchase", "Adjustment"])),
        "pricing_category": draw(st.sampled_from([None, "Standard", "Committed", "Dynamic"])),
        "commitment_discount_status": draw(st.sampled_from([None, "Used", "Unused"])),
        "resource_id": draw(st.sampled_from([None, "arn:x/i-1", "i-2"])),
        "x_instance_type": draw(st.sampled_from([None, "g5.xlarge", "g5.2xlarge"])),
        "x_project_id": draw(st.sampled_from([None, "p1"])),
        "x_model": draw(st.sampled_from([None, "m1"])),
        "x_token_type": draw(st.sampled_from([None, "output", "uncached_input"])),
        "tags": draw(st.sampled_from(TAGS)),
        "service_provider_name": draw(st.sampled_from(["AWS", "OpenAI"])),
        "billing_currency": draw(st.sampled_from(["USD", "EUR"])),
        "x_evidence": "invoiced",
        "list_cost": draw(st.none() | money),
        "billed_cost": draw(money),
        "effective_cost": draw(money),
    }


@st.composite
def rule_rows(draw: st.DrawFn, number: int) -> Rows:
    """The rows of one rule: a pool, a passthrough, teams by shares, a cost centre or a product."""
    match_field, key, kind, value, named = draw(matchers)
    head = {
        "rule_id": f"r{number}", "priority": draw(st.integers(0, 2)), "valid_from": draw(day), "valid_to": None,
        "match_field": match_field, "match_key": key, "match_type": kind, "match_value": value,
        "match_case": draw(st.sampled_from([None, "sensitive"])),
    }  # fmt: skip
    if kind == "passthrough":
        return [head | {"match_value": None, "target_type": named, "target": "{value}", "share": Decimal(1)}]
    target_type = draw(st.sampled_from(["pool", "pool", "team", "cost_center", "product"]))
    if target_type == "team":
        parts = zip(TEAMS, draw(shares), strict=False)
        return [head | {"target_type": "team", "target": team, "share": Decimal(part)} for team, part in parts]
    target = draw(st.sampled_from({"pool": POOLS, "cost_center": ("cc-1", "CC-9"), "product": ("chat", "pear")}[target_type]))
    return [head | {"target_type": target_type, "target": target, "share": Decimal(1)}]


@st.composite
def members(draw: st.DrawFn) -> dict[str, Any]:
    """A member of a pool: a team or another pool, always or for some days; cycles and dead ends arise by themselves."""
    kind = draw(st.sampled_from(["team", "pool", None]))
    return {
        "pool_id": draw(st.sampled_from(POOLS[2:])), "target_type": kind,
        "target": draw(st.sampled_from(POOLS[2:] if kind == "pool" else TEAMS)), "share": draw(member_share),
        "valid_from": draw(st.none() | day), "valid_to": draw(st.sampled_from([None, None, date(2026, 10, 2)])),
    }  # fmt: skip


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Random charges of two periods, rules of every kind, pools that feed pools, GPU states and API usage."""
    gpu_hours = [
        {
            "resource_id": draw(st.sampled_from(["i-1", "i-2"])), "charge_date": draw(day),
            "state": draw(st.sampled_from(STATES)),
            "team_id": draw(st.sampled_from([None, "ads", "search"])), "namespace": draw(st.sampled_from([None, "n"])),
            "seconds": draw(st.decimals("0.000001", "3600", places=6)), "billed_cost": draw(weight_cost),
            "effective_cost": draw(weight_cost),
        }
        for _ in range(draw(st.integers(0, 4)))
    ]  # fmt: skip
    usage = [
        {
            "source": "openai", "service_provider_name": "OpenAI", "charge_date": draw(day),
            "account_id": draw(st.sampled_from([None, "p1"])),
            "api_key_id": draw(st.sampled_from([None, "k1", "k2"])), "team_id": draw(st.sampled_from([None, "ads", "search"])),
            "model_raw": "m1", "model_id": "openai/m1", "input_uncached_tokens": draw(st.integers(0, 10**9)),
            "output_tokens": draw(st.integers(0, 10**6)), "total_tokens": draw(st.integers(0, 10**9)), "requests": 1,
            "list_cost": draw(st.sampled_from([None, Decimal("0.000001"), Decimal("12.5")])), "is_primary": True,
        }
        for _ in range(draw(st.integers(0, 3)))
    ]  # fmt: skip
    rules = [row for number in range(draw(st.integers(0, 4))) for row in draw(rule_rows(number))]
    return World({
        "intermediate.int_charges": draw(st.lists(charges(), min_size=1, max_size=5)),
        "seeds.rules": rules,
        "seeds.pool_shares": draw(st.lists(members(), max_size=8)),
        "marts.fct_gpu_hours": gpu_hours,
        "marts.fct_token_usage": usage,
    })  # fmt: skip


def together(drawn: Iterable[World]) -> dict[str, Rows]:
    """The rows of several worlds in one set of tables, each world moved to two months of its own."""
    tables: dict[str, Rows] = {}
    for number, world in enumerate(drawn):
        for table, rows in world.tables.items():
            moved = [_moved(row, 2 * number) for row in rows]
            for place, row in enumerate(moved):
                if table == "intermediate.int_charges":
                    row["charge_key"] = f"world {number} charge {place}"
                elif table.startswith("seeds."):
                    row["valid_from"] = row["valid_from"] or _later(date(2026, 9, 1), 2 * number)
                    row["valid_to"] = row["valid_to"] or _later(date(2026, 11, 1), 2 * number)
            tables.setdefault(table, []).extend(moved)
    return tables


def _moved(row: dict[str, Any], months: int) -> dict[str, Any]:
    moved = {name: _later(value, months) if isinstance(value, date) else value for name, value in row.items()}
    if "billing_period" in row:
        moved["billing_period"] = f"{_later(date.fromisoformat(row['billing_period'] + '-01'), months):%Y-%m}"
    return moved


def _later(when: date, months: int) -> date:
    """The same day some months later; the last day of September becomes the last of the month."""
    month = when.year * 12 + when.month - 1 + months
    first = date(month // 12, month % 12 + 1, 1)
    if when.day <= 2:
        return first.replace(day=when.day)
    following = date((month + 1) // 12, (month + 1) % 12 + 1, 1)
    return following - timedelta(days=1)
