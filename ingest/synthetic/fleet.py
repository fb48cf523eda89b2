"""What the GPU fleet did, slot by slot (360 s): which nodes ran, who held each GPU, how busy it was.

Tables it makes for a range of days: ``node_slots`` (node, slot, price of the hour), ``pod_slots`` (pod,
slot, state, utilisation), ``engine_slots`` (token counters) and ``gpu_slots`` (GPU, slot, holder, state,
percent, observed). States: unallocated, standby, loading, warm_idle, busy; busy at p percent is p
productive and 100 - p under-utilised.
"""

from __future__ import annotations

from datetime import date

from ingest.synthetic.window import day_number
from ingest.synthetic.world import SLOTS_PER_DAY, World

MONDAY = 4 * SLOTS_PER_DAY  # slot number of Monday 1970-01-05 00:00
WEEK = 7 * SLOTS_PER_DAY
RUN_DAYS = 8  # no pod lives longer than a week: so much history gives every counter its value
DARK_DAY = 14  # day of the month on which the exporters of two nodes are down
DARK_NODES = "(2, 5)"
GAP_NODE, GAP_DAY, GAP_SLOTS = 7, 20, "between 100 and 104"  # and a short gap elsewhere
WEEKDAYS_FROM, WEEKDAYS_SLOTS = 55, 1118  # Monday 05:30 to Friday 21:18
ROLLOUT = 20  # pods on nodes that always run are rolled out anew on Monday from 02:00
RESTART = 3 * SLOTS_PER_DAY + 140  # engines restart on Thursday 14:00: counters fall to zero in the same pod
OFFICE_FROM, OFFICE_TO = 80, 200  # 08:00 to 20:00
LOADING_SLOTS = 2
COUNTERS = ("prompt", "generated", "cached", "stop", "length", "error")
_STATE = f"""
    case when is_standby then 'standby' when has_engine and age < {LOADING_SLOTS} then 'loading'
        when wants_busy then 'busy' else 'warm_idle' end"""
_DAY_OF_MONTH = "dayofmonth(to_days({day}) + date '1970-01-01')"


def _last(moment: int | str) -> str:
    """SQL of the newest weekly occurrence at or before ``abs`` of a slot of the week."""
    first = f"({MONDAY} + {moment})"
    return f"({first} + (abs - {first}) // {WEEK} * {WEEK})"


def _run_bounds(world: World) -> str:
    """SQL columns: start and end of the node's run on the day, a spot node's pause, the evening before."""

    def drawn(offset: int, spread: int, tag: str, day: str = "day") -> str:
        return f"{day} * {SLOTS_PER_DAY} + {offset} + {world.draw(spread, tag, 'node_no', day)}"

    return f"""
        case schedule
            when 'weekdays' then {_last(WEEKDAYS_FROM)}
            when 'spot_day' then {drawn(60, 10, "spot on")}
            when 'spot_split' then {drawn(150, 20, "spot evening")}
        end as run_from,
        case schedule
            when 'spot_day' then {drawn(200, 30, "spot off")}
            when 'spot_split' then {drawn(90, 20, "spot morning")}
        end as run_to,
        {drawn(100, 60, "spot cut")} as cut,
        {drawn(150, 20, "spot evening", "(day - 1)")} as last_evening"""


def make_node_slots(world: World, first: date, end: date) -> None:
    """Table node_slots for days [first, end): running nodes by slot, with start of the run and price."""
    spot = f"(paid_rate + {world.draw(4000, 'spot price', 'node_no', 'abs // 10')} * 0.0001::decimal(5, 4))"
    world.table(
        "node_slots",
        f"""
        with slots as (
            select day::integer as day, slot::integer as slot, (day * {SLOTS_PER_DAY} + slot)::integer as abs
            from range({day_number(first)}, {day_number(end)}) as d(day), range({SLOTS_PER_DAY}) as s(slot)
        ),
        bounds as (
            select node_no, base_node, replica, purchase, schedule, paid_rate, slots.*, {_run_bounds(world)}
            from nodes cross join slots
        )
        select
            node_no, base_node, replica, day, slot, abs,
            case
                when schedule = 'spot_day' and abs >= cut + 7 then cut + 7
                when schedule = 'spot_split' and abs < run_to then last_evening
                else run_from
            end::integer as run_start,
            (case purchase when 'spot' then {spot} else paid_rate end)::decimal(9, 4) as rate
        from bounds
        where case schedule
            when 'always' then true
            when 'weekdays' then abs - run_from < {WEEKDAYS_SLOTS}
            when 'spot_day' then abs >= run_from and abs < run_to and not (abs >= cut and abs < cut + 7)
            else abs < run_to or abs >= run_from
        end
        """,
    )


