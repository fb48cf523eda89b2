"""Every paid GPU-second in exactly one state, from samples through the compiled models: metrics, failures, shared GPUs, gaps."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.dbt.compiled import CompiledModels
from tests.dbt.gpu_fleet import DAY, Fleet, Span, compiled

HOUR = 3600
BUSY = range(8 * 60, 20 * 60)
LOST_AT = 10 * 60
FOUR_GPUS, ONE_GPU = "g4dn.12xlarge", "g4dn.16xlarge"
PRICES = {"i-a": Decimal("10.123456789"), "i-b": Decimal("1.5")}
GPUS = {"i-a": 4, "i-b": 1}


@pytest.fixture(scope="module")
def ladder(tmp_path_factory: pytest.TempPathFactory) -> CompiledModels:
    """The models under the default settings."""
    return compiled(tmp_path_factory.mktemp("ladder"))


@pytest.fixture(scope="module")
def kernel_busy(tmp_path_factory: pytest.TempPathFactory) -> CompiledModels:
    """The models with GPU_UTIL as the one metric."""
    return compiled(tmp_path_factory.mktemp("fixed"), "--vars", '{"utilisation_metric": "gpu_util"}')


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> CompiledModels:
    """The models with thresholds: nothing productive below a half, all of it from 0.8 on, still below 5 %."""
    chosen = '{"under_utilised_below": "0.5", "productive_from": "0.8", "warm_idle_below": "0.05"}'
    return compiled(tmp_path_factory.mktemp("strict"), "--vars", chosen)


def one_gpu(models: CompiledModels, spans: Iterable[Span]) -> Fleet:
    fleet = Fleet(models)
    fleet.observe(spans)
    fleet.map_node("host-a", "i-b")
    fleet.bill("i-b", ONE_GPU, "1.5")
    fleet.build()
    return fleet


def busy_pod(**metrics: float) -> list[Span]:
    return [Span(measure=measure, value=value, gpu="GPU-0", pod="p") for measure, value in metrics.items()]


def states(fleet: Fleet) -> dict[tuple[str, str | None], Decimal]:
    """Share of the day per state and metric."""
    found = fleet.rows("select state, util_metric, sum(seconds) / 86400 from marts.fct_gpu_hours group by all")
    return {(state, metric): round(Decimal(share), 6) for state, metric, share in found}


def test_97_percent_kernel_busy_with_18_percent_sm_active_is_under_utilised(
    ladder: CompiledModels, strict: CompiledModels
) -> None:
    samples = busy_pod(gpu_util=0.97, gr_engine_active=0.9, sm_active=0.18, fb_used_bytes=4e10)
    assert states(one_gpu(ladder, samples)) == {
        ("under_utilised", "sm_active"): Decimal("0.82"), ("productive", "sm_active"): Decimal("0.18"),
    }
    assert states(one_gpu(strict, samples)) == {("under_utilised", "sm_active"): 1}


def test_a_metric_that_is_alone_is_used_and_named(ladder: CompiledModels) -> None:
    assert states(one_gpu(ladder, busy_pod(gpu_util=0.97))) == {
        ("productive", "gpu_util"): Decimal("0.97"), ("under_utilised", "gpu_util"): Decimal("0.03"),
    }


def test_a_fixed_metric_ignores_the_others_and_its_absence_is_unobserved(kernel_busy: CompiledModels) -> None:
    assert states(one_gpu(kernel_busy, busy_pod(gpu_util=0.97, sm_active=0.18))) == {
        ("productive", "gpu_util"): Decimal("0.97"), ("under_utilised", "gpu_util"): Decimal("0.03"),
    }
    assert states(one_gpu(kernel_busy, busy_pod(sm_active=0.18, fb_used_bytes=4e10))) == {("unobserved", None): 1}


@pytest.mark.parametrize(
    ("sm_active", "expected"),
    [(0.04, {"warm_idle": 1}), (0.49, {"under_utilised": 1}), (0.6, {"productive": "0.6", "under_utilised": "0.4"}),
     (0.8, {"productive": 1})],
)
def test_thresholds_cut_busy_time(strict: CompiledModels, sm_active: float, expected: dict[str, Any]) -> None:
    found = states(one_gpu(strict, busy_pod(sm_active=sm_active, fb_used_bytes=4e10)))
    assert {state: share for (state, _), share in found.items()} == {state: Decimal(share) for state, share in expected.items()}


def test_a_lost_gpu_is_failed_time_of_its_holder_and_an_error_of_the_workload_is_not(ladder: CompiledModels) -> None:
    lost = [
        Span(measure="sm_active", value=0.5, gpu="GPU-0", pod="p", end=600),
        Span(measure="xid_last_error", value=79, gpu="GPU-0", pod="p", start=600),
    ]
    fleet = one_gpu(ladder, lost)
    assert fleet.rows(
        "select sub_state, pod, sum(seconds) / 3600 from marts.fct_gpu_hours where state = 'failed' group by all"
    ) == [("xid 79", "p", 14)]
    own_fault = [*busy_pod(sm_active=0.5), Span(measure="xid_last_error", value=31, gpu="GPU-0", pod="p", start=600)]
    assert set(one_gpu(ladder, own_fault).seconds()) == {"productive", "under_utilised"}


def test_a_pod_in_a_crash_loop_is_failed_time_and_one_that_starts_is_loading(ladder: CompiledModels) -> None:
    def waiting(reason: str) -> Span:
        return Span(measure="container_waiting", value=1, pod="p", labels=f'{{"reason": "{reason}"}}', start=0, end=12 * 60)

    held = busy_pod(gpu_util=0, fb_used_bytes=0)
    crashing = one_gpu(ladder, [*held, waiting("CrashLoopBackOff")])
    assert crashing.seconds() == {"failed": 12 * HOUR, "warm_idle": 12 * HOUR}
    assert crashing.rows("select distinct sub_state from marts.fct_gpu_hours order by 1") == [("empty",), ("pod failing",)]
    starting = one_gpu(ladder, [*held, waiting("ContainerCreating")])
    assert starting.seconds() == {"loading": 900, "warm_idle": 24 * HOUR - 900}


def mixed_fleet(models: CompiledModels) -> Fleet:
    """Five GPUs: an engine with quiet hours, a free GPU, two sharing pods, MIG with stranded slices, one lost at ten."""
    fleet = Fleet(models)
    quiet = [(0, BUSY.start, 0.0), (BUSY.start, BUSY.stop, 0.4), (BUSY.stop, 1440, 0.0)]
    spans = [
        *(Span(measure="sm_active", value=u, gpu="GPU-0", pod="e", start=a, end=b) for a, b, u in quiet),
        *(Span(measure="requests_running", value=10 * u, pod="e", start=a, end=b) for a, b, u in quiet),
        Span(measure="gpu_util", value=0, gpu="GPU-1"),
        *(Span(measure="sm_active", value=0.3, gpu="GPU-2", pod=pod) for pod in ("s1", "s2")),
        Span(measure="gr_engine_active", value=0.5, gpu="GPU-3", pod="m", instance="1", profile="3g.40gb"),
        Span(measure="gr_engine_active", value=0, gpu="GPU-3", instance="2", profile="2g.20gb"),
        Span(measure="gpu_util", value=0, gpu="GPU-3"),
        Span(measure="sm_active", value=0.9, gpu="GPU-B0", pod="b", hostname="host-b", end=LOST_AT),
        Span(measure="xid_last_error", value=79, gpu="GPU-B0", pod="b", hostname="host-b", start=LOST_AT),
    ]
    fleet.observe(spans)
    for node in ("a", "b"):
        fleet.map_node(f"host-{node}", f"i-{node}")
    fleet.bill("i-a", FOUR_GPUS, str(PRICES["i-a"]))
    fleet.bill("i-b", ONE_GPU, str(PRICES["i-b"]))
    return fleet


def truth(gpu: str, minute: int) -> dict[str, Fraction]:
    """Seconds of one observed minute per state, as the fleet was written down."""
    whole = Fraction(60)
    if gpu == "GPU-0":
        return {"productive": whole * 2 / 5, "under_utilised": whole * 3 / 5} if minute in BUSY else {"warm_idle": whole}
    if gpu == "GPU-1":
        return {"unallocated": whole}
    if gpu == "GPU-2":
        return {"productive": whole * 3 / 10, "under_utilised": whole * 7 / 10}
    if gpu == "GPU-3":
        return {"productive": whole * 3 / 14, "under_utilised": whole * 3 / 14, "unallocated": whole * 4 / 7}
    return {"failed": whole} if minute >= LOST_AT else {"productive": whole * 9 / 10, "under_utilised": whole / 10}


def assert_conserved(fleet: Fleet) -> None:
    """Each paid GPU-hour is 3,600 seconds and each machine-hour its cost, to the last digit."""
    sums = fleet.rows(
        "select resource_id, sum(seconds), sum(effective_cost), sum(billed_cost) from marts.fct_gpu_hours"
        " group by resource_id, hour_start"
    )
    assert len(sums) == 48
    for machine, seconds, effective, billed in sums:
        assert (effective, billed) == (PRICES[machine], PRICES[machine] / 2)
        assert seconds == GPUS[machine] * HOUR
    per_gpu = fleet.rows("select sum(seconds) from marts.fct_gpu_hours group by resource_id, gpu_index, hour_start")
    assert {seconds for (seconds,) in per_gpu} <= {Decimal(HOUR)}


def test_shared_and_partitioned_gpus_sum_to_the_paid_hour(ladder: CompiledModels) -> None:
    fleet = mixed_fleet(ladder)
    fleet.build()
    assert_conserved(fleet)
    held = dict(fleet.rows("select pod, sum(seconds) / 3600 from marts.fct_gpu_hours group by pod"))
    assert (held["s1"], held["s2"], round(held["m"], 6)) == (12, 12, round(24 * 3 / 7, 6))
    free = fleet.rows(
        "select gpu_instance_id, sub_state, round(sum(seconds) / 3600, 6) from marts.fct_gpu_hours"
        " where state = 'unallocated' and gpu_index = '3' group by all order by all"
    )
    sevenths = round(48 / 7, 6)
    assert [(part, sub, float(hours)) for part, sub, hours in free] == [("2", None, sevenths), (None, "stranded", sevenths)]
    assert fleet.rows("select * from marts.fct_unmatched_nodes") == []


def test_a_fifth_of_the_telemetry_missing_is_unobserved_and_idle_stays_what_it_was(ladder: CompiledModels) -> None:
    fleet = mixed_fleet(ladder)
    minute = f"cast(date_diff('minute', timestamp '{DAY}', observed_times[1]) as integer)"
    lost = f"hash(gpu_uuid, {minute}) % 5 = 0"
    slots = fleet.rows(
        f"select distinct gpu_uuid, {minute}, {lost} from warehouse.staging.stg_prometheus__series where gpu_uuid is not null"
    )
    fleet.con.execute(f"delete from warehouse.staging.stg_prometheus__series where gpu_uuid is not null and {lost}")
    fleet.build()

    expected: dict[str, Fraction] = defaultdict(Fraction)
    dropped: dict[tuple[str, int], int] = defaultdict(int)
    for gpu, at, is_lost in slots:
        for state, seconds in {"unobserved": Fraction(60)}.items() if is_lost else truth(gpu, at).items():
            expected[state] += seconds
        dropped["i-b" if gpu == "GPU-B0" else "i-a", at // 60] += is_lost
    assert 0.19 < sum(dropped.values()) / len(slots) < 0.21
    found = fleet.seconds()
    assert set(found) == set(expected)
    for state, seconds in found.items():
        assert abs(seconds - Decimal(float(expected[state]))) < Decimal("0.001"), state
    assert_conserved(fleet)
    money = sum(PRICES[node] * 60 * count / (GPUS[node] * HOUR) for (node, _), count in dropped.items())
    (unobserved_cost,) = fleet.rows("select sum(effective_cost) from marts.fct_gpu_hours where state = 'unobserved'")[0]
    assert abs(unobserved_cost - money) < Decimal("0.00000001")


def test_hours_without_a_node_are_unobserved_and_change_no_other_hour(ladder: CompiledModels) -> None:
    fleet = mixed_fleet(ladder)
    others = "select * from marts.fct_gpu_hours where not (resource_id = 'i-b' and hour(hour_start) between 3 and 6) order by all"
    fleet.build()
    before = fleet.rows(others)
    fleet.con.execute(
        "delete from warehouse.staging.stg_prometheus__series"
        " where hostname = 'host-b' and hour(observed_times[1]) between 3 and 6"
    )
    fleet.build()
    assert fleet.rows(others) == before
    assert_conserved(fleet)
    assert fleet.rows(
        "select state, sub_state, node_id, sum(seconds), sum(effective_cost) from marts.fct_gpu_hours"
        " where resource_id = 'i-b' and hour(hour_start) between 3 and 6 group by all"
    ) == [("unobserved", "no telemetry", "host-b", 4 * HOUR, 4 * PRICES["i-b"])]


def test_nodes_meet_by_provider_id_and_strangers_are_listed(ladder: CompiledModels) -> None:
    fleet = Fleet(ladder)
    fleet.observe([
        Span(measure="sm_active", value=0.5, gpu="GPU-0", pod="p", labels='{"provider_id": "aws:///us-east-1a/i-1"}'),
        Span(measure="sm_active", value=0.5, gpu="GPU-7", pod="q", hostname="stranger", end=60),
    ])
    fleet.bill("i-1", ONE_GPU, "2")
    fleet.bill("i-silent", ONE_GPU, "3")
    fleet.build()
    assert fleet.rows("select distinct resource_id, node_id from marts.fct_gpu_hours where state = 'productive' order by 2") == [
        ("i-1", "host-a"), (None, "stranger")
    ]
    assert fleet.rows(
        "select side, node_id, resource_id, gpu_hours, effective_cost, billing_currency from marts.fct_unmatched_nodes order by 1"
    ) == [
        ("bill_without_telemetry", None, "i-silent", 24, 72, "USD"),
        ("telemetry_without_bill", "stranger", None, 1, None, None),
    ]


def test_a_machine_billed_in_two_currencies_keeps_both_costs(ladder: CompiledModels) -> None:
    fleet = Fleet(ladder)
    fleet.observe([Span(measure="sm_active", value=0.5, gpu="GPU-0", pod="p", end=90)])
    fleet.map_node("host-a", "i-1")
    fleet.bill("i-1", ONE_GPU, "2")
    fleet.bill("i-1", ONE_GPU, "0.7", currency="EUR")
    fleet.build()
    assert fleet.rows(
        "select billing_currency, sum(effective_cost), sum(billed_cost), sum(seconds) from marts.fct_gpu_hours"
        " group by 1 order by 1"
    ) == [("EUR", Decimal("16.8"), Decimal("8.4"), 24 * HOUR), ("USD", 48, 24, 24 * HOUR)]


shape = st.one_of(
    st.just(("free",)),
    st.tuples(st.just("pods"), st.integers(1, 4)),
    st.tuples(st.just("mig"), st.lists(st.sampled_from([1, 2, 3]), min_size=1, max_size=3).filter(lambda sizes: sum(sizes) <= 7)),
)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(shapes=st.lists(shape, min_size=1, max_size=4), u=st.sampled_from([0.0, 0.123, 0.5, 1.0]), seen=st.integers(1, 60))
def test_any_mix_of_shared_gpus_is_conserved(ladder: CompiledModels, shapes: list[tuple], u: float, seen: int) -> None:
    fleet = Fleet(ladder)
    fleet.map_node("host-a", "i-a")
    fleet.bill("i-a", FOUR_GPUS, str(PRICES["i-a"]), hours=1)
    for number, (kind, *how) in enumerate(shapes):
        parts: list[dict[str, Any]] = [{}]
        if kind == "pods":
            parts = [{"pod": f"p{pod}"} for pod in range(how[0])]
        if kind == "mig":
            parts = [
                {"pod": f"m{at}" if at % 2 else None, "instance": str(at), "profile": f"{slices}g.10gb"}
                for at, slices in enumerate(how[0])
            ]
        fleet.observe([Span(measure="sm_active", value=u, gpu=f"GPU-{number}", end=seen, **part) for part in parts])
    fleet.build()
    observed = fleet.rows("select sum(seconds) from warehouse.intermediate.int_gpu_observed_states group by gpu_uuid")
    assert observed == [(60 * seen,)] * len(shapes)
    assert fleet.rows("select sum(seconds), sum(effective_cost), sum(billed_cost) from marts.fct_gpu_hours") == [
        (4 * HOUR, PRICES["i-a"], PRICES["i-a"] / 2)
    ]
    assert fleet.rows("select sum(gpu_hours), sum(effective_cost) from marts.fct_gpu_waste") == fleet.rows(
        "select sum(gpu_hours), sum(effective_cost) from marts.fct_gpu_hours"
    )
