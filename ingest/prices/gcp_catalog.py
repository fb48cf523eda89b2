"""GPU offers of Google Cloud, summed from the SKUs of the Cloud Billing Catalog.

No price of a machine exists there: a machine costs its vCPU hours + memory GiB hours + GPU hours + local SSD
GiB months / 730. SKUs are recognised by their description, per way of buying; a shape is offered only when
every part of it is priced exactly once, so a missing part never makes a machine cheap. Blackwell machines are
priced per GPU slice, everything included. Left out: sole tenancy, reservations, custom shapes, suspended
time, and on-demand prices of shapes that cannot be bought so.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from google.api_core.exceptions import GoogleAPICallError, RetryError, ServerError, TooManyRequests
from google.auth.exceptions import GoogleAuthError
from google.cloud import billing_v1

from ingest.errors import ConfigError, DeliveryError, TcoError, TransientError
from ingest.prices.gpu_offers import GpuOffer, Machine, OfferKey

logger = logging.getLogger(__name__)

PROVIDER = "gcp"
COMPUTE_ENGINE = "services/6F81-5844-456A"
SOURCE = ("Google Cloud Billing Catalog API", "https://cloud.google.com/billing/v1/how-tos/catalog-api")
HOURS_PER_MONTH = Decimal(730)
NANO = Decimal(10) ** -9
LEFT_OUT = re.compile(r"sole tenancy|reserved|premium|custom|suspended|dws|calendar mode", re.IGNORECASE)
UNITS_PER_HOUR = {"h": Decimal(1), "GiBy.h": Decimal(1), "GiBy.mo": 1 / HOURS_PER_MONTH}


@dataclass(frozen=True, kw_only=True)
class Shape:
    """How a machine family is named in SKU descriptions.

    ``series`` is the word before "Instance Core"; None means the GPU SKU is a slice with everything in it.
    ``channels`` are the ways the family is really sold.
    """

    series: str | None
    gpu: str
    local_ssd_gib_per_gpu: int = 0
    channels: tuple[str, ...] = ("on_demand", "spot", "reserved_1y", "reserved_3y")


WITHOUT_ON_DEMAND = ("spot", "reserved_1y", "reserved_3y")
SHAPES: Mapping[str, Shape] = {
    "a2-highgpu": Shape(series="A2", gpu="Nvidia Tesla A100 GPU"),
    "a2-megagpu": Shape(series="A2", gpu="Nvidia Tesla A100 GPU"),
    "a2-ultragpu": Shape(series="A2", gpu="Nvidia Tesla A100 80GB GPU", local_ssd_gib_per_gpu=375),
    "a3-highgpu": Shape(series="A3", gpu="Nvidia H100 80GB GPU", local_ssd_gib_per_gpu=750),
    "a3-megagpu": Shape(
        series="A3 ?Plus", gpu="Nvidia H100 80GB (?:Mega|Plus) GPU", local_ssd_gib_per_gpu=750
    ),
    "a4-highgpu": Shape(series=None, gpu=r"A4 Nvidia B200 \(1 gpu slice\)", channels=WITHOUT_ON_DEMAND),
    "g2-standard": Shape(series="G2", gpu="Nvidia L4 GPU"),
}
NOT_ON_DEMAND = ("a3-highgpu-1g", "a3-highgpu-2g", "a3-highgpu-4g")
USAGE_TYPES = {
    "on_demand": "OnDemand",
    "spot": "Preemptible",
    "reserved_1y": "Commit1Yr",
    "reserved_3y": "Commit3Yr",
}


@dataclass(frozen=True, kw_only=True)
class Rate:
    """One SKU as needed here: description, way of buying, USD per hour of one unit."""

    description: str
    usage_type: str
    usd_per_hour: Decimal


def fetch_gcp_offers(
    *,
    region: str,
    today: date,
    known: Mapping[str, Machine],
    client: billing_v1.CloudCatalogClient | None = None,
) -> list[GpuOffer]:
    """All GPU machines of ``known`` (``instance_types.csv``) that the catalogue prices completely in one
    region.

    Raises:
        ConfigError: no credentials or no permission. TransientError: unreachable or throttled.
        DeliveryError: no machine could be priced (the descriptions changed, or the region is wrong).
    """
    try:
        client = client or billing_v1.CloudCatalogClient()
        rates = [
            rate
            for sku in client.list_skus(parent=COMPUTE_ENGINE)
            if (rate := _rate(sku, region)) is not None
        ]
    except (GoogleAPICallError, GoogleAuthError, RetryError) as error:
        raise _gcp_error(error, region) from error
    offers = list(_offers(rates, region, known, today))
    if not offers:
        raise DeliveryError(
            "The Google price catalogue prices no GPU machine completely",
            where={"region": region},
            found=f"{len(rates)} usable SKUs",
            fix="check the region; if it is right, the descriptions changed: see SHAPES in gcp_catalog.py",
        )
    return offers


def _rate(sku: billing_v1.Sku, region: str) -> Rate | None:
    """The SKU's price after any free tier, or None when it is of no use here."""
    if region not in sku.service_regions or LEFT_OUT.search(sku.description) or not sku.pricing_info:
        return None
    expression = sku.pricing_info[0].pricing_expression
    per_hour = UNITS_PER_HOUR.get(expression.usage_unit)
    tiers = sorted(expression.tiered_rates, key=lambda tier: tier.start_usage_amount)
    prices = [Decimal(tier.unit_price.units) + tier.unit_price.nanos * NANO for tier in tiers]
    charged = next((price for price in prices if price), None)
    if per_hour is None or charged is None:
        return None
    return Rate(
        description=sku.description, usage_type=sku.category.usage_type, usd_per_hour=charged * per_hour
    )


