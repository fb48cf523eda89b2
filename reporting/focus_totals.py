"""Sums of a FOCUS file against the published marts it was made from, per currency and metric, exactly.

Called while the session that wrote the file still has the marts attached (`focus_rows.prepare`).
"""

from __future__ import annotations

from duckdb import DuckDBPyConnection

from reporting.focus_checks import EXAMPLES, Finding

_METRICS = ("BilledCost", "EffectiveCost", "ListCost", "ContractedCost", "PricingQuantity")


def check_totals(con: DuckDBPyConnection, *, mart: str, team_id: str | None) -> list[Finding]:
    """Billed and effective cost of the view `exported` equal the mart's, and parts equal their charges.

    Args:
        con: session with the marts attached and the file as view `exported`.
        mart: fct_charges or fct_cost_allocations.
        team_id: the team a slice of the ledger was made for.
    """
    condition, parameters = ("", []) if team_id is None else (" and team_id = ?", [team_id])
    sql = f"""
        with mart as (
            select billing_period, billing_currency, sum(billed_cost) as billed, sum(effective_cost) as effective
            from marts.{mart} semi join periods using (billing_period)
            where true{condition}
            group by all
        ),
        export as (
            select x_BillingPeriod as billing_period, BillingCurrency as billing_currency, sum(BilledCost) as billed,
                sum(EffectiveCost) as effective
            from exported group by all
        )
        select billing_period, billing_currency, mart.billed, export.billed, mart.effective, export.effective
        from mart full join export using (billing_period, billing_currency)
        where mart.billed is distinct from export.billed or mart.effective is distinct from export.effective
        order by all
    """
    rows = con.execute(sql, parameters).fetchall()
    findings = _finding("totals_equal_marts", f"billed and effective cost equal {mart}", rows)
    if mart == "fct_charges" or team_id is not None:
        return findings
    return findings + _parts_equal_charges(con)


def _parts_equal_charges(con: DuckDBPyConnection) -> list[Finding]:
    """Ledger rows without a charge (a dispute's credit) have no origin to sum to."""
    origin = "billed_cost, effective_cost, exported_list_cost, exported_contracted_cost, quantity"
    sums = ", ".join(
        f"sum({column}) as {metric}" for column, metric in zip(origin.split(", "), _METRICS, strict=True)
    )
    parts = ", ".join(f"sum({metric}) as {metric}" for metric in _METRICS)
    differs = " or ".join(f"origin.{metric} is distinct from parts.{metric}" for metric in _METRICS)
    sql = f"""
        with origin as (select charge_key, {sums} from charge_rows group by all),
        parts as (
            select x_ChargeKey as charge_key, {parts} from exported semi join charge_rows on x_ChargeKey = charge_key group by all
        )
        select charge_key, {", ".join(f"origin.{metric}, parts.{metric}" for metric in _METRICS)}
        from origin full join parts using (charge_key)
        where {differs}
        order by all
    """
    return _finding("parts_equal_charges", "the parts of a charge sum to it in every metric", con.execute(sql).fetchall())


def _finding(rule: str, says: str, rows: list[tuple]) -> list[Finding]:
    examples = tuple(", ".join(str(value) for value in row) for row in rows[:EXAMPLES])
    return [Finding(rule=rule, says=says, rows=len(rows), examples=examples)] if rows else []
