"""GPU offers of AWS: on-demand and reserved prices from the Price List API, spot prices from EC2.

Shapes: ``pricing:GetProducts`` answers JSON strings with ``product.attributes`` and ``terms``; prices are
decimal strings. Without ``marketoption=OnDemand`` capacity-block rows leak in. ``ec2:DescribeInstanceTypes``
names the GPUs; ``ec2:DescribeSpotPriceHistory`` lists changes only, with the last one before the window, per
availability zone. Credentials and endpoints come from boto3's own default chain.
"""

from __future__ import annotations

import json
import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, NoRegionError

from ingest.errors import ConfigError, DeliveryError, TcoError, TransientError
from ingest.prices.gpu_names import GpuNameRules
from ingest.prices.gpu_offers import GpuOffer, Machine, OfferKey

logger = logging.getLogger(__name__)

PROVIDER = "aws"
PRICING_REGION = "us-east-1"
PRICE_LIST = (
    "AWS Price List API",
    "https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/price-changes.html",
)
SPOT_HISTORY = ("AWS EC2 spot price history", "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/")
PRODUCT_FILTERS = {
    "instanceFamily": "GPU instance",
    "operatingSystem": "Linux",
    "tenancy": "Shared",
    "preInstalledSw": "NA",
    "capacitystatus": "Used",
    "marketoption": "OnDemand",
}
LEASE_CHANNELS = {"1yr": "reserved_1y", "3yr": "reserved_3y"}
THROTTLES = ("Throttling", "ThrottlingException", "RequestLimitExceeded", "TooManyRequestsException")
TYPES_PER_CALL = 100


@dataclass(frozen=True, kw_only=True)
class HourlyRate:
    """A price of one instance type: how it is bought, USD per hour, and since when AWS says it holds."""

    instance_type: str
    channel: str
    usd: Decimal
    effective_on: date


def fetch_aws_offers(
    *,
    region: str,
    today: date,
    known: Mapping[str, Machine],
    names: GpuNameRules,
    spot_days: int = 1,
    session: boto3.Session | None = None,
) -> list[GpuOffer]:
    """All GPU offers of one region.

    Args:
        region: AWS region code.
        today: last day of the answer (UTC).
        known: machines of ``instance_types.csv``; types it lacks are read from EC2 and the GPU name rules.
        spot_days: how many days of spot history before ``today`` to turn into dated prices.
        session: boto3 session, default chain if omitted.

    Raises:
        ConfigError: no credentials or no permission. TransientError: throttled or unreachable.
        DeliveryError: the price list holds no GPU machine for the region.
    """
    session = session or boto3.Session()
    try:
        rates = list(_list_rates(session.client("pricing", region_name=PRICING_REGION), region))
        if not rates:
            raise DeliveryError(
                "The AWS price list has no GPU machine for the region",
                where={"region": region},
                expected="at least one product of family GPU instance",
                fix="check the region code",
            )
        ec2 = session.client("ec2", region_name=region)
        types = sorted({rate.instance_type for rate in rates})
        machines = dict(known) | _describe_machines(ec2, [name for name in types if name not in known], names)
        spot = list(_spot_rates(ec2, types, today, spot_days))
    except (BotoCoreError, ClientError) as error:
        raise _aws_error(error, region) from error
    source = [(rates, PRICE_LIST), (spot, SPOT_HISTORY)]
    return [o for group, origin in source for o in _offers(group, region, machines, origin, today)]


def _list_rates(pricing: Any, region: str) -> Iterator[HourlyRate]:
    filters = PRODUCT_FILTERS | {"regionCode": region}
    pages = pricing.get_paginator("get_products").paginate(
        ServiceCode="AmazonEC2",
        FormatVersion="aws_v1",
        Filters=[{"Type": "TERM_MATCH", "Field": field, "Value": value} for field, value in filters.items()],
    )
    for page in pages:
        for text in page["PriceList"]:
            product = json.loads(text)
            name = product["product"]["attributes"]["instanceType"]
            for term in product["terms"].get("OnDemand", {}).values():
                yield from _term_rate(name, "on_demand", term)
            for term in product["terms"].get("Reserved", {}).values():
                lease = term.get("termAttributes", {})
                channel = LEASE_CHANNELS.get(lease.get("LeaseContractLength", ""))
                plain = (lease.get("OfferingClass"), lease.get("PurchaseOption")) == (
                    "standard",
                    "No Upfront",
                )
                if channel and plain:
                    yield from _term_rate(name, channel, term)


def _term_rate(name: str, channel: str, term: Mapping[str, Any]) -> Iterator[HourlyRate]:
    """Hourly dimensions in USD; zero prices are rows that cannot be bought."""
    for dimension in term["priceDimensions"].values():
        usd = Decimal(dimension["pricePerUnit"].get("USD", "0"))
        if dimension["unit"] == "Hrs" and usd:
            effective_on = datetime.fromisoformat(term["effectiveDate"]).date()
            yield HourlyRate(instance_type=name, channel=channel, usd=usd, effective_on=effective_on)


