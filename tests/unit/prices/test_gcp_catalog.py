"""Google offers through the real catalogue client against a local gRPC server (see ``gcp_price_server``)."""

from __future__ import annotations

import shutil
from datetime import date
from decimal import Decimal
from pathlib import Path

import grpc
import pytest
from gcp_price_server import catalog_client, sku
from token_pricing import SEEDS

from ingest.errors import ConfigError, DeliveryError, TransientError
from ingest.prices.gcp_catalog import fetch_gcp_offers
from ingest.prices.gpu_offers import read_gpu_offers, read_instance_types
from ingest.prices.refresh import refresh_prices

TODAY = date(2026, 11, 22)
SPOT = "attached to Spot Preemptible VMs"

A3 = [
    sku("Nvidia H100 80GB GPU running in Americas", 9, 796_550_569),
    sku("A3 Instance Core running in Americas", 0, 29_917_000),
    sku("A3 Instance Ram running in Americas", 0, 2_606_000, unit="GiBy.h"),
    sku("SSD backed Local Storage", 0, 80_000_000, unit="GiBy.mo"),
    sku(f"Nvidia H100 80GB GPU {SPOT} running in Americas", 2, 253_000_000, usage_type="Preemptible"),
    sku("Spot Preemptible A3 Instance Core running in Americas", 0, 8_810_000, usage_type="Preemptible"),
    sku(
        "Spot Preemptible A3 Instance Ram running in Americas",
        0,
        767_000,
        usage_type="Preemptible",
        unit="GiBy.h",
    ),
    sku(f"SSD backed Local Storage {SPOT}", 0, 32_000_000, unit="GiBy.mo"),
]
NOISE = [
    sku("Reserved Nvidia H100 80GB GPU in Americas", 8, 0),
    sku("A3 Sole Tenancy Instance Core running in Americas", 0, 30_000_000),
    sku("Nvidia H100 80GB Mega GPU running in Americas", 10, 0),
    sku("Nvidia H100 80GB GPU running in Frankfurt", 11, 0, regions=("europe-west3",)),
    sku("DWS Calendar Mode Nvidia H100 80GB GPU running in Americas", 5, 0),
    sku("Nvidia L40 GPU running in Americas", 1, 0),
]
G2 = [
    sku("Nvidia L4 GPU running in Americas", 0, 560_004_000, free_until=2),
    sku("G2 Instance Core running in Americas", 0, 24_988_000),
    sku("G2 Instance Ram running in Americas", 0, 2_927_000, unit="GiBy.h"),
    sku(
        "Commitment v1: Nvidia L4 GPU running in Americas for 1 Year", 0, 353_000_000, usage_type="Commit1Yr"
    ),
    sku("Commitment v1: G2 Cpu in Americas for 1 Year", 0, 15_742_000, usage_type="Commit1Yr"),
]
A4 = [sku("A4 Nvidia B200 (1 gpu slice) running in Americas", 16, 110_000_000)]
A4_SPOT = [
    sku("Spot Preemptible A4 Nvidia B200 (1 gpu slice) running in Americas", 6, 0, usage_type="Preemptible")
]


def fetch(skus: list) -> dict[tuple[str, str], Decimal]:
    with catalog_client(skus) as client:
        known = read_instance_types(SEEDS, provider="gcp")
        offers = fetch_gcp_offers(region="us-central1", today=TODAY, known=known, client=client)
    return {(o.key.sku, o.key.channel): o.price_usd for o in offers}


def test_machine_price_is_the_sum_of_its_parts() -> None:
    prices = fetch(A3 + NOISE)
    on_demand = (
        8 * Decimal("9.796550569")
        + 208 * Decimal("0.029917")
        + 1872 * Decimal("0.002606")
        + 6000 * Decimal("0.08") / 730
    )
    spot = (
        8 * Decimal("2.253")
        + 208 * Decimal("0.00881")
        + 1872 * Decimal("0.000767")
        + 6000 * Decimal("0.032") / 730
    )
    assert prices["a3-highgpu-8g", "on_demand"] == on_demand.quantize(Decimal("1e-9"))
    assert prices["a3-highgpu-8g", "spot"] == spot.quantize(Decimal("1e-9"))


def test_shapes_that_cannot_be_bought_on_demand_have_no_such_price() -> None:
    prices = fetch(A3 + A4 + A4_SPOT)
    assert ("a3-highgpu-1g", "on_demand") not in prices
    assert ("a3-highgpu-1g", "spot") in prices
    assert ("a4-highgpu-8g", "on_demand") not in prices
    assert prices["a4-highgpu-8g", "spot"] == 48


def test_free_tier_is_skipped_and_an_incomplete_commitment_left_out() -> None:
    prices = fetch(G2)
    assert prices["g2-standard-4", "on_demand"] == Decimal("0.706788")
    assert ("g2-standard-4", "reserved_1y") not in prices, "the committed memory price is missing"


def test_two_prices_for_one_part_are_refused() -> None:
    ambiguous = [*G2, sku("Nvidia L4 GPU running in Iowa", 0, 600_000_000)]
    with pytest.raises(DeliveryError, match="no GPU machine completely"):
        fetch(ambiguous)


@pytest.mark.parametrize(
    ("status", "error"),
    [(grpc.StatusCode.PERMISSION_DENIED, ConfigError), (grpc.StatusCode.RESOURCE_EXHAUSTED, TransientError)],
)
def test_refusal_and_exhaustion_are_told_apart(status: grpc.StatusCode, error: type[Exception]) -> None:
    with catalog_client([], refuse_with=status) as client, pytest.raises(error):
        fetch_gcp_offers(region="us-central1", today=TODAY, known={}, client=client)


def test_refresh_adds_the_region_once_and_leaves_the_others(tmp_path: Path) -> None:
    shutil.copytree(SEEDS, tmp_path / "seeds")
    seed = tmp_path / "seeds" / "prices" / "gpu_offers.csv"
    before = read_gpu_offers(seed)
    with catalog_client(A3 + G2) as client:
        first = refresh_prices(tmp_path / "seeds", what={"gcp"}, today=TODAY, gcp_client=client)
        data = seed.read_bytes()
        second = refresh_prices(tmp_path / "seeds", what={"gcp"}, today=date(2026, 11, 30), gcp_client=client)
    assert first.added and not first.changed and not first.closed
    assert (second.lines, second.files) == ((), ())
    assert seed.read_bytes() == data
    assert [offer for offer in read_gpu_offers(seed) if offer.key.region != "us-central1"] == before
