"""``gpu_offers.csv``: what a GPU machine costs per hour, by provider, region and way of buying, dated.

``price_usd_per_hour`` is the whole instance; ``usd_per_gpu_hour`` divides it by the GPUs it holds (a fraction
where the machine holds a slice). ``as_of`` is the day the price was seen. The same history rules as for
tokens hold (``price_history``).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

from ingest.prices.price_history import DatedPrice
from ingest.prices.seed_csv import decimal_text, parse_decimal, read_seed, write_seed

GPU_OFFERS_FILE = "prices/gpu_offers.csv"
INSTANCE_TYPES_FILE = "gpu/instance_types.csv"
CHANNELS = ("on_demand", "spot", "marketplace", "reserved_1y", "reserved_3y", "capacity_block")
UNIT = "instance-hour"
RATE_PLACES = Decimal("1e-6")

COLUMNS = (
    "provider",
    "sku",
    "region",
    "gpu_model",
    "gpu_count",
    "gpu_memory_gib_each",
    "vcpus",
    "memory_gib",
    "unit",
    "price_usd_per_hour",
    "usd_per_gpu_hour",
    "channel",
    "valid_from",
    "valid_to",
    "source",
    "source_url",
    "as_of",
)
INSTANCE_TYPE_COLUMNS = (
    "provider",
    "instance_type",
    "gpu_model",
    "gpu_count",
    "vcpus",
    "memory_gib",
    "gpu_memory_gib_each",
    "source",
)


@dataclass(frozen=True, kw_only=True, order=True)
class OfferKey:
    """Which machine, where, and how it is bought."""

    provider: str
    sku: str
    region: str
    channel: str

    def __str__(self) -> str:
        return f"{self.provider} {self.sku} {self.region} {self.channel}"


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What an instance type holds; ``None`` where unknown. ``gpu_count`` can be a fraction."""

    gpu_model: str
    gpu_count: Decimal
    gpu_memory_gib_each: Decimal | None
    vcpus: Decimal | None
    memory_gib: Decimal | None


@dataclass(frozen=True, kw_only=True)
class GpuOffer(DatedPrice):
    """One offer; ``price_usd`` is USD per hour of the whole instance."""

    key: OfferKey
    machine: Machine
    source: str
    source_url: str
    as_of: date

    @property
    def usd_per_gpu_hour(self) -> Decimal:
        """Price of one whole GPU for an hour, six places."""
        return (self.price_usd / self.machine.gpu_count).quantize(RATE_PLACES)


def read_gpu_offers(path: Path) -> list[GpuOffer]:
    """Rows of the seed; an absent file is empty. Raises ConfigError on bad cells."""
    return [_row(cells, path.name, line) for line, cells in enumerate(read_seed(path, columns=COLUMNS), 2)]


def write_gpu_offers(path: Path, *, offers: Iterable[GpuOffer]) -> bool:
    """Write the offers in key and time order; returns whether the file changed."""
    ordered = sorted(offers, key=lambda offer: (offer.key, offer.valid_from))
    return write_seed(path, columns=COLUMNS, rows=[_cells(offer) for offer in ordered])


def read_instance_types(seeds_dir: Path, *, provider: str) -> dict[str, Machine]:
    """instance type -> machine, for one provider, from ``instance_types.csv``."""
    path = seeds_dir / INSTANCE_TYPES_FILE
    return {
        cells["instance_type"]: _machine(cells, path.name, line)
        for line, cells in enumerate(read_seed(path, columns=INSTANCE_TYPE_COLUMNS), 2)
        if cells["provider"] == provider
    }


def _machine(cells: dict[str, str], file: str, line: int) -> Machine:
    def optional(column: str) -> Decimal | None:
        return parse_decimal(cells[column], file=file, line=line, column=column) if cells[column] else None

    return Machine(
        gpu_model=cells["gpu_model"],
        gpu_count=parse_decimal(cells["gpu_count"], file=file, line=line, column="gpu_count"),
        gpu_memory_gib_each=optional("gpu_memory_gib_each"),
        vcpus=optional("vcpus"),
        memory_gib=optional("memory_gib"),
    )


def _row(cells: dict[str, str], file: str, line: int) -> GpuOffer:
    return GpuOffer(
        key=OfferKey(
            provider=cells["provider"], sku=cells["sku"], region=cells["region"], channel=cells["channel"]
        ),
        machine=_machine(cells, file, line),
        price_usd=parse_decimal(
            cells["price_usd_per_hour"], file=file, line=line, column="price_usd_per_hour"
        ),
        valid_from=date.fromisoformat(cells["valid_from"]),
        valid_to=date.fromisoformat(cells["valid_to"]) if cells["valid_to"] else None,
        source=cells["source"],
        source_url=cells["source_url"],
        as_of=date.fromisoformat(cells["as_of"]),
    )


def _cells(offer: GpuOffer) -> dict[str, str]:
    def text(value: Decimal | None) -> str:
        return "" if value is None else decimal_text(value)

    machine = offer.machine
    return {
        "provider": offer.key.provider,
        "sku": offer.key.sku,
        "region": offer.key.region,
        "gpu_model": machine.gpu_model,
        "gpu_count": decimal_text(machine.gpu_count),
        "gpu_memory_gib_each": text(machine.gpu_memory_gib_each),
        "vcpus": text(machine.vcpus),
        "memory_gib": text(machine.memory_gib),
        "unit": UNIT,
        "price_usd_per_hour": decimal_text(offer.price_usd),
        "usd_per_gpu_hour": decimal_text(offer.usd_per_gpu_hour),
        "channel": offer.key.channel,
        "valid_from": offer.valid_from.isoformat(),
        "valid_to": offer.valid_to.isoformat() if offer.valid_to else "",
        "source": offer.source,
        "source_url": offer.source_url,
        "as_of": offer.as_of.isoformat(),
    }
