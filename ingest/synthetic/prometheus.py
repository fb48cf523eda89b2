"""Writes what Prometheus would answer, one folder per day, from gpu_slots, engine_slots and their series.

Saved ``query_range`` answers of a half-open day, one of dcgm-exporter and one of vLLM. Where one would grow above
FILE_BYTES, the series are spread evenly over several answers, as a client does that asks for a part of the targets at a time.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

from ingest.synthetic.scrapes import engine_scrapes, gpu_scrapes
from ingest.synthetic.series import ENGINE_METRICS, GPU_METRICS, HA_NODE, PROFILING_METRIC
from ingest.synthetic.window import day_number
from ingest.synthetic.world import World

FILE_BYTES = 32_000_000  # exceeded by less than one series
DAYS_AT_ONCE = 31  # days whose text is made together at scale 1 with one scrape a slot: some 25 MB
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
        (out / "prometheus" / str(day)).mkdir(parents=True, exist_ok=True)
    at_once = max(1, DAYS_AT_ONCE // (world.scale * world.scrapes_per_slot))
    for start in range(0, len(days), at_once):
        first, last = day_number(days[start]), day_number(days[start : start + at_once][-1])
        _write_answers(world, _gpu_series(world, first, last), out, "dcgm")
        _write_answers(world, _engine_series(world, first, last), out, "vllm")
    return _samples(world, day_number(days[0]), day_number(days[-1]))


def _samples(world: World, first: int, last: int) -> int:
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


def _gpu_series(world: World, first: int, last: int) -> str:
    """SQL of (day, name, labels, points) of the dcgm-exporter series."""
    metrics = ", ".join(
        f"{{'name': '{name}', 'points': {_if_profiled(f'v{index}', name)}}}" for index, name in enumerate(GPU_METRICS)
    )
    return f"""
        with points as (
            select day, node_no, gpu, pod_no, pod_start, {_points(list(GPU_METRICS.values()))}
            from ({gpu_scrapes(world)}) inner join {_PROFILED} using (node_no)
            where day between {first} and {last} group by day, node_no, gpu, pod_no, pod_start
        ),
        series as (
            select day, labels, unnest([{metrics}]) as metric
            from points as p inner join gpu_series as s on {_SAME_HOLDER}
        )
        select day, metric.name as name, labels, metric.points as points
        from series where metric.points is not null"""


def _if_profiled(value: str, metric: str) -> str:
    return f"case when has_profiling then {value} end" if metric == PROFILING_METRIC else value


def _engine_series(world: World, first: int, last: int) -> str:
    """SQL of (day, name, labels, points) of the vLLM series."""
    metrics = ", ".join(
        f"{{'name': '{name}', 'reason': '{reason}', 'points': v{index}}}"
        for index, (name, _, reason) in enumerate(ENGINE_METRICS)
    )
    return f"""
        with points as (
            select day, pod_no, replica, pod_start, {_points([column for _, column, _ in ENGINE_METRICS])}
            from ({engine_scrapes(world)}) where day between {first} and {last} group by day, pod_no, replica, pod_start
        ),
        series as (select *, unnest([{metrics}]) as metric from points)
        select day, metric.name as name, labels, metric.points as points
        from series inner join engine_series as s using (pod_no, replica, pod_start)
        where s.reason = metric.reason"""


def _write_answers(world: World, series: str, out: Path, name: str) -> None:
    """Write each day's ``<name>.json``, or ``<name>-000.json`` and so on; DuckDB writes a line per series."""
    world.table(
        "answer_lines",
        f"""
        with lines as (
            select
                day, name, labels,
                '{{"metric":{{"__name__":"' || name || '",' || substr(labels, 2) || ',"values":[' || points || ']}}' as line
            from ({series})
        ),
        placed as (
            select
                day, line, row_number() over in_order as line_no, sum(strlen(line)) over in_order - strlen(line) as bytes_before,
                sum(strlen(line)) over (partition by day) as bytes_of_day
            from lines window in_order as (partition by day order by name, labels rows unbounded preceding)
        )
        select day, line_no, line, bytes_before * (1 + bytes_of_day // {FILE_BYTES}) // bytes_of_day as part from placed
        """,
    )
    files = world.rows(
        """
        select (to_days(day) + date '1970-01-01')::date, count(*) over (partition by day),
            row_number() over (partition by day order by part) - 1, day, min(line_no), max(line_no)
        from answer_lines group by day, part order by day, part
        """
    )
    for day, parts, part, number, first, last in files:
        path = out / "prometheus" / str(day) / (f"{name}.json" if parts == 1 else f"{name}-{part:03d}.json")
        world.con.execute(f"copy ({_answer(number, first, last)}) to '{path}' ({_TEXT_LINES})")


def _answer(day: int, first: int, last: int) -> str:
    """SQL of the lines of a query_range answer made of the day's answer_lines first to last."""
    return f"""
        select line from (
            select {first - 1} as line_no, '{{"status":"success","data":{{"resultType":"matrix","result":[' as line
            union all
            select line_no, line || case when line_no < {last} then ',' else '' end
            from answer_lines where day = {day} and line_no between {first} and {last}
            union all
            select {last + 1}, ']}}}}'
        ) order by line_no"""
