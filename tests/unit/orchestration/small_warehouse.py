"""A small warehouse by the mart contract: two teams, one GPU pool charge, one direct charge, two billing
periods.

Every amount is conserved: charges = allocations = chargeback per billing period, currency and basis; the
GPU states of the node sum to its paid seconds. Tests break one thing at a time.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

MONEY = "DECIMAL(38,18)"

TABLES = {
    "fct_charges": f"""
        charge_key VARCHAR, billing_period VARCHAR, charge_date DATE, billing_account_id VARCHAR,
        service_provider_name VARCHAR, invoice_issuer_name VARCHAR, invoice_id VARCHAR, service_name VARCHAR,
        charge_category VARCHAR, resource_id VARCHAR, tags VARCHAR, billing_currency VARCHAR,
        billed_cost {MONEY},
        effective_cost {MONEY}, list_cost {MONEY}, contracted_cost {MONEY}, x_line_count BIGINT,
        x_source VARCHAR,
        x_dataset VARCHAR, x_evidence VARCHAR, x_original_billing_period VARCHAR""",
    "fct_cost_allocations": f"""
        allocation_key VARCHAR, charge_key VARCHAR, billing_period VARCHAR, charge_date DATE,
        billing_currency VARCHAR,
        service_provider_name VARCHAR, cost_category VARCHAR, stage VARCHAR, allocation_path VARCHAR,
        team_id VARCHAR,
        model_id VARCHAR, deployment_id VARCHAR, gpu_state VARCHAR, share DOUBLE, x_evidence VARCHAR,
        billed_cost {MONEY}, effective_cost {MONEY}""",
    "fct_chargeback": f"""
        billing_period VARCHAR, team_id VARCHAR, cost_category VARCHAR, cost_basis VARCHAR,
        billing_currency VARCHAR,
        amount {MONEY}, x_evidence VARCHAR""",
    "fct_gpu_hours": f"""
        hour_start TIMESTAMP, charge_date DATE, billing_period VARCHAR, node_id VARCHAR, resource_id VARCHAR,
        gpu_index BIGINT, gpu_model VARCHAR, team_id VARCHAR, state VARCHAR, seconds {MONEY},
        gpu_hours DECIMAL(18,9),
        billed_cost {MONEY}, effective_cost {MONEY}, billing_currency VARCHAR""",
    "fct_unmatched_nodes": f"""
        billing_period VARCHAR, side VARCHAR, node_id VARCHAR, resource_id VARCHAR, gpu_hours DECIMAL(18,9),
        billed_cost {MONEY}, effective_cost {MONEY}, billing_currency VARCHAR, reason VARCHAR, hint VARCHAR""",
    "fct_token_usage": f"""
        usage_key VARCHAR, charge_date DATE, billing_period VARCHAR, source VARCHAR, x_source VARCHAR,
        service_provider_name VARCHAR, account_id VARCHAR, model_id VARCHAR, model_raw VARCHAR,
        team_id VARCHAR,
        input_uncached_tokens BIGINT, output_tokens BIGINT, total_tokens BIGINT, requests BIGINT,
        list_cost {MONEY},
        is_unpriced BOOLEAN, is_primary BOOLEAN""",
    "fct_reconciliation": f"""
        billing_period VARCHAR, invoice_issuer_name VARCHAR, invoice_id VARCHAR, billing_currency VARCHAR,
        x_source VARCHAR, lake_billed_cost {MONEY}, charges_billed_cost {MONEY},
        allocated_billed_cost {MONEY},
        invoiced_amount {MONEY}, computed_list_cost {MONEY}, gap {MONEY}, cause VARCHAR,
        is_reconciled BOOLEAN""",
    "fct_reconciliation_breaks": f"""
        billing_period VARCHAR, charge_date DATE, service_provider_name VARCHAR, account_id VARCHAR,
        model_id VARCHAR, token_type VARCHAR, cause VARCHAR, compared VARCHAR, left_amount {MONEY},
        right_amount {MONEY}, gap {MONEY}, billing_currency VARCHAR, sample_rows VARCHAR, is_explained BOOLEAN,
        is_break BOOLEAN""",
    "fct_cost_bridge": f"""
        billing_period VARCHAR, billing_currency VARCHAR, step_no INTEGER, step VARCHAR, amount {MONEY}""",
    "dim_teams": "team_id VARCHAR, team_name VARCHAR, cost_center VARCHAR, department VARCHAR",
}

ROWS = """
    INSERT INTO marts.dim_teams VALUES ('search', 'Search', 'C1', 'Product'), ('ads', 'Ads', 'C2', 'Product');

    INSERT INTO marts.fct_charges
    SELECT 'k' || n, period, CAST(period || '-03' AS DATE), '1111', 'AWS', 'AWS', 'INV-' || period,
    service, 'Usage',
        resource, NULL, 'USD', cost, cost, cost, cost, 1, 'aws_main', 'aws_cur_2_0', 'invoiced', NULL
    FROM (VALUES
        (1, '2026-02', 'AmazonEC2', 'i-1', 10.000000000000000001), (2, '2026-02', 'AmazonS3', 'b', 2.5),
        (3, '2026-03', 'AmazonEC2', 'i-1', 24), (4, '2026-03', 'AmazonS3', 'b', -1.25)
    ) AS t (n, period, service, resource, cost);

    INSERT INTO marts.fct_cost_allocations
    SELECT 'a' || n, 'k' || k, period, CAST(period || '-03' AS DATE), 'USD', 'AWS', category, stage, stage,
    team, NULL,
        NULL, state, 0.5, 'invoiced', cost, cost
    FROM (VALUES
        (1, 1, '2026-02', 'gpu', 'gpu_pool', 'search', 'productive', 5.000000000000000001),
        (2, 1, '2026-02', 'idle', 'gpu_pool', 'ads', 'warm_idle', 5),
        (3, 2, '2026-02', 'unallocated', 'residual', 'unallocated', NULL, 2.5),
        (4, 3, '2026-03', 'gpu', 'gpu_pool', 'search', 'productive', 24),
        (5, 4, '2026-03', 'direct', 'direct', 'ads', NULL, -1.25)
    ) AS t (n, k, period, category, stage, team, state, cost);

    INSERT INTO marts.fct_chargeback
    SELECT billing_period, team_id, cost_category, basis, billing_currency, sum(amount), 'invoiced'
    FROM (
        SELECT *, 'billed' AS basis, billed_cost AS amount FROM marts.fct_cost_allocations
        UNION ALL SELECT *, 'effective', effective_cost FROM marts.fct_cost_allocations
    ) GROUP BY ALL;

    INSERT INTO marts.fct_gpu_hours
    SELECT CAST(period || '-03 10:00:00' AS TIMESTAMP), CAST(period || '-03' AS DATE), period, 'i-1',
    'i-1', 0, 'H100',
        team, state, seconds, seconds / 3600, cost, cost, 'USD'
    FROM (VALUES
        ('2026-02', 'search', 'productive', 1800, 5.000000000000000001), ('2026-02', 'ads', 'warm_idle',
        1800, 5),
        ('2026-03', 'search', 'productive', 3600, 24)
    ) AS t (period, team, state, seconds, cost);

    INSERT INTO marts.fct_token_usage VALUES
        ('u1', DATE '2026-02-03', '2026-02', 'openai', 'openai', 'OpenAI', 'proj', 'openai/gpt-5', 'gpt-5',
        'search',
         100, 20, 120, 3, 0.001, false, true),
        ('u2', DATE '2026-03-03', '2026-03', 'openai', 'openai', 'OpenAI', 'proj', 'openai/gpt-5', 'gpt-5',
        'search',
         100, 20, 120, 3, 0.001, false, true);

    INSERT INTO marts.fct_reconciliation
    SELECT billing_period, 'AWS', 'INV-' || billing_period, 'USD', 'aws_main', sum(billed_cost),
    sum(billed_cost),
        sum(billed_cost), sum(billed_cost), NULL, 0, 'none', true
    FROM marts.fct_charges GROUP BY billing_period;

    INSERT INTO marts.fct_reconciliation_breaks BY NAME
    SELECT '2026-03' AS billing_period, DATE '2026-03-03' AS charge_date, 'OpenAI' AS service_provider_name,
        'bypassed_traffic' AS cause, 'gateway~provider' AS compared, 1 AS left_amount, 3 AS right_amount,
        2 AS gap, 'USD' AS billing_currency, '[]' AS sample_rows, true AS is_explained, true AS is_break;

    INSERT INTO marts.fct_cost_bridge
    SELECT billing_period, 'USD', step_no, step, sum(billed_cost)
    FROM marts.fct_charges CROSS JOIN (VALUES (1, 'billed cost'), (10, 'effective cost')) AS steps (step_no, step)
    GROUP BY ALL;
"""


def build_warehouse(path: Path, *, extra: str = "") -> Path:
    """Write the small warehouse; `extra` is SQL that runs afterwards (to break or change something)."""
    with duckdb.connect(str(path)) as con:
        con.execute("CREATE SCHEMA marts")
        for name, columns in TABLES.items():
            con.execute(f"CREATE TABLE marts.{name} ({columns})")
        con.execute(ROWS)
        if extra:
            con.execute(extra)
    return path


def change(path: Path, sql: str) -> None:
    """Run SQL on a warehouse file."""
    with duckdb.connect(str(path)) as con:
        con.execute(sql)
