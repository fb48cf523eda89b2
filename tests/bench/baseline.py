"""What the run is compared with: DuckDB alone reads the same delivered files once, aggregates to day grain, writes Parquet.

The files are what providers deliver: Prometheus query_range answers, LiteLLM's JSON lines, AWS CUR 2.0 in Parquet.
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
# labels once a series and its values as one list a day: a row per sample would cost three times as much
TELEMETRY = """
    copy (
        with answers as (
            select unnest(data.result) as series
            from read_json(
                '{sample}/prometheus/**/*.json',
                columns = {{
                    status: 'varchar',
                    data: 'struct("resultType" varchar, result struct(metric map(varchar, varchar), "values" double[][])[])'
                }},
                maximum_object_size = {largest_answer}
            )
        ),
        days as (
            select series.metric as labels, series."values" as points,
                unnest(range(points[1][1]::integer // 86400, points[-1][1]::integer // 86400 + 1)) as day
            from answers
        ),
        day_series as (
            select day, labels,
                list_transform(
                    case
                        when points[1][1] >= day * 86400 and points[-1][1] < (day + 1) * 86400 then points
                        else list_filter(points, lambda point: point[1] >= day * 86400 and point[1] < (day + 1) * 86400)
                    end,
                    lambda point: point[2]
                ) as day_values
            from days
        )
        select date '1970-01-01' + day::integer as charge_date, labels['__name__'] as metric, labels['Hostname'] as hostname,
            labels['gpu'] as gpu_index, labels['UUID'] as gpu_uuid,
            coalesce(labels['exported_namespace'], labels['namespace']) as namespace,
            coalesce(labels['exported_pod'], labels['pod']) as pod, labels['model_name'] as served_model_name,
            sum(list_sum(day_values)) / sum(len(day_values)) as mean_value, max(list_max(day_values)) as max_value,
            sum(len(day_values))::bigint as samples
        from day_series
        group by all
    ) to '{out}/telemetry.parquet' (format parquet)
"""
REQUESTS = """
    copy (
        select cast("startTime" as date) as charge_date, api_key, model, custom_llm_provider, team_id, status,
            sum(prompt_tokens) as prompt_tokens, sum(completion_tokens) as completion_tokens, sum(spend) as spend,
            count(*) as requests
        from read_json(
            '{sample}/litellm/*.jsonl',
            format = 'newline_delimited',
            columns = {{
                "startTime": 'timestamp', api_key: 'varchar', model: 'varchar', custom_llm_provider: 'varchar',
                team_id: 'varchar', status: 'varchar', prompt_tokens: 'bigint', completion_tokens: 'bigint', spend: 'double'
            }}
        )
        group by all
    ) to '{out}/requests.parquet' (format parquet)
"""


def day_grain_seconds(sample: Path, out: Path, *, threads: int = 2, memory_limit: str = "3GB") -> float:
    """Returns the wall seconds DuckDB needs for the bulk files of a sample."""
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    con = duckdb.connect()
    con.execute(f"set threads = {threads}")
    con.execute(f"set memory_limit = '{memory_limit}'")
    con.execute("set preserve_insertion_order = false")
    con.execute(f"set temp_directory = '{out / 'spill'}'")
    # DuckDB reserves a multiple of the largest object for every file it reads
    largest_answer = 1 + max(path.stat().st_size for path in (sample / "prometheus").rglob("*.json"))
    started = time.monotonic()
    for query in (BILL, TELEMETRY, REQUESTS):
        con.execute(query.format(sample=sample, out=out, largest_answer=largest_answer))
    return time.monotonic() - started
