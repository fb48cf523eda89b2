"""Published charges of some months, with legal units, unit prices, one category per service and their periods.

Belongs here: SQL over the attached marts (catalog `marts`) that fills the table `charge_rows`. Lines and their parts
are `focus_lines`, names of FOCUS columns `focus_columns`.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from duckdb import DuckDBPyConnection

from reporting.errors import StatementError
from reporting.focus_services import legal_category, patterns_table
from reporting.focus_units import block_rest, block_size, plural_times, spellings_table

MONEY = "decimal(38, 18)"
# Google Cloud cuts its invoice months at midnight Pacific time: 07:00 UTC on the first of April to November, else 08:00.
_MONTH_START = """
    create temp macro month_start(first_day, provider) as cast(first_day as timestamp) + case
        when provider is distinct from 'Google Cloud' then interval 0 hour
        when month(first_day) between 4 and 11 then interval 7 hour
        else interval 8 hour
    end
"""
_PERIOD_START = """
    create temp macro period_start(period, provider) as
        month_start(strptime(period || '-01', '%Y-%m-%d'), provider)
"""
_PERIOD_END = """
    create temp macro period_end(period, provider) as
        month_start(strptime(period || '-01', '%Y-%m-%d') + interval 1 month, provider)
"""


def attach(con: DuckDBPyConnection, marts_file: Path) -> None:
    """Attach a published marts file read-only as catalog `marts`.

    Raises:
        StatementError: the file holds no published marts.
    """
    path = str(marts_file).replace("'", "''")
    con.execute(f"attach '{path}' as marts (read_only)")
    known = {row[0] for row in con.execute("select distinct table_name from duckdb_tables()").fetchall()}
    if not {"fct_charges", "fct_cost_allocations"} <= known:
        raise StatementError(
            "the published file holds no charges or no ledger",
            where={"file": marts_file},
            expected="the marts of a complete run",
            fix="publish again with `tco run`",
        )


def prepare(con: DuckDBPyConnection, marts_file: Path, *, periods: Collection[str]) -> None:
    """Attach the marts and fill the table `charge_rows` with the charges of some months.

    Raises:
        StatementError: the file holds no published marts.
    """
    attach(con, marts_file)
    for macro in (_MONTH_START, _PERIOD_START, _PERIOD_END):
        con.execute(macro)
    con.execute("create temp table periods as select unnest(?) as billing_period", [sorted(periods)])
    con.execute(f"create temp table services as {_services()}")
    con.execute(f"create temp table charge_rows as {_charges(con)}")


def columns_of(con: DuckDBPyConnection, mart: str) -> dict[str, str]:
    """Names and types of a mart's columns, as published."""
    return {row[0]: row[1] for row in con.execute(f"describe marts.{mart}").fetchall()}


def no_empty_texts(con: DuckDBPyConnection, mart: str, *besides: str) -> str:
    """SQL replace list: a mart's empty texts are null, except in some columns."""
    texts = [name for name, kind in columns_of(con, mart).items() if kind == "VARCHAR" and name not in besides]
    return ", ".join(f"nullif({name}, '') as {name}" for name in texts)


def _services() -> str:
    """One category and subcategory per service: the category of most of its rows, in all months."""
    return f"""
        with named as (
            select
                coalesce(nullif(service_name, ''), service_provider_name) as service,
                service_category as delivered_category,
                {legal_category("service_category")} as category,
                count(*) as row_count
            from marts.fct_charges
            group by all
        ),
        chosen as (select service, max_by(category, (row_count, category)) as category from named group by service)
        select
            chosen.service,
            chosen.category,
            coalesce(min_by(subcategory, position), 'Other (' || chosen.category || ')') as subcategory
        from chosen
        left join {patterns_table()}
            on chosen.category = patterns.category and regexp_matches(lower(chosen.service), patterns.pattern)
        group by chosen.service, chosen.category
    """


def _charges(con: DuckDBPyConnection) -> str:
    """Charges with legal units, unit prices and the periods of their invoice month."""
    return f"""
        with delivered as (
            select * exclude (tags) replace ({no_empty_texts(con, "fct_charges", "tags")}),
                nullif(nullif(tags, ''), '{{}}') as tags
            from marts.fct_charges
            semi join periods using (billing_period)
        ),
        normalised as (
            select
                *,
                coalesce(service_name, service_provider_name) as service,
                {block_size("consumed_unit")} as block,
                {block_rest("consumed_unit")} as single_unit,
                coalesce(list_cost, contracted_cost, billed_cost) as exported_list_cost,
                coalesce(contracted_cost, billed_cost) as exported_contracted_cost,
                case when list_cost is not null then 'list price' when contracted_cost is not null then 'contracted cost'
                    else 'billed cost' end as list_cost_basis,
                coalesce(charge_class, case
                    when charge_date + interval 1 day <= period_start(billing_period, service_provider_name)
                        then 'Correction'
                end) as exported_class
            from delivered
        ),
        measured as (
            select
                normalised.*,
                coalesce(
                    spellings.focus_unit, {plural_times("single_unit")}, case when x_token_type is not null then 'Tokens' end
                ) as unit,
                case when charge_category not in ('Tax', 'Credit') and commitment_discount_status is distinct from 'Unused'
                    and unit is not null then cast(consumed_quantity * block as {MONEY}) end as quantity
            from normalised
            left join {spellings_table()} on lower(single_unit) = spellings.spelling
        )
        select
            measured.*,
            {_unit_price("exported_list_cost", known="list_cost")} as list_unit_price,
            {_unit_price("exported_contracted_cost", known="contracted_cost")} as contracted_unit_price
        from measured
    """


def _unit_price(cost: str, *, known: str) -> str:
    """The cost over the quantity to 15 digits; null where no such price gives the cost back within 1e-9."""
    price = f"cast(format('{{:.15g}}', cast({cost} as double) / nullif(cast(quantity as double), 0)) as decimal(38, 24))"
    gives_back = f"abs(cast({price} as double) * cast(quantity as double) - cast({cost} as double))"
    legal = f"{known} is not null and {price} >= 0 and {gives_back} <= 1e-10 * abs(cast({cost} as double))"
    return f"case when exported_class is null and {legal} then {price} end"
