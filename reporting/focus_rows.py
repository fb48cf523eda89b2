"""Published charges and ledger rows as lines of one shape, ready to be named in FOCUS terms.

Belongs here: SQL over the attached marts (catalog `marts`), from quantities and prices to the parts of a charge. No
names of FOCUS columns: those are `focus_columns`. Every metric of the parts of a charge (list and contracted cost,
quantity) is split by the same ratio as its effective cost (billed, where nothing is effective), the rounding
remainder on its largest part, so that parts sum to their charge exactly.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from duckdb import DuckDBPyConnection

from reporting.errors import StatementError
from reporting.focus_services import legal_category, other, patterns_table
from reporting.focus_units import block_rest, block_size, spellings_table

MONEY = "decimal(38, 18)"
LEDGER_COLUMNS: dict[str, str] = {
    "cost_center": "varchar",
    "pool_path": "varchar",
    "allocated_method_id": "varchar",
    "allocated_method_details": "varchar",
    "allocated_resource_id": "varchar",
    "allocated_resource_name": "varchar",
    "allocated_tags": "varchar",
}
"""Columns of the ledger that marts published by an earlier version may lack: null there."""

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


def _columns(con: DuckDBPyConnection, mart: str) -> dict[str, str]:
    return {row[0]: row[1] for row in con.execute(f"describe marts.{mart}").fetchall()}


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
    texts = [name for name, kind in _columns(con, "fct_charges").items() if kind == "VARCHAR"]
    no_empty_text = ", ".join(f"nullif({name}, '') as {name}" for name in texts if name not in ("tags", "billing_period"))
    return f"""
        with delivered as (
            select * replace ({no_empty_text}, nullif(nullif(tags, ''), '{{}}') as tags)
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
                coalesce(spellings.focus_unit, single_unit) as unit,
                case when charge_category != 'Tax' and commitment_discount_status is distinct from 'Unused'
                    and charge_category != 'Credit' then cast(consumed_quantity * block as {MONEY}) end as quantity
            from normalised
            left join {spellings_table()} on lower(single_unit) = spellings.spelling
        )
        select
            measured.*,
            {_unit_price("exported_list_cost", known="list_cost")} as list_unit_price,
            {_unit_price("exported_contracted_cost", known="contracted_cost")} as contracted_unit_price,
            services.category as exported_category,
            coalesce(services.subcategory, '{other("Other")}') as exported_subcategory
        from measured
        left join services using (service)
    """


def _unit_price(cost: str, *, known: str) -> str:
    """The cost over the quantity to 15 digits; null where no such price gives the cost back within 1e-9."""
    price = f"cast(format('{{:.15g}}', cast({cost} as double) / nullif(cast(quantity as double), 0)) as decimal(38, 24))"
    gives_back = f"abs(cast({price} as double) * cast(quantity as double) - cast({cost} as double))"
    legal = f"{known} is not null and {price} >= 0 and {gives_back} <= 1e-10 * abs(cast({cost} as double))"
    return f"case when exported_class is null and {legal} then {price} end"


def lines_of_charges() -> str:
    """SQL: one line per charge, and a second one for a purchase that is used up at once."""
    return _lines(f"""
        select
            *,
            charge_key as row_key,
            exported_list_cost as part_list_cost,
            exported_contracted_cost as part_contracted_cost,
            quantity as part_quantity,
            cast(1 as {MONEY}) as ratio
        from charge_rows
    """)


def _lines(rows: str) -> str:
    """A purchase carries no effective cost in FOCUS: what the ledger books on it becomes a line of its use."""
    return f"""
        select
            lines.*,
            is_use,
            case when is_use then 'Usage' else charge_category end as category,
            case when is_use then 0 else billed_cost end as billed,
            case when is_use or charge_category != 'Purchase' then effective_cost else 0 end as effective,
            case when is_use then 0 else part_list_cost end as list,
            case when is_use then 0 else part_contracted_cost end as contracted,
            case when not is_use then part_quantity end as priced_quantity
        from ({rows}) as lines
        cross join (values (false), (true)) as uses(is_use)
        where not is_use or (charge_category = 'Purchase' and effective_cost != 0)
    """


def lines_of_ledger(con: DuckDBPyConnection) -> str:
    """SQL: one line per ledger row: its charge's dimensions, its parts of every metric, who bears it and why."""
    present = _columns(con, "fct_cost_allocations")
    optional = ", ".join(
        f"{name if name in present else f'cast(null as {kind})'} as {name}" for name, kind in LEDGER_COLUMNS.items()
    )
    own = "allocation_key, cost_category, stage, allocation_path, team_id, product, model_id, deployment_id, gpu_state"
    moved = "billed_cost, effective_cost, x_evidence, x_original_billing_period"
    dimensions = "billing_period, charge_date, billing_currency, service_provider_name, service_name, charge_category"
    return _lines(f"""
        with ledger as (
            select charge_key, {dimensions}, {own}, rule_id, pool_id, driver, share, {moved}, {optional}
            from marts.fct_cost_allocations
            semi join periods using (billing_period)
        ),
        weighed as (
            select
                *,
                case
                    when sum(effective_cost) over charge != 0
                        then cast(effective_cost as double) / cast(sum(effective_cost) over charge as double)
                    when sum(billed_cost) over charge != 0
                        then cast(billed_cost as double) / cast(sum(billed_cost) over charge as double)
                    else 1.0 / count(*) over charge
                end as weight
            from ledger
            window charge as (partition by billing_period, charge_key)
        ),
        joined as (
            select
                charges.* exclude (billing_period, charge_date, billing_currency, service_provider_name, service_name,
                    charge_category, billed_cost, effective_cost, x_evidence, x_original_billing_period),
                weighed.* exclude (charge_key),
                charges.charge_key is not null as is_from_charge,
                row_number() over (
                    partition by weighed.billing_period, weighed.charge_key order by abs(weight) desc, allocation_key
                ) as size_rank
            from weighed
            left join charge_rows as charges
                on weighed.charge_key = charges.charge_key and weighed.billing_period = charges.billing_period
        )
        select
            *,
            allocation_key as row_key,
            {_part("exported_list_cost", otherwise="billed_cost")} as part_list_cost,
            {_part("exported_contracted_cost", otherwise="billed_cost")} as part_contracted_cost,
            {_part("quantity", otherwise="null")} as part_quantity,
            {_part(f"cast(1 as {MONEY})", otherwise=f"cast(1 as {MONEY})")} as ratio
        from joined
        window charge as (partition by billing_period, charge_key)
    """)


def _part(metric: str, *, otherwise: str) -> str:
    """A row's part of its charge's metric; the largest part also takes what rounding leaves over."""
    part = f"cast(cast({metric} as double) * weight as {MONEY})"
    rest = f"case when size_rank = 1 then cast({metric} - sum({part}) over charge as {MONEY}) else 0 end"
    return f"case when is_from_charge then cast({part} + {rest} as {MONEY}) else {otherwise} end"
