"""What the run is compared with: DuckDB alone reads the same delivered files once, aggregates to day grain, writes Parquet.

No allocation, no checks, no history: the least anybody could do with these files.
"""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import duckdb

BILL = """
    copy (
        select cast(line_item_usage_start_date as date) as charge_date, bill_payer_account_id, line_item_usage_account_id,
            line_item_product_code, line_item_usage_type, line_item_line_item_type, line_item_resource_id, resource_tags,
            sum(line_item_usage_amount) as usage_amount, sum(line_item_unblended_cost) as unblended_cost,
            sum(savings_plan_savings_plan_effective_cost) as effective_cost, count(*) as line_count
        from read_parquet('{sample}/aws_cur/**/*.parquet', hive_partitioning = false)
        group by all
    ) to '{out}/bill.parquet' (format parquet)
"""
TELEMETRY = """
    copy (
        select cast(ts as date) as charge_date, metric, hostname, gpu_index, gpu_uuid, namespace, pod, served_model_name,
            avg(value) as mean_value, max(value) as max_value, count(*) as samples
        from read_parquet('{sample}/prometheus/**/*.parquet', hive_partitioning = false)
        group by all
    ) to '{out}/telemetry.parquet' (format parquet)
"""
REQUESTS = """
    copy (
        select cast(started_at as date) as charge_date, api_key, model, custom_llm_provider, team_id, status,
            sum(prompt_tokens) as prompt_tokens, sum(completion_tokens) as completion_tokens, sum(spend) as spend,
            count(*) as requests
        from read_parquet('{sample}/litellm/**/*.parquet', hive_partitioning = false)
        group by all
    ) to '{out}/requests.parquet' (format parquet)
"""


def day_grain_seconds(sample: Path, out: Path, *, threads: int = 2, memory_limit: str = "3GB") -> float:
    """Returns the wall seconds DuckDB needs for the bulk files of a sample (scale above 1, so all of them are Parquet)."""
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    con = duckdb.connect()
    con.execute(f"set threads = {threads}")
    con.execute(f"set memory_limit = '{memory_limit}'")
    con.execute("set preserve_insertion_order = false")
    con.execute(f"set temp_directory = '{out / 'spill'}'")
    started = time.monotonic()
    for query in (BILL, TELEMETRY, REQUESTS):
        con.execute(query.format(sample=sample, out=out))
    return time.monotonic() - started