def _offers(
    rates: Iterable[Rate], region: str, known: Mapping[str, Machine], today: date
) -> Iterator[GpuOffer]:
    rates = list(rates)
    for name, machine in sorted(known.items()):
        shape = SHAPES.get(name.rsplit("-", 1)[0])
        for channel in shape.channels if shape else ():
            if shape is None or (channel == "on_demand" and name in NOT_ON_DEMAND):
                continue
            price = _machine_price(shape, machine, channel, rates)
            if price is None:
                logger.info("gcp %s %s in %s: not every part has one price, left out", name, channel, region)
                continue
            yield GpuOffer(
                key=OfferKey(provider=PROVIDER, sku=name, region=region, channel=channel),
                machine=machine,
                price_usd=price,
                valid_from=today,
                valid_to=None,
                source=SOURCE[0],
                source_url=SOURCE[1],
                as_of=today,
            )


def _machine_price(shape: Shape, machine: Machine, channel: str, rates: Iterable[Rate]) -> Decimal | None:
    """USD per hour of the whole machine, None unless each part has exactly one price."""
    total = Decimal(0)
    for part, quantity in _parts(shape, machine):
        pattern = re.compile(_description(part, shape, channel), re.IGNORECASE)
        usage_types = {USAGE_TYPES[channel]} | (
            {"OnDemand"} if part == "ssd" and channel == "spot" else set()
        )
        found = {
            r.usd_per_hour for r in rates if r.usage_type in usage_types and pattern.fullmatch(r.description)
        }
        if len(found) != 1:
            return None
        total += quantity * found.pop()
    return total.quantize(NANO)


def _parts(shape: Shape, machine: Machine) -> Iterator[tuple[str, Decimal]]:
    yield "gpu", machine.gpu_count
    if shape.series is not None:
        yield "core", machine.vcpus or Decimal(0)
        yield "ram", machine.memory_gib or Decimal(0)
    if shape.local_ssd_gib_per_gpu:
        yield "ssd", machine.gpu_count * shape.local_ssd_gib_per_gpu


def _description(part: str, shape: Shape, channel: str) -> str:
    """Pattern of the SKU description of a part, in one way of buying."""
    name = {"gpu": shape.gpu, "core": f"{shape.series} Instance Core", "ram": f"{shape.series} Instance Ram"}
    if channel in ("reserved_1y", "reserved_3y"):
        committed = {
            "gpu": shape.gpu,
            "core": f"{shape.series} Cpu",
            "ram": f"{shape.series} Ram",
            "ssd": "Local SSD",
        }
        years = "1 Year" if channel == "reserved_1y" else "3 Years?"
        return rf"Commitment v1: {committed[part]} (?:running )?in .+ for {years}"
    if part == "ssd":
        return r"SSD backed Local Storage" + (
            r" attached to (?:Spot )?Preemptible VMs(?: in .+)?" if channel == "spot" else r"(?: in .+)?"
        )
    if channel == "spot":
        return rf"(?:Spot Preemptible )?{name[part]}(?: attached to Spot Preemptible VMs)? running in .+"
    return rf"{name[part]} running in .+"


def _gcp_error(error: Exception, region: str) -> TcoError:
    where = {"provider": "Google Cloud", "region": region}
    found = type(error).__name__
    if isinstance(error, (ServerError, TooManyRequests, RetryError)):
        return TransientError(
            "The Google price catalogue did not answer", where=where, found=found, fix="try again later"
        )
    return ConfigError(
        "Google refused the price request",
        where=where,
        found=found,
        expected="Application Default Credentials with access to the Cloud Billing API",
        fix="use a service account (GOOGLE_APPLICATION_CREDENTIALS) that may read the billing catalogue",
    )
