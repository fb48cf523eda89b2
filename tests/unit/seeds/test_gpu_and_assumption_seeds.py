"""GPU reference seeds and assumptions: complete, unique, and within the ranges they state."""

from __future__ import annotations

import re
from collections import Counter
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from ingest.prices.gpu_names import COLUMNS as NAME_COLUMNS
from ingest.prices.gpu_names import GPU_NAMES_FILE, read_gpu_names
from ingest.prices.gpu_offers import read_instance_types
from ingest.prices.seed_csv import read_seed

SEEDS = Path(__file__).parents[3] / "seeds"
PROVIDERS = ("aws", "azure", "gcp", "oci")


def rows(name: str, *columns: str) -> list[dict[str, str]]:
    return read_seed(SEEDS / name, columns=columns)


@pytest.mark.parametrize(
    ("provider", "instance_type", "gpu_model", "gpu_count", "gib"),
    [
        ("aws", "p5.48xlarge", "H100", 8, 80),
        ("aws", "p4d.24xlarge", "A100", 8, 40),
        ("aws", "p4de.24xlarge", "A100", 8, 80),
        ("aws", "g5.48xlarge", "A10G", 8, 24),
        ("aws", "g6.12xlarge", "L4", 4, 24),
        ("aws", "g6e.12xlarge", "L40S", 4, 48),
        ("gcp", "a3-highgpu-8g", "H100", 8, 80),
        ("gcp", "a2-ultragpu-1g", "A100", 1, 80),
        ("gcp", "g2-standard-48", "L4", 4, 24),
        ("azure", "Standard_ND96isr_H100_v5", "H100", 8, 80),
        ("azure", "Standard_NC40ads_H100_v5", "H100 NVL", 1, 94),
    ],
)
def test_machine_holds_the_gpus_its_vendor_states(
    provider: str, instance_type: str, gpu_model: str, gpu_count: int, gib: int
) -> None:
    machine = read_instance_types(SEEDS, provider=provider)[instance_type]
    assert (machine.gpu_model, machine.gpu_count, machine.gpu_memory_gib_each) == (gpu_model, gpu_count, gib)


def test_machines_are_unique_and_their_gpus_named() -> None:
    listed = Counter(
        (row["provider"], row["instance_type"]) for row in rows("gpu/instance_types.csv", "provider")
    )
    assert max(listed.values()) == 1
    known = {gpu.gpu_model for _, gpu in read_gpu_names(SEEDS).rules}
    for provider in PROVIDERS:
        for name, machine in read_instance_types(SEEDS, provider=provider).items():
            assert machine.gpu_model in known and machine.gpu_count > 0, name
            assert machine.vcpus and machine.memory_gib and machine.gpu_memory_gib_each, name


def test_name_patterns_are_ordered_lower_case_expressions() -> None:
    names = rows(GPU_NAMES_FILE, *NAME_COLUMNS)
    priorities = [int(row["priority"]) for row in names]
    assert priorities == sorted(set(priorities))
    for row in names:
        re.compile(row["pattern"])
        literal = re.sub(r"\\[a-z]", "", row["pattern"])
        assert literal == literal.lower(), row["pattern"]


TELEMETRY = {
    "DCGM_FI_DEV_GPU_UTIL": ("gpu_util", "0.01"),
    "DCGM_FI_DEV_GPU_UTIL_RATIO": ("gpu_util", "1"),
    "DCGM_FI_DEV_MEM_COPY_UTIL": ("mem_copy_util", "0.01"),
    "DCGM_FI_DEV_MEMORY_UTIL_RATIO": ("mem_copy_util", "1"),
    "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION": ("energy_j", "0.001"),
    "DCGM_FI_DEV_GPU_ENERGY_JOULES_TOTAL": ("energy_j", "1"),
    "DCGM_FI_DEV_POWER_USAGE": ("power_w", "1"),
    "DCGM_FI_DEV_BOARD_POWER_WATTS": ("power_w", "1"),
    "DCGM_FI_DEV_FB_USED": ("fb_used_bytes", "1048576"),
    "DCGM_FI_DEV_FB_USED_BYTES": ("fb_used_bytes", "1"),
    "DCGM_FI_DEV_SM_CLOCK": ("sm_clock_hz", "1000000"),
    "DCGM_FI_DEV_SM_CLOCK_HERTZ": ("sm_clock_hz", "1"),
    "DCGM_FI_PROF_GR_ENGINE_ACTIVE": ("gr_engine_active", "1"),
    "DCGM_FI_PROF_GR_ENGINE_UTIL_RATIO": ("gr_engine_active", "1"),
    "DCGM_FI_PROF_PIPE_TENSOR_ACTIVE": ("tensor_active", "1"),
    "DCGM_FI_PROF_TENSOR_UTIL_RATIO": ("tensor_active", "1"),
    "vllm:prompt_tokens_total": ("prompt_tokens_logical", "1"),
    "vllm:generation_tokens_total": ("generation_tokens", "1"),
    "vllm:kv_cache_usage_perc": ("kv_cache_usage", "1"),
    "vllm:gpu_cache_usage_perc": ("kv_cache_usage", "1"),
}


