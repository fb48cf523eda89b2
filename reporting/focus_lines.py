"""Lines of the FOCUS export: one per charge, or one per ledger row with its part of every metric of its charge.

The parts of a charge (list and contracted cost, quantity) are in the ratio of its effective cost (billed, where
nothing is effective), the rounding remainder on the largest part, so that parts sum to their charge exactly.
"""

from __future__ import annotations

from duckdb import DuckDBPyConnection

from reporting.focus_rows import MONEY, columns_of, no_empty_texts

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
            services.category as exported_category,
            services.subcategory as exported_subcategory,
            is_use,
            case when is_use then 'Usage' else charge_category end as category,
            case when is_use then 0 else billed_cost end as billed,
            case when is_use or charge_category != 'Purchase' then effective_cost else 0 end as effective,
            case when is_use then 0 else part_list_cost end as list,
            case when is_use then 0 else part_contracted_cost end as contracted,
            case when not is_use then part_quantity end as priced_quantity
        from ({rows}) as lines
        cross join (values (false), (true)) as uses(is_use)
        left join services on coalesce(lines.service, lines.service_name, lines.service_provider_name) = services.service
        where not is_use or (charge_category = 'Purchase' and effective_cost != 0)
    """


def lines_of_ledger(con: DuckDBPyConnection) -> str:
    """SQL: one line per ledger row: its charge's dimensions, its parts of every metric, who bears it and why."""
    present = columns_of(con, "fct_cost_allocations")
    optional = ", ".join(
        f"{name if name in present else f'cast(null as {kind})'} as {name}" for name, kind in LEDGER_COLUMNS.items()
    )
    own = "allocation_key, cost_category, stage, allocation_path, team_id, product, model_id, deployment_id, gpu_state"
    moved = "billed_cost, effective_cost, x_evidence, x_original_billing_period"
    dimensions = "billing_period, charge_date, billing_currency, service_provider_name, service_name, charge_category"
    return _lines(f"""
        with ledger as (
            select charge_key, {dimensions}, {own}, rule_id, pool_id, driver, share, {moved}, {optional}
            from (select * replace ({no_empty_texts(con, "fct_cost_allocations")}) from marts.fct_cost_allocations)
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