def make_pod_slots(world: World) -> None:
    """Table pod_slots from node_slots: pods that hold GPUs, by slot, with their state and utilisation.

    A pod on a node that always runs gets a new name every week; elsewhere it lives as long as the node's run.
    The first two slots of an engine pod are loading: no engine series yet.
    """
    busy = world.draw(100, "busy", "pod_no", "replica", "abs")
    world.table(
        "pod_slots",
        f"""
        with placed as (
            select p.*, s.node_no, s.replica, s.day, s.slot, s.abs, s.run_start, (s.day + 3) % 7 as weekday
            from node_slots as s inner join pods as p using (base_node)
        ),
        held as (
            select
                *,
                case when office_hours then day * {SLOTS_PER_DAY} + {OFFICE_FROM}
                    else coalesce(run_start, {_last(f"{ROLLOUT} + pod_no")}) end::integer as pod_start,
                {_last(RESTART)}::integer as restart
            from placed
            where not office_hours or (weekday < 5 and slot >= {OFFICE_FROM} and slot < {OFFICE_TO})
        ),
        drawn as (
            select
                h.*, abs - pod_start as age, engine_model != '' as has_engine, {busy} < f.busy as wants_busy,
                f.level - 12 + {world.draw(24, "level", "pod_no", "replica", "abs")} as util
            from held as h
            inner join profiles as f on h.profile = f.profile and h.weekday * 24 + h.slot // 10 = f.hour
        )
        select
            *, has_engine and age >= {LOADING_SLOTS} as engine_up,
            {_STATE} as state,
            case when restart > pod_start + {LOADING_SLOTS} and abs >= restart then restart
                else pod_start end as counter_start
        from drawn
        """,
    )


def make_engine_slots(world: World, first: date, end: date, *, continues: bool) -> None:
    """Table engine_slots for days [first, end): increments and cumulative counters of every engine.

    ``continues``: the table's last content ended at ``first`` and counters go on from there; else pod_slots
    must reach RUN_DAYS before ``first``. A counter starts at zero with its pod and after the weekly
    restart. Nothing is counted in the first slot of an engine (no sample stands before it) nor in the
    first slot of a month (its increase would belong to two months).
    """
    if not continues:
        _forget_counters(world)
    sums = ", ".join(f"(coalesce({c}_before, 0) + sum({c}) over run)::bigint as {c}_total" for c in COUNTERS)
    world.table(
        "engine_slots",
        f"""
        with {_increments(world)},
        totals as (
            select counted.*, {sums}
            from counted left join engine_carry using (pod_no, replica, counter_start)
            window run as (partition by pod_no, replica, counter_start order by abs)
        )
        select * from totals where day >= {day_number(first)} and day < {day_number(end)}
        """,
    )
    _keep_counters(world)


def _increments(world: World) -> str:
    """SQL of the CTEs worked and counted: what every engine did in each slot."""
    error = world.draw(40, "error", "pod_no", "replica", "abs")
    month_starts = f"slot = 0 and {_DAY_OF_MONTH.format(day='day')} = 1"
    return f"""
        worked as (
            select
                pod_no, replica, pod_start, counter_start, day, abs, engine_model, prompt_ratio,
                cached_percent, output_per_request, util, state = 'busy' as is_busy,
                case when state = 'busy' and age > {LOADING_SLOTS} and not ({month_starts})
                    then util * gen_rate + {world.draw(50, "tokens", "pod_no", "replica", "abs")}
                    else 0 end::bigint as generated
            from pod_slots where engine_up
        ),
        counted as (
            select
                *, generated * prompt_ratio as prompt,
                generated * prompt_ratio * cached_percent // 100 as cached,
                generated // output_per_request as stop, generated // (output_per_request * 25) as length,
                (generated > 0 and {error} = 0)::bigint as error,
                case when is_busy then 1 + util // 8 else 0 end as running,
                case when is_busy and util > 62
                    then {world.draw(6, "queue", "pod_no", "replica", "abs")} else 0 end as waiting
            from worked
        )"""


def _forget_counters(world: World) -> None:
    """Empty table engine_carry: no engine has counted before."""
    none = ", ".join(f"0::bigint as {c}_before" for c in COUNTERS)
    world.table("engine_carry", f"select pod_no, replica, counter_start, {none} from pod_slots limit 0")


def _keep_counters(world: World) -> None:
    """Table engine_carry from engine_slots: what every counter has reached."""
    reached = ", ".join(f"max({c}_total) as {c}_before" for c in COUNTERS)
    world.table("engine_carry", f"select pod_no, replica, counter_start, {reached} from engine_slots group by all")


def make_gpu_slots(world: World, first: date, end: date) -> None:
    """Table gpu_slots for days [first, end): every GPU of a running node, who held it and how it worked."""
    jitter = world.draw(5, "gpu", "s.node_no", "g.gpu", "s.abs")
    day_of_month = _DAY_OF_MONTH.format(day="s.day")
    world.table(
        "gpu_slots",
        f"""
        select
            s.node_no, s.base_node, s.replica, s.day, s.slot, s.abs, s.rate, g.gpu::integer as gpu,
            p.pod_no, p.pod_start, coalesce(p.team, '') as team, coalesce(p.state, 'unallocated') as state,
            case when p.state = 'busy'
                then least(97, greatest(5, p.util - 2 + {jitter}))
                else 0 end as percent,
            case p.state when 'loading' then 900 + 400 * p.age else coalesce(p.fb_mib, 4) end as fb_mib,
            not (s.base_node in {DARK_NODES} and {day_of_month} = {DARK_DAY})
                and not (s.base_node = {GAP_NODE} and {day_of_month} = {GAP_DAY} and s.slot {GAP_SLOTS})
                as observed
        from node_slots as s
        inner join nodes as n using (node_no)
        cross join range(n.gpus) as g(gpu)
        left join gpu_places as l on s.base_node = l.base_node and g.gpu = l.gpu
        left join pod_slots as p on l.pod_no = p.pod_no and s.replica = p.replica and s.abs = p.abs
        where s.day >= {day_number(first)} and s.day < {day_number(end)}
        """,
    )