def _describe_machines(ec2: Any, types: list[str], names: GpuNameRules) -> dict[str, Machine]:
    """Machines EC2 can describe; a GPU that no name rule knows is left out, with a warning."""
    machines: dict[str, Machine] = {}
    for start in range(0, len(types), TYPES_PER_CALL):
        wanted = {"Name": "instance-type", "Values": types[start : start + TYPES_PER_CALL]}
        for page in ec2.get_paginator("describe_instance_types").paginate(Filters=[wanted]):
            for answer in page["InstanceTypes"]:
                machine = _machine(answer, names)
                if machine is not None:
                    machines[answer["InstanceType"]] = machine
    return machines


def _machine(answer: Mapping[str, Any], names: GpuNameRules) -> Machine | None:
    gpus = answer.get("GpuInfo", {}).get("Gpus", [])
    found = names.find(gpus[0]["Name"]) if gpus else None
    if found is None:
        raw = gpus[0]["Name"] if gpus else "unknown"
        logger.warning("aws %s: GPU %s is not in gpu_names.csv, left out", answer["InstanceType"], raw)
        return None
    gib = Decimal(gpus[0]["MemoryInfo"]["SizeInMiB"]) / 1024
    return Machine(
        gpu_model=found.gpu_model,
        gpu_count=Decimal(gpus[0]["Count"]) * Decimal(str(gpus[0].get("GpuPartitionSize", 1))),
        gpu_memory_gib_each=found.vram_gb or gib.quantize(Decimal(1)),
        vcpus=Decimal(answer["VCpuInfo"]["DefaultVCpus"]),
        memory_gib=Decimal(answer["MemoryInfo"]["SizeInMiB"]) / 1024,
    )


def _spot_rates(ec2: Any, types: list[str], today: date, days: int) -> Iterator[HourlyRate]:
    """Per type and day the lowest zone price in force when the day began (for the first day: the first
    known).
    """
    start = datetime.combine(today - timedelta(days=days), time(), UTC)
    changes: dict[tuple[str, str], list[tuple[datetime, Decimal]]] = defaultdict(list)
    pages = ec2.get_paginator("describe_spot_price_history").paginate(
        InstanceTypes=types,
        ProductDescriptions=["Linux/UNIX"],
        StartTime=start,
        EndTime=datetime.combine(today, time(), UTC),
    )
    for page in pages:
        for row in page["SpotPriceHistory"]:
            step = (row["Timestamp"], Decimal(row["SpotPrice"]))
            changes[row["InstanceType"], row["AvailabilityZone"]].append(step)
    for name in sorted({name for name, _ in changes}):
        zones = [sorted(steps) for (owner, _), steps in changes.items() if owner == name]
        for offset in range(days + 1):
            moment = start + timedelta(days=offset)
            prices = [price for steps in zones if (price := _in_force(steps, moment)) is not None]
            if prices:
                yield HourlyRate(
                    instance_type=name, channel="spot", usd=min(prices), effective_on=moment.date()
                )


def _in_force(steps: Iterable[tuple[datetime, Decimal]], moment: datetime) -> Decimal | None:
    return next((price for at, price in reversed(list(steps)) if at <= moment), None)


def _offers(
    rates: Iterable[HourlyRate],
    region: str,
    machines: Mapping[str, Machine],
    origin: tuple[str, str],
    today: date,
) -> Iterator[GpuOffer]:
    """Rates as dated offers: each holds until the next one of its key."""
    steps: dict[OfferKey, dict[date, Decimal]] = defaultdict(dict)
    for rate in rates:
        if rate.instance_type in machines:
            key = OfferKey(provider=PROVIDER, sku=rate.instance_type, region=region, channel=rate.channel)
            steps[key][rate.effective_on] = rate.usd
    for key, dated in steps.items():
        starts = sorted(dated)
        for start, end in zip(starts, [*starts[1:], None], strict=True):
            yield GpuOffer(
                key=key,
                machine=machines[key.sku],
                price_usd=dated[start],
                valid_from=start,
                valid_to=end,
                source=origin[0],
                source_url=origin[1],
                as_of=today,
            )


def _aws_error(error: BotoCoreError | ClientError, region: str) -> TcoError:
    where = {"provider": "AWS", "region": region}
    code = error.response["Error"]["Code"] if isinstance(error, ClientError) else type(error).__name__
    if code in THROTTLES:
        return TransientError(
            "AWS throttles the price requests", where=where, found=code, fix="try again later"
        )
    if isinstance(error, (ClientError, NoCredentialsError, NoRegionError)):
        return ConfigError(
            "AWS refused the price request",
            where=where,
            found=code,
            expected="pricing:GetProducts, ec2:DescribeInstanceTypes, ec2:DescribeSpotPriceHistory allowed",
            fix="give credentials through boto3's default chain (environment, profile or role)",
        )
    return TransientError(
        "AWS could not be reached", where=where, found=code, fix="check the network and try again"
    )
