"""What the marts do not know is said, and blocks nothing: unpriced tokens, unobserved time, cost without a
team, gaps.
"""

from __future__ import annotations

from orchestration.quality.mart_rule import MartRule

NOT_A_BUG = "nothing is wrong with the run; it is said so that nobody takes the total for complete"
UNKNOWNS = (
    MartRule(
        name="usage_is_priced",
        mart="fct_token_usage",
        title="every token has a list price",
        severity="warn",
        places=("billing_period",),
        fix="add the model to prices/model_aliases.csv or prices/token_price_overrides.csv; " + NOT_A_BUG,
        query="""
            SELECT billing_period, count(*) FILTER (WHERE is_unpriced) AS value,
                min(DISTINCT service_provider_name || ' ' || coalesce(model_raw, 'without a model'), 3)
                    FILTER (WHERE is_unpriced) AS said
            FROM warehouse.marts.fct_token_usage WHERE is_primary GROUP BY ALL ORDER BY ALL
        """,
    ),
    MartRule(
        name="gpu_time_is_observed",
        mart="fct_gpu_hours",
        title="every paid GPU hour has telemetry",
        severity="warn",
        places=("billing_period",),
        fix="check the exporter on the named nodes; " + NOT_A_BUG,
        query="""
            SELECT billing_period, hours AS value,
                trim_amount(hours) || ' GPU-hours unobserved, ' || trim_amount(cost) || ' effective cost'
                    AS said
            FROM (
                SELECT billing_period,
                    coalesce(sum(gpu_hours) FILTER (WHERE state = 'unobserved'), 0) AS hours,
                    coalesce(sum(effective_cost) FILTER (WHERE state = 'unobserved'), 0) AS cost
                FROM warehouse.marts.fct_gpu_hours GROUP BY ALL
            )
            ORDER BY ALL
        """,
    ),
    MartRule(
        name="gpu_nodes_meet_their_bill",
        mart="fct_unmatched_nodes",
        title="every GPU machine has both a bill and telemetry",
        severity="warn",
        places=("billing_period", "side"),
        fix="follow the hints of fct_unmatched_nodes, mostly a row in gpu/node_map.csv; " + NOT_A_BUG,
        query="""
            SELECT billing_period, side, count(*) AS value,
                count(*) || ' machines, ' || trim_amount(sum(gpu_hours)) || ' GPU-hours: '
                    || array_to_string(min(DISTINCT coalesce(node_id, resource_id), 3), ', ') AS said
            FROM warehouse.marts.fct_unmatched_nodes GROUP BY ALL ORDER BY ALL
        """,
    ),
    MartRule(
        name="cost_has_a_team",
        mart="fct_cost_allocations",
        title="every cost has a team",
        severity="warn",
        places=("billing_period", "billing_currency"),
        fix="add a rule to allocation/rules.csv, or tag the resource; " + NOT_A_BUG,
        query="""
            SELECT billing_period, billing_currency, cost AS value,
                trim_amount(cost) || ' ' || billing_currency || ' effective cost without a team' AS said
            FROM (
                SELECT billing_period, billing_currency,
                    coalesce(sum(effective_cost) FILTER (WHERE team_id = 'unallocated'), 0) AS cost
                FROM warehouse.marts.fct_cost_allocations GROUP BY ALL
            )
            ORDER BY ALL
        """,
    ),
    MartRule(
        name="ledger_ties_to_invoices",
        mart="fct_reconciliation",
        title="every invoice equals the ledger",
        severity="warn",
        places=("billing_period", "invoice_issuer_name", "invoice_id"),
        fix="compare the invoice with the delivered lines; fct_reconciliation publishes the gap",
        query="""
            SELECT billing_period, invoice_issuer_name, coalesce(invoice_id, 'no invoice id') AS invoice_id,
                CASE WHEN is_reconciled THEN 0 ELSE coalesce(nullif(gap, 0), 1) END AS value,
                'gap ' || trim_amount(coalesce(gap, 0)) || ' ' || billing_currency
                    || ', cause ' || coalesce(cause, 'unknown') AS said
            FROM warehouse.marts.fct_reconciliation ORDER BY ALL
        """,
    ),
    MartRule(
        name="gaps_are_explained",
        mart="fct_reconciliation_breaks",
        title="every gap between gateway, provider and invoice has a cause",
        severity="warn",
        places=("billing_period", "service_provider_name", "compared"),
        fix="look at sample_rows of the named gaps; " + NOT_A_BUG,
        query="""
            SELECT billing_period, service_provider_name, compared, count(*) FILTER (WHERE is_open) AS value,
                count(*) FILTER (WHERE is_open) || ' gaps without a cause, '
                    || trim_amount(coalesce(sum(abs(gap)) FILTER (WHERE is_open), 0)) || ' ' || billing_currency AS said
            FROM (
                SELECT *, is_break AND cause = 'unexplained' AS is_open FROM warehouse.marts.fct_reconciliation_breaks
            )
            GROUP BY billing_period, service_provider_name, compared, billing_currency ORDER BY ALL
        """,
    ),
)
