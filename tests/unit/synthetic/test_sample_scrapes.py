"""Any scrape step tells the same truth: two days of the fleet, scraped every 360, 60 and 30 seconds."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest

from ingest.billing_period import BillingPeriod
from ingest.errors import ConfigError
from ingest.synthetic import fleet, prometheus, truth_gpu, truth_usage
from ingest.synthetic.generate import generate
from ingest.synthetic.series import make_series
from ingest.synthetic.window import Month
from ingest.synthetic.world import World, open_world
from tests.unit.synthetic.deliveries import cur, series

DAYS = (date(2026, 10, 1), date(2026, 10, 2))
MONTH = Month(period=BillingPeriod.parse("2026-10"), first=DAYS[0], end=DAYS[-1] + timedelta(days=1))


@dataclass(frozen=True)
class Scraped:
    """Two days below ``out``, the number of samples, and the session that made them."""

    out: Path
    samples: int
    step: int
    world: World


def scrape(out: Path, step: int) -> Scraped:
    world = open_world(seed=42, scale=1, step_seconds=step)
    fleet.make_node_slots(world, MONTH.first - timedelta(days=fleet.RUN_DAYS), MONTH.end)
    fleet.make_pod_slots(world)
    fleet.make_engine_slots(world, MONTH.first, MONTH.end, continues=False)
    fleet.make_gpu_slots(world, MONTH.first, MONTH.end)
    truth_gpu.start_gpu_truth(world)
    truth_gpu.add_gpu_truth(world, MONTH)
    truth_usage.start_engine_truth(world)
    truth_usage.collect_engine_truth(world, MONTH)
    make_series(world)
    return Scraped(out, prometheus.write_prometheus(world, DAYS, out), step, world)


@pytest.fixture(scope="module", params=(360, 60, 30))
def scraped(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Scraped:
    return scrape(tmp_path_factory.mktemp("scraped"), request.param)


@pytest.fixture(scope="module")
def slots(tmp_path_factory: pytest.TempPathFactory) -> Scraped:
    """One scrape a slot."""
    return scrape(tmp_path_factory.mktemp("slots"), 360)


def delivered(out: Path, exporter: str) -> list[tuple[dict[str, str], list[tuple[int, str]]]]:
    return list(series(out, "2026-10", f"{exporter}*.json"))


@pytest.mark.parametrize("exporter", ["dcgm", "vllm"])
def test_a_shorter_step_gives_more_samples_of_the_same_series(scraped: Scraped, slots: Scraped, exporter: str) -> None:
    fine, coarse = delivered(scraped.out, exporter), delivered(slots.out, exporter)
    assert [labels for labels, _ in fine] == [labels for labels, _ in coarse]
    assert [len(points) * scraped.step for _, points in fine] == [len(points) * 360 for _, points in coarse]


def test_samples_are_counted_and_a_step_apart(scraped: Scraped) -> None:
    all_points = [points for exporter in ("dcgm", "vllm") for _, points in delivered(scraped.out, exporter)]
    assert sum(map(len, all_points)) == scraped.samples
    spacings = Counter(later - earlier for points in all_points for (earlier, _), (later, _) in pairwise(points))
    assert spacings[scraped.step] > 0.99 * spacings.total()


def test_seconds_of_the_samples_are_the_true_gpu_states(scraped: Scraped) -> None:
    """GPUs with profiling: no workload is unallocated; activity is productive, the rest of busy time is not."""
    seconds: Counter[tuple[str, str]] = Counter()
    for labels, points in delivered(scraped.out, "dcgm"):
        if labels["__name__"] != "DCGM_FI_PROF_GR_ENGINE_ACTIVE" or labels.get("prometheus_replica") == "b":
            continue
        node = labels["Hostname"]
        for _, value in points:
            percent = int(Decimal(value) * 100)
            if "exported_pod" not in labels:
                seconds[node, "unallocated"] += scraped.step * 100
            elif percent:
                seconds[node, "productive"] += scraped.step * percent
                seconds[node, "under_utilised"] += scraped.step * (100 - percent)
            else:
                seconds[node, "idle"] += scraped.step * 100
    expected: Counter[tuple[str, str]] = Counter()
    for time in truth_gpu.gpu_times(scraped.world):
        if time.gpu_model != "A10G":
            state = "idle" if time.state in ("standby", "loading", "warm_idle") else time.state
            expected[time.node_id, state] += int(time.gpu_seconds * 100)
    assert seconds == expected


def test_increases_of_the_counters_are_the_true_tokens(scraped: Scraped) -> None:
    columns = {"prompt": "prompt_tokens", "generated": "generation_tokens", "cached": "prompt_tokens_cached"}
    last: dict[tuple[str, str], int] = {}
    grown: Counter[tuple[str, str]] = Counter()
    for labels, points in delivered(scraped.out, "vllm"):
        metric = labels["__name__"].removeprefix("vllm:").removesuffix("_total")
        if metric not in columns.values():
            continue
        for _, text in points:
            before = last.get((labels["pod"], metric), int(text))
            grown[labels["model_name"], metric] += int(text) - before if int(text) >= before else int(text)
            last[labels["pod"], metric] = int(text)
    sums = ", ".join(f"sum({column})" for column in columns)
    for model, *tokens in scraped.world.rows(f"select engine_model, {sums} from engine_truth group by engine_model"):
        assert [grown[model, metric] for metric in columns.values()] == tokens


def test_gauges_move_within_a_slot(tmp_path: Path) -> None:
    points = [
        points
        for labels, points in delivered(scrape(tmp_path, 60).out, "dcgm")
        if labels["__name__"] == "DCGM_FI_PROF_GR_ENGINE_ACTIVE" and any(Decimal(value) for _, value in points)
    ]
    moved = sum(before != after for series_points in points for (_, before), (_, after) in pairwise(series_points))
    assert moved > sum(map(len, points)) / 4


def test_large_answers_are_split_into_even_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, slots: Scraped) -> None:
    monkeypatch.setattr(prometheus, "FILE_BYTES", 300_000)
    parts = scrape(tmp_path, 360).out
    names = sorted(path.name for path in (parts / "prometheus" / "2026-10-01").iterdir())
    assert names == ["dcgm-000.json", "dcgm-001.json", "vllm-000.json", "vllm-001.json"]
    sizes = [path.stat().st_size for path in parts.rglob("*.json")]
    assert max(sizes) < 300_000 and min(sizes) > 150_000
    assert delivered(parts, "dcgm") == delivered(slots.out, "dcgm")
    assert delivered(parts, "vllm") == delivered(slots.out, "vllm")


def test_bulk_grows_requests_and_lines_but_not_the_fleet(sample: Path, tmp_path: Path) -> None:
    bulk = tmp_path / "bulk"
    generate(bulk, months=1, end_month="2026-10", is_bulk=True)
    log, answer = Path("litellm", "spend_logs_2026-10-07.jsonl"), Path("prometheus", "2026-10-07", "dcgm.json")
    assert len((bulk / log).read_text().splitlines()) == 20 * len((sample / log).read_text().splitlines())
    assert (bulk / answer).read_bytes() == (sample / answer).read_bytes()
    [(plain_lines,)], [(bulk_lines,)] = (cur(folder, "2026-10", "select count(*) from lines") for folder in (sample, bulk))
    assert bulk_lines > 2 * plain_lines


def test_every_scale_is_delivered_as_json(tmp_path: Path) -> None:
    folder = tmp_path / "grown"
    generate(folder, months=1, scale=2)
    assert {path.suffix for path in (folder / "prometheus").rglob("*") if path.is_file()} == {".json"}
    assert {path.suffix for path in (folder / "litellm").iterdir()} == {".jsonl"}
    hosts = {labels["Hostname"] for labels, _ in series(folder, "2026-10", "dcgm.json")}
    assert len(hosts) == 14
    json.loads((folder / "litellm" / "spend_logs_2026-10-01.jsonl").read_text().splitlines()[0])


@pytest.mark.parametrize("step", [0, 7, 720])
def test_a_step_that_cuts_slots_is_refused_and_nothing_is_touched(tmp_path: Path, step: int) -> None:
    out = tmp_path / "sample"
    with pytest.raises(ConfigError, match="does not divide"):
        generate(out, months=1, step_seconds=step)
    assert not out.exists()