def test_both_telemetry_generations_lead_to_one_measure_with_its_factor() -> None:
    measures = rows("gpu/telemetry_measures.csv", "metric", "measure", "factor", "kind", "unit_to")
    by_metric = {row["metric"]: row for row in measures}
    assert len(by_metric) == len(measures)
    assert {name: (by_metric[name]["measure"], by_metric[name]["factor"]) for name in TELEMETRY} == TELEMETRY
    units: dict[str, set[str]] = {}
    for row in measures:
        assert row["kind"] in ("gauge", "counter") and Decimal(row["factor"]) > 0
        units.setdefault(row["measure"], set()).add(row["unit_to"])
    assert all(len(found) == 1 for found in units.values()), "one measure has one unit"


def test_throughput_anchors_are_positive_and_name_their_entry() -> None:
    known = {gpu.gpu_model for _, gpu in read_gpu_names(SEEDS).rules}
    anchors = rows(
        "gpu/throughput.csv", "gpu_model", "model", "scenario", "output_tok_s_per_gpu", "source_id"
    )
    for row in anchors:
        assert row["gpu_model"] in known and Decimal(row["output_tok_s_per_gpu"]) > 0, row
        assert row["source_id"] and row["source_url"].startswith("https://"), row
    keyed = Counter((r["gpu_model"], r["model"], r["gpus_per_replica"], r["scenario"]) for r in anchors)
    assert max(keyed.values()) == 1
    llama2 = next(
        r
        for r in anchors
        if (r["gpu_model"], r["model"], r["scenario"]) == ("B200", "llama-2-70b-chat", "mlperf_server")
    )
    assert round(Decimal(llama2["output_tok_s_per_gpu"])) == 12397, (
        "median of MLPerf v5.1, llama2-70b-99 Server"
    )


def test_assumptions_are_dated_unique_and_inside_their_range() -> None:
    columns = (
        "assumption_id",
        "scope",
        "value",
        "unit",
        "evidence",
        "valid_from",
        "valid_to",
        "source",
        "as_of",
    )
    assumptions = rows("assumptions/assumptions.csv", *columns)
    assert max(Counter((r["assumption_id"], r["scope"], r["valid_from"]) for r in assumptions).values()) == 1
    for row in assumptions:
        value = Decimal(row["value"])
        assert row["evidence"] in ("modelled", "assumed") and row["source"] and row["unit"], row
        assert not row["value_low"] or Decimal(row["value_low"]) <= value, row
        assert not row["value_high"] or value <= Decimal(row["value_high"]), row
        date.fromisoformat(row["valid_from"])


def test_labour_per_gpu_hour_follows_from_its_parts() -> None:
    values = {r["assumption_id"]: Decimal(r["value"]) for r in rows("assumptions/assumptions.csv", "value")}
    expected = values["labour_fte_per_node"] * values["labour_usd_per_fte_year"] / (8 * 8760)
    assert abs(values["labour_usd_per_gpu_hour"] - expected) < Decimal("1e-9")


def test_tco_components_are_unique_and_carry_an_evidence() -> None:
    components = rows(
        "assumptions/tco_components.csv", "tco_component", "component_group", "evidence_default"
    )
    assert max(Counter(row["tco_component"] for row in components).values()) == 1
    assert {row["evidence_default"] for row in components} <= {"invoiced", "metered", "modelled", "assumed"}
