"""AWS offers through the real boto3 client against a local server (see ``aws_price_server``)."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import boto3
import pytest
from aws_price_server import AwsPrices, aws_price_server, product
from token_pricing import SEEDS

from ingest.errors import ConfigError, DeliveryError, TransientError
from ingest.prices.aws_pricing import fetch_aws_offers
from ingest.prices.gpu_names import read_gpu_names
from ingest.prices.gpu_offers import GpuOffer, read_gpu_offers, read_instance_types
from ingest.prices.refresh import refresh_prices

TODAY = date(2026, 11, 22)


def at(day: int, hour: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, tzinfo=UTC)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[AwsPrices]:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    prices = AwsPrices(
        products=[
            product("p5.48xlarge", "55.04", reserved={"1yr": "41.61", "3yr": "23.78"}),
            product("p5.48xlarge", "0.0000000000", capacitystatus="AllocatedCapacityReservation"),
            product("p5.48xlarge", "33.00", marketoption="CapacityBlock"),
            product("g6.xlarge", "0.8048"),
            product("g6.xlarge", "0.9", region="eu-central-1"),
            product("x9.12xlarge", "40", effective="2026-10-01T00:00:00Z"),
            product("g4ad.xlarge", "0.379"),
        ],
        instance_types={
            "x9.12xlarge": ("B200", 8, 183_296, 192, 2_097_152),
            "g4ad.xlarge": ("Radeon Pro V520", 1, 8192, 4, 16_384),
        },
        spot=[
            ("g6.xlarge", "us-east-1a", "0.30", at(19, 8)),
            ("g6.xlarge", "us-east-1a", "0.35", at(21, 9)),
            ("g6.xlarge", "us-east-1b", "0.32", at(18)),
        ],
    )
    with aws_price_server(prices) as running:
        monkeypatch.setenv("AWS_ENDPOINT_URL", running.endpoint)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
        yield running


def fetch(**changes: object) -> dict[tuple[str, str], list[GpuOffer]]:
    arguments = {
        "region": "us-east-1",
        "today": TODAY,
        "known": read_instance_types(SEEDS, provider="aws"),
        "names": read_gpu_names(SEEDS),
        "session": boto3.Session(),
    }
    offers: dict[tuple[str, str], list[GpuOffer]] = {}
    for offer in fetch_aws_offers(**(arguments | changes)):  # type: ignore[arg-type]
        offers.setdefault((offer.key.sku, offer.key.channel), []).append(offer)
    return offers


def test_offers_hold_on_demand_and_no_upfront_reservations_only(aws: AwsPrices) -> None:
    offers = fetch()
    prices = {key: [offer.price_usd for offer in group] for key, group in offers.items()}
    assert prices["p5.48xlarge", "on_demand"] == [Decimal("55.04")]
    assert prices["p5.48xlarge", "reserved_1y"] == [Decimal("41.61")]
    assert prices["p5.48xlarge", "reserved_3y"] == [Decimal("23.78")]
    assert offers["p5.48xlarge", "on_demand"][0].usd_per_gpu_hour == Decimal("6.88")
    assert aws.calls.count("GetProducts") == 2, "four products in two pages"


def test_unknown_machine_is_described_by_ec2_and_its_gpu_normalised(aws: AwsPrices) -> None:
    machine = fetch()["x9.12xlarge", "on_demand"][0].machine
    assert (machine.gpu_model, machine.gpu_count, machine.vcpus) == ("B200", 8, 192)
    assert (machine.gpu_memory_gib_each, machine.memory_gib) == (180, 2048)


def test_gpu_without_a_name_rule_is_left_out_with_a_warning(
    aws: AwsPrices, caplog: pytest.LogCaptureFixture
) -> None:
    assert ("g4ad.xlarge", "on_demand") not in fetch()
    assert "Radeon Pro V520" in caplog.text


def test_spot_changes_become_daily_intervals_of_the_cheapest_zone(aws: AwsPrices) -> None:
    spot = fetch(spot_days=3)["g6.xlarge", "spot"]
    steps = [(o.valid_from.day, o.valid_to.day if o.valid_to else None, str(o.price_usd)) for o in spot]
    assert steps == [(19, 20, "0.32"), (20, 21, "0.30"), (21, 22, "0.30"), (22, None, "0.32")]


@pytest.mark.parametrize(
    ("code", "error"), [("AccessDeniedException", ConfigError), ("ThrottlingException", TransientError)]
)
def test_refusal_and_throttle_are_told_apart(aws: AwsPrices, code: str, error: type[Exception]) -> None:
    aws.refuse_with = code
    with pytest.raises(error, match=code):
        fetch()


def test_wrong_region_says_so(aws: AwsPrices) -> None:
    with pytest.raises(DeliveryError, match="mars-1"):
        fetch(region="mars-1")


def test_refresh_closes_the_moved_price_and_repeats_without_a_change(aws: AwsPrices, tmp_path: Path) -> None:
    shutil.copytree(SEEDS, tmp_path / "seeds")
    seed = tmp_path / "seeds" / "prices" / "gpu_offers.csv"
    first = refresh_prices(tmp_path / "seeds", what={"aws"}, today=TODAY)
    assert first.files == ("prices/gpu_offers.csv",)
    assert "closed aws g4dn.xlarge us-east-1 on_demand: 0.526 USD ends on 2026-11-22" in first.lines
    aws.products[0] = product("p5.48xlarge", "44.00", effective="2026-12-01T00:00:00Z")
    moved = refresh_prices(tmp_path / "seeds", what={"aws"}, today=date(2026, 12, 2))
    assert any("55.04 -> 44.00 USD from 2026-12-01 (-20.1 %)" in line for line in moved.lines)
    rows = [o for o in read_gpu_offers(seed) if o.key.sku == "p5.48xlarge" and o.key.channel == "on_demand"]
    assert [(str(o.price_usd), o.valid_from, o.valid_to) for o in rows] == [
        ("98.32", date(2023, 7, 26), date(2025, 6, 1)),
        ("55.04", date(2025, 6, 1), date(2026, 12, 1)),
        ("44", date(2026, 12, 1), None),
    ]
    after = seed.read_bytes()
    again = refresh_prices(tmp_path / "seeds", what={"aws"}, today=date(2026, 12, 2))
    assert (again.changed, again.added, again.files) == (0, 0, ())
    assert seed.read_bytes() == after
