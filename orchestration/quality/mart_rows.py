"""Truths about rows of the marts: parts sum to their charge, hours are full, teams and evidence are known."""

from __future__ import annotations

from orchestration.quality.mart_conservation import LOST
from orchestration.quality.mart_rule import MartRule

ROWS = (
    MartRule(
        name="parts_sum_to_their_charge",
        mart="fct_cost_allocations",
        title="the allocated parts of each charge sum to the charge",
        places=("billing_period",),
        fix=LOST,
        query="""
            WITH parts AS (
                SELECT charge_key, sum(billed_cost) AS billed_cost, sum(effective_cost) AS effective_cost
                FROM warehouse.marts.fct_cost_allocations
                WHERE billing_period IN (FROM due) GROUP BY charge_key
            ),
            compared AS (
                SELECT c.billing_period, c.charge_key,
                    coalesce(p.billed_cost, 0) != c.billed_cost
                        OR coalesce(p.effective_cost, 0) != c.effective_cost AS is_broken
                FROM warehouse.marts.fct_charges AS c LEFT JOIN parts AS p USING (charge_key)
                WHERE c.billing_period IN (FROM due)
            )
            SELECT billing_period, count(*) FILTER (WHERE is_broken) AS value,
                min('charge_key ' || charge_key, 3) FILTER (WHERE is_broken) AS said
            FROM compared GROUP BY ALL ORDER BY ALL
        """,
    ),
    MartRule(
        name="gpu_states_sum_to_the_paid_hour",
        mart="fct_gpu_hours",
        title="the states of a node's GPUs sum to the seconds that were paid",
        places=("billing_period",),
        fix="telemetry was counted twice or lost: look at int_gpu_paid_hours for the named hours",
        # one millisecond a node and hour: time beyond the paid part is scaled to microseconds (2026-11)
        query="""
            WITH counts AS (
                SELECT instance_type, max(CAST(gpu_count AS DECIMAL(9, 4))) AS gpu_count
                FROM warehouse.seeds.instance_types GROUP BY ALL
            ),
            held AS (
                SELECT billing_period, resource_id, hour_start, sum(seconds) AS seconds
                FROM warehouse.marts.fct_gpu_hours
                WHERE billing_period IN (FROM due) AND billing_currency IS NOT NULL GROUP BY ALL
            ),
            compared AS (
                SELECT n.billing_period, n.resource_id, n.hour_start, n.paid_seconds * c.gpu_count AS paid,
                    coalesce(h.seconds, 0) AS seconds
                FROM warehouse.intermediate.int_gpu_node_hours AS n
                JOIN counts AS c ON n.x_instance_type = c.instance_type
                LEFT JOIN held AS h USING (billing_period, resource_id, hour_start)
                WHERE n.billing_period IN (FROM due)
            )
            SELECT billing_period, count(*) FILTER (WHERE abs(paid - seconds) > 0.001) AS value,
                min(
                    resource_id || ' at ' || hour_start || ': paid ' || paid || ', found ' || seconds,
                    3
                ) FILTER (WHERE abs(paid - seconds) > 0.001) AS said
            FROM compared GROUP BY ALL ORDER BY ALL
        """,
    ),
    MartRule(
        name="amounts_are_present",
        mart="fct_charges",
        title="no charge and no allocated part lacks a period, a currency or an amount",
        places=("mart",),
        fix=LOST,
        query="""
            WITH amounts AS (
                SELECT 'fct_charges' AS mart, charge_key AS key, billing_period, billing_currency,
                    billed_cost, effective_cost
                FROM warehouse.marts.fct_charges
                UNION ALL
                SELECT 'fct_cost_allocations', allocation_key, billing_period, billing_currency, billed_cost,
                    effective_cost
                FROM warehouse.marts.fct_cost_allocations
            ),
            judged AS (
                SELECT *, billed_cost IS NULL OR effective_cost IS NULL OR billing_currency IS NULL
                    OR NOT coalesce(regexp_full_match(billing_period, '\\d{4}-\\d{2}'), false) AS is_broken
                FROM amounts
            )
            SELECT mart, count(*) FILTER (WHERE is_broken) AS value,
                min(key, 3) FILTER (WHERE is_broken) AS said
            FROM judged GROUP BY ALL ORDER BY ALL
        """,
    ),
    MartRule(
        name="teams_are_known",
        mart="fct_chargeback",
        title="every team of the ledger is in dim_teams, or says unallocated",
        places=("mart", "billing_period"),
        fix="add the team to allocation/teams.csv in the seeds, or correct the rule or tag that names it",
        query="""
            SELECT mart, billing_period, count(*) FILTER (WHERE is_broken) AS value,
                min('team_id ' || coalesce(team_id, 'NULL'), 3) FILTER (WHERE is_broken) AS said
            FROM (
                SELECT *, coalesce(team_id, '') NOT IN (SELECT team_id FROM warehouse.marts.dim_teams)
                    AND team_id IS DISTINCT FROM 'unallocated'
                    AND (team_id IS NOT NULL OR needs_team) AS is_broken
                FROM (
                    SELECT DISTINCT
                        'fct_cost_allocations' AS mart, billing_period, team_id, true AS needs_team
                    FROM warehouse.marts.fct_cost_allocations WHERE billing_period IN (FROM due)
                    UNION ALL SELECT DISTINCT 'fct_chargeback', billing_period, team_id, true
                    FROM warehouse.marts.fct_chargeback WHERE billing_period IN (FROM due)
                    UNION ALL SELECT DISTINCT 'fct_gpu_hours', billing_period, team_id, false
                    FROM warehouse.marts.fct_gpu_hours WHERE billing_period IN (FROM due)
                    UNION ALL SELECT DISTINCT 'fct_token_usage', billing_period, team_id, false
                    FROM warehouse.marts.fct_token_usage WHERE billing_period IN (FROM due)
                )
            )
            GROUP BY ALL ORDER BY ALL
        """,
    ),
    MartRule(
        name="evidence_is_stated",
        mart="fct_chargeback",
        title="every amount is invoiced, metered, modelled or assumed",
        places=("mart", "billing_period"),
        fix="the model that makes these rows must state where the amount comes from",
        query="""
            SELECT mart, billing_period, count(*) FILTER (WHERE is_broken) AS value,
                min('evidence ' || coalesce(evidence, 'NULL'), 3) FILTER (WHERE is_broken) AS said
            FROM (
                SELECT *, coalesce(evidence, '') NOT IN ('invoiced', 'metered', 'modelled', 'assumed')
                    AS is_broken
                FROM (
                    SELECT 'fct_charges' AS mart, billing_period, x_evidence AS evidence
                    FROM warehouse.marts.fct_charges WHERE billing_period IN (FROM due)
                    UNION ALL SELECT 'fct_cost_allocations', billing_period, x_evidence
                    FROM warehouse.marts.fct_cost_allocations WHERE billing_period IN (FROM due)
                    UNION ALL SELECT 'fct_chargeback', billing_period, x_evidence
                    FROM warehouse.marts.fct_chargeback WHERE billing_period IN (FROM due)
                )
            )
            GROUP BY ALL ORDER BY ALL
        """,
    ),
)
