"""The price join as the marts do it, over the real seeds, for requests given as token buckets.

Overrides win over the catalogue, a time-of-day row over a row without one, then the highest tier that the
request's total input strictly exceeds. Everything is DECIMAL; a bucket without a row costs NULL.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import duckdb

SEEDS = Path(__file__).parents[3] / "seeds"

JOIN = """
with usage_rows as (
    select *, sum(units) filter (where usage_type in ('uncached_input', 'cache_read', 'cache_write_5m',
        'cache_write_30m', 'cache_write_1h')) over (partition by request_id) as total_input
    from usage
),
priced as (
    select u.request_id, u.usage_type, u.units, p.price_usd, p.unit_quantity
    from usage_rows as u
    left join token_prices as p
      on p.provider = u.provider and p.model = u.model and p.price_class = u.price_class
     and p.usage_type = u.usage_type
     and u.usage_at >= p.valid_from and u.usage_at < coalesce(p.valid_to, date '9999-12-31')
     and (p.tier_above_input_tokens = 0 or coalesce(u.total_input, 0) > p.tier_above_input_tokens)
     and (p.tod_start_utc is null
          or (p.tod_start_utc <= p.tod_end_utc
              and u.usage_at::time >= p.tod_start_utc and u.usage_at::time < p.tod_end_utc)
          or (p.tod_start_utc > p.tod_end_utc
              and (u.usage_at::time >= p.tod_start_utc or u.usage_at::time < p.tod_end_utc)))
    qualify row_number() over (
        partition by u.request_id, u.usage_type
        order by p.priority, (p.tod_start_utc is null), p.tier_above_input_tokens desc
    ) = 1
)
select request_id,
       case when bool_or(price_usd is null and units > 0) then null
            else sum(price_usd * units * case unit_quantity
                when 1000000 then 0.000001::decimal(7, 6) when 1000 then 0.001::decimal(7, 6)
                when 1 then 1::decimal(7, 6) end) end as cost_usd
from priced group by request_id
"""

PRICES = """
create table token_prices as
select provider, model, price_class, usage_type, tier_above_input_tokens, tod_start_utc::time as
tod_start_utc, tod_end_utc::time as tod_end_utc, unit_quantity, price_usd::decimal(38, 12) as price_usd,
valid_from::date as valid_from, valid_to::date as valid_to, priority from ( select *, 1 as priority from
read_csv(?, all_varchar = false, types = {'price_usd': 'varchar', 'tod_start_utc': 'varchar', 'tod_end_utc':
'varchar', 'source_version': 'varchar'}) union all by name select *, 0 as priority from read_csv(?,
all_varchar = false, types = {'price_usd': 'varchar', 'tod_start_utc': 'varchar', 'tod_end_utc': 'varchar',
'source_version': 'varchar'}) )
"""


@dataclass(frozen=True, kw_only=True)
class Request:
    """One request: who served it, when (UTC), and its disjoint buckets (units by usage type)."""

    provider: str
    model: str
    usage_at: datetime
    buckets: Mapping[str, int]
    price_class: str = "standard"


def connect() -> duckdb.DuckDBPyConnection:
    """A database with both price seeds as ``token_prices`` (priority 0 = override)."""
    connection = duckdb.connect()
    files = [str(SEEDS / "prices" / name) for name in ("token_prices.csv", "token_price_overrides.csv")]
    connection.execute(PRICES, files)
    return connection


def cost(connection: duckdb.DuckDBPyConnection, requests: Sequence[Request]) -> Decimal | None:
    """Cost in USD of the requests, each priced on its own; None as soon as one bucket has no price."""
    connection.execute(
        "create or replace temp table usage (request_id integer, provider text, model text, "
        "price_class text, usage_at timestamp, usage_type text, units decimal(15, 0))"
    )
    rows = [
        (number, r.provider, r.model, r.price_class, r.usage_at, usage_type, units)
        for number, r in enumerate(requests)
        for usage_type, units in r.buckets.items()
    ]
    connection.executemany("insert into usage values (?, ?, ?, ?, ?, ?, ?)", rows)
    costs = [row[1] for row in connection.execute(JOIN).fetchall()]
    return None if any(value is None for value in costs) else sum(costs, Decimal(0))
