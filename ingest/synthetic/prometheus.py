"""Writes what Prometheus would answer, one folder per day, from gpu_slots, engine_slots and their series.

At scale 1 two saved ``query_range`` answers a day (step 360 s, half-open day); above, one Parquet file a
day in the lake's schema prometheus_samples.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

from ingest.synthetic.series import ENGINE_METRICS, GPU_METRICS, HA_NODE, PROFILING_METRIC
from ingest.synthetic.window import day_number
from ingest.synthetic.world import SLOT_SECONDS, World

_AT = f"to_seconds(abs::bigint * {SLOT_SECONDS}) + timestamp '1970-01-01'"
_PROFILED = "(select node_no, has_profiling from nodes)"
_SAME_HOLDER = (
    "p.node_no = s.node_no and p.gpu = s.gpu and p.pod_no is not distinct from s.pod_no "
    "and p.pod_start is not distinct from s.pod_start"
)


def write_prometheus(world: World, days: tuple[date, ...], out: Path) -> int:
    """Write the days' samples.

    Returns:
        Number of samples.
    """
    for day in days:
        (out / "prometheus" / str(day)).mkdir(parents=True, exist_ok=True)
    first, last = day_number(days[0]), day_number(days[-1])
    if world.scale == 1:
        _write_matrix(world, _gpu_series(first, last), out, "dcgm.json")
        _write_matrix(world, _engine_series(first, last), out, "vllm.json")
    else:
        for day in days:
            target = out / "prometheus" / str(day) / "samples.parquet"
            form = "format parquet, compression zstd, row_group_size 500000"
            world.con.execute(f"copy ({_samples(day_number(day))}) to '{target}' ({form})")
    return world.value(
        f"""
        select (
            select coalesce(sum(
                case when has_profiling then {len(GPU_METRICS)} else {len(GPU_METRICS) - 1} end
                * case when base_node = {HA_NODE} then 2 else 1 end
            ), 0)
            from gpu_slots inner join {_PROFILED} using (node_no)
            where observed and day between {first} and {last}
        ) + (select {len(ENGINE_METRICS)} * count(*) from engine_slots where day between {first} and {last})
        """
    )


def _points(values: list[str]) -> str:
    """SQL columns v0, v1 …: the [time, "value"] pairs of a series as JSON text."""
    pair = f"'[' || (abs::bigint * {SLOT_SECONDS}) || ',\"' || ({{value}})::varchar || '\"]'"
    return ", ".join(
        f"string_agg({pair.format(value=value)}, ',' order by abs) as v{index}" for index, value in enumerate(values)
    )


def _gpu_series(first: int, last: int) -> str:
    """SQL of (day, name, labels, points) of the dcgm-exporter series."""
    metrics = ", ".join(
        f"{{'name': '{name}', 'points': {_if_profiled(f'v{index}', name)}}}" for index, name in enumerate(GPU_METRICS)
    )
    return f"""
        with points as (
            select day, node_no, gpu, pod_no, pod_start, {_points(list(GPU_METRICS.values()))}
            from gpu_slots inner join {_PROFILED} using (node_no)
            where observed and day between {first} and {last} group by day, node_no, gpu, pod_no, pod_start
        ),
        series as (
            select day, labels, unnest([{metrics}]) as metric
            from points as p inner join gpu_series as s on {_SAME_HOLDER}
        )
        select day, metric.name as name, labels, metric.points as points
        from series where metric.points is not null"""


def _if_profiled(value: str, metric: str) -> str:
    return f"case when has_profiling then {value} end" if metric == PROFILING_METRIC else value


def _engine_series(first: int, last: int) -> str:
    """SQL of (day, name, labels, points) of the vLLM series."""
    metrics = ", ".join(
        f"{{'name': '{name}', 'reason': '{reason}', 'points': v{index}}}"
        for index, (name, _, reason) in enumerate(ENGINE_METRICS)
    )
    return f"""
        with points as (
            select day, pod_no, replica, pod_start, {_points([column for _, column, _ in ENGINE_METRICS])}
            from engine_slots where day between {first} and {last} group by day, pod_no, replica, pod_start
        ),
        series as (select *, unnest([{metrics}]) as metric from points)
        select day, metric.name as name, labels, metric.points as points
        from series inner join engine_series as s using (pod_no, replica, pod_start)
        where s.reason = metric.reason"""


def _write_matrix(world: World, series: str, out: Path, name: str) -> None:
    """One query_range answer per day."""
    rows = world.rows(
        f"""
        select
            (to_days(day) + date '1970-01-01')::date,
            string_agg(
                '{{"metric":{{"__name__":"' || name || '",' || substr(labels, 2)
                || ',"values":[' || points || ']}}',
                ',\n' order by name, labels
            )
        from ({series}) group by day order by day
        """
    )
    for day, text in rows:
        answer = '{"status":"success","data":{"resultType":"matrix","result":[\n' + text + "\n]}}\n"
        (out / "prometheus" / str(day) / name).write_text(answer, encoding="utf-8")


def _samples(day: int) -> str:
    """SQL of a day's samples in the lake's schema."""
    gpu = " union all ".join(
        f"""
        select
            {_AT} as ts, '{metric}' as metric, ({value})::double as value, 'dcgm-exporter' as job, s.instance,
            s.hostname, s.gpu::varchar as gpu_index, s.uuid as gpu_uuid, s.gpu_raw as gpu_model_raw,
            null::varchar as gpu_instance_id, null::varchar as gpu_instance_profile,
            'nvidia' || s.gpu as device, s.pod, s.namespace, s.container, null::varchar as vgpu,
            null::varchar as served_model_name, null::varchar as engine, null::varchar as finished_reason,
            null::varchar as token_source, 'legacy' as exporter_generation,
            s.labels
        from gpu_slots as p inner join gpu_series as s on {_SAME_HOLDER}
        where p.observed and p.day = {day} and {_if_profiled("true", metric)}"""
        for metric, value in GPU_METRICS.items()
    )
    engine = " union all ".join(
        f"""
        select
            {_AT}, '{metric}', ({value})::double, 'vllm', null, null, null, null, null, null, null, null,
            s.pod, s.namespace, s.container, null, s.engine_model, '0', nullif('{reason}', ''), null, null,
            s.labels
        from engine_slots as e inner join engine_series as s using (pod_no, replica, pod_start)
        where e.day = {day} and s.reason = '{reason}'"""
        for metric, value, reason in ENGINE_METRICS
    )
    return f"{gpu} union all {engine}"
