"""Writes what Prometheus would answer, one folder per day, from gpu_slots, engine_slots and their series.

Saved ``query_range`` answers of a half-open day, one of dcgm-exporter and one of vLLM. Where one would grow above
FILE_BYTES, the series are spread over several answers, as a client does that asks for a part of the targets at a time.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

from ingest.synthetic.scrapes import engine_scrapes, gpu_scrapes
from ingest.synthetic.series import ENGINE_METRICS, GPU_METRICS, HA_NODE, PROFILING_METRIC
from ingest.synthetic.window import day_number
from ingest.synthetic.world import World

FILE_BYTES = 24_000_000  # a file grows past it by less than one series
_PROFILED = "(select node_no, has_profiling from nodes)"
_SAME_HOLDER = (
    "p.node_no = s.node_no and p.gpu = s.gpu and p.pod_no is not distinct from s.pod_no "
    "and p.pod_start is not distinct from s.pod_start"
)
_TEXT_LINES = "format csv, header false, delimiter '', quote '', escape ''"


def write_prometheus(world: World, days: tuple[date, ...], out: Path) -> int:
    """Write the days' samples.

    Returns:
        Number of samples.
    """
    for day in days:
        folder = out / "prometheus" / str(day)
        folder.mkdir(parents=True, exist_ok=True)
        _write_answers(world, _gpu_series(world, day), folder, "dcgm")
        _write_answers(world, _engine_series(world, day), folder, "vllm")
    first, last = day_number(days[0]), day_number(days[-1])
    in_slots = world.value(
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
    return in_slots * world.scrapes_per_slot


def _points(values: list[str]) -> str:
    """SQL columns v0, v1 …: the [time, "value"] pairs of a series as JSON text."""
    pair = "'[' || scraped_at || ',\"' || ({value})::varchar || '\"]'"
    return ", ".join(
        f"string_agg({pair.format(value=value)}, ',' order by scraped_at) as v{index}" for index, value in enumerate(values)
    )


def _gpu_series(world: World, day: date) -> str:
    """SQL of (name, labels, points) of the day's dcgm-exporter series."""
    metrics = ", ".join(
        f"{{'name': '{name}', 'points': {_if_profiled(f'v{index}', name)}}}" for index, name in enumerate(GPU_METRICS)
    )
    return f"""
        with points as (
            select node_no, gpu, pod_no, pod_start, {_points(list(GPU_METRICS.values()))}
            from ({gpu_scrapes(world, day)}) inner join {_PROFILED} using (node_no)
            group by node_no, gpu, pod_no, pod_start
        ),
        series as (
            select labels, unnest([{metrics}]) as metric
            from points as p inner join gpu_series as s on {_SAME_HOLDER}
        )
        select metric.name as name, labels, metric.points as points
        from series where metric.points is not null"""


def _if_profiled(value: str, metric: str) -> str:
    return f"case when has_profiling then {value} end" if metric == PROFILING_METRIC else value


def _engine_series(world: World, day: date) -> str:
    """SQL of (name, labels, points) of the day's vLLM series."""
    metrics = ", ".join(
        f"{{'name': '{name}', 'reason': '{reason}', 'points': v{index}}}"
        for index, (name, _, reason) in enumerate(ENGINE_METRICS)
    )
    return f"""
        with points as (
            select pod_no, replica, pod_start, {_points([column for _, column, _ in ENGINE_METRICS])}
            from ({engine_scrapes(world, day)}) group by pod_no, replica, pod_start
        ),
        series as (select *, unnest([{metrics}]) as metric from points)
        select metric.name as name, labels, metric.points as points
        from series inner join engine_series as s using (pod_no, replica, pod_start)
        where s.reason = metric.reason"""


def _write_answers(world: World, series: str, folder: Path, name: str) -> None:
    """Write ``<name>.json``, or ``<name>-000.json`` and so on; DuckDB writes them line by line, a line per series."""
    world.table(
        "answer_lines",
        f"""
        with lines as (
            select
                name, labels,
                '{{"metric":{{"__name__":"' || name || '",' || substr(labels, 2) || ',"values":[' || points || ']}}' as line
            from ({series})
        )
        select
            row_number() over in_order as line_no, line, (sum(strlen(line)) over in_order - strlen(line)) // {FILE_BYTES} as part
        from lines window in_order as (order by name, labels rows unbounded preceding)
        """,
    )
    parts = world.rows("select part, min(line_no), max(line_no) from answer_lines group by part order by part")
    for number, (part, first, last) in enumerate(parts):
        path = folder / (f"{name}.json" if len(parts) == 1 else f"{name}-{number:03d}.json")
        answer = f"""
            select line from (
                select {first - 1} as line_no, '{{"status":"success","data":{{"resultType":"matrix","result":[' as line
                union all
                select line_no, line || case when line_no < {last} then ',' else '' end from answer_lines where part = {part}
                union all
                select {last + 1}, ']}}}}'
            ) order by line_no"""
        world.con.execute(f"copy ({answer}) to '{path}' ({_TEXT_LINES})")
