"""The price seeds as facts: complete, without overlaps and gaps, within accepted values, and plausible."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest

from ingest.prices.gpu_names import read_gpu_names
from ingest.prices.gpu_offers import CHANNELS, GPU_OFFERS_FILE, GpuOffer, read_gpu_offers
from ingest.prices.models import COLUMNS as MODEL_COLUMNS
from ingest.prices.models import MODELS_FILE, SELF_HOSTED
from ingest.prices.price_history import DatedPrice, overlapping_keys
from ingest.prices.resolver_sampling import PRICE_CLASSES, USAGE_TYPES
from ingest.prices.seed_csv import read_seed
from ingest.prices.token_prices import (
    TOKEN_PRICE_OVERRIDES_FILE,
    TOKEN_PRICES_FILE,
    TokenPrice,
    read_token_prices,
)

SEEDS = Path(__file__).parents[3] / "seeds"
SEED_FILES = sorted(
    path for folder in ("prices", "gpu", "assumptions") for path in (SEEDS / folder).glob("*.csv")
)
CHEAPER_OUTPUT = {("openai", "gpt-5-image-mini")}
"""Models whose text output really costs less than their input (they are sold for their images)."""


@pytest.fixture(scope="module")
def prices() -> list[TokenPrice]:
    return read_token_prices(SEEDS / TOKEN_PRICES_FILE)


@pytest.fixture(scope="module")
def overrides() -> list[TokenPrice]:
    return read_token_prices(SEEDS / TOKEN_PRICE_OVERRIDES_FILE)


@pytest.fixture(scope="module")
def offers() -> list[GpuOffer]:
    return read_gpu_offers(SEEDS / GPU_OFFERS_FILE)


@pytest.fixture(scope="module")
def models() -> dict[str, dict[str, str]]:
    return {row["model_id"]: row for row in read_seed(SEEDS / MODELS_FILE, columns=MODEL_COLUMNS)}


@pytest.mark.parametrize("path", SEED_FILES, ids=lambda path: path.name)
def test_seed_file_has_plain_line_ends_and_no_stray_blanks(path: Path) -> None:
    data = path.read_bytes()
    assert data.endswith(b"\n") and b"\r" not in data and b"\n\n" not in data
    assert b" \n" not in data and b", " not in data.split(b"\n", 1)[0]
    assert len(data) < 6_000_000


def test_catalogue_covers_the_promised_models_and_providers(prices: list[TokenPrice]) -> None:
    assert len({(row.key.provider, row.key.model) for row in prices}) >= 55
    assert len({row.key.provider for row in prices}) >= 8
    assert {row.key.price_class for row in prices} == set(PRICE_CLASSES)


def test_every_price_is_of_an_accepted_kind(prices: list[TokenPrice], overrides: list[TokenPrice]) -> None:
    usage_types = {usage_type for types, _ in USAGE_TYPES.values() for usage_type in types}
    for row in [*prices, *overrides]:
        assert row.key.usage_type in usage_types and row.key.price_class in PRICE_CLASSES, row.key
        assert row.unit_quantity in (1, 1_000, 3_600, 1_000_000), row.key
        assert row.price_usd >= 0 and -row.price_usd.as_tuple().exponent <= 12, row.key  # type: ignore[operator]
        assert row.valid_to is None or row.valid_from < row.valid_to, row.key
        assert bool(row.key.tod_start_utc) == bool(row.key.tod_end_utc), row.key
        assert row.source and row.source_url.startswith("https://"), row.key


def test_no_key_has_two_prices_on_one_day(
    prices: list[TokenPrice], overrides: list[TokenPrice], offers: list[GpuOffer]
) -> None:
    for rows in (prices, overrides, offers):
        assert overlapping_keys(rows) == []


def test_no_key_has_a_gap_in_its_history(prices: list[TokenPrice]) -> None:
    for key, rows in by_key(prices):
        assert all(a.valid_to == b.valid_from for a, b in pairwise(rows)), key


def test_time_of_day_windows_cover_the_whole_day_once(prices: list[TokenPrice]) -> None:
    windowed = [row for row in prices if row.key.tod_start_utc]
    assert windowed
    for day in (date(2025, 6, 1), date(2026, 8, 20), date(2026, 11, 20)):
        groups: dict[tuple[str, ...], list[tuple[str, str]]] = defaultdict(list)
        for row in windowed:
            if row.valid_from <= day and (row.valid_to is None or day < row.valid_to):
                subject = (row.key.provider, row.key.model, row.key.price_class, row.key.usage_type)
                groups[subject].append((row.key.tod_start_utc, row.key.tod_end_utc))
        for subject, windows in groups.items():
            ends = [end for _, end in sorted(windows)]
            starts = [start for start, _ in sorted(windows)]
            assert ends == [*starts[1:], starts[0]], (subject, day)


def test_relations_between_prices_are_plausible(
    prices: list[TokenPrice], overrides: list[TokenPrice]
) -> None:
    for rows in (prices, overrides):
        sets: dict[tuple[object, ...], dict[str, TokenPrice]] = defaultdict(dict)
        for row in rows:
            key = row.key
            moment = (key.tier_above_input_tokens, key.tod_start_utc, row.valid_from)
            sets[(key.provider, key.model, key.price_class, *moment)][key.usage_type] = row
        for subject, found in sets.items():
            usd = {usage_type: row.price_usd for usage_type, row in found.items()}
            base = usd.get("uncached_input")
            if base is not None:
                assert usd.get("cache_read", base) <= base, subject
                assert usd.get("output", base) >= base or subject[:2] in CHEAPER_OUTPUT, subject
            if "cache_write_1h" in usd and "cache_write_5m" in usd:
                assert usd["cache_write_1h"] >= usd["cache_write_5m"], subject


def test_every_priced_model_is_described(
    prices: list[TokenPrice], overrides: list[TokenPrice], models: dict[str, dict[str, str]]
) -> None:
    priced = {f"{row.key.provider}/{row.key.model}" for row in [*prices, *overrides]}
    assert priced <= models.keys()
    for model_id, row in models.items():
        assert model_id == f"{row['provider']}/{row['model']}"
        assert row["family"] and row["developer"], model_id
        assert row["tier"] in ("budget", "mid", "flagship", "reasoning", "premium"), model_id
        assert row["size_band"] in ("xs", "s", "m", "l", "xl", "undisclosed"), model_id


def test_self_hosted_models_have_no_token_price_and_name_a_priced_twin(
    prices: list[TokenPrice], models: dict[str, dict[str, str]]
) -> None:
    priced = {f"{row.key.provider}/{row.key.model}" for row in prices}
    hosted = {model_id: row for model_id, row in models.items() if row["is_self_hosted"] == "true"}
    assert {"self_hosted/llama-3.3-70b-instruct", "self_hosted/llama-3.1-8b-instruct"} <= hosted.keys()
    assert all(row["provider"] == SELF_HOSTED for row in hosted.values())
    assert not priced & hosted.keys()
    assert {row["api_model_id"] for row in hosted.values() if row["api_model_id"]} <= priced


def test_aliases_are_exact_lower_case_and_lead_to_a_model(models: dict[str, dict[str, str]]) -> None:
    rows = read_seed(SEEDS / "prices" / "model_aliases.csv", columns=("provider", "alias", "model"))
    aliases = {(row["provider"], row["alias"]): row["model"] for row in rows}
    assert len(aliases) == len(rows)
    assert all(alias == alias.lower() for _, alias in aliases)
    assert set(aliases.values()) <= models.keys()
    assert aliases["openai", "gpt-4o-2024-11-20"] == "openai/gpt-4o"
    assert aliases["openai", "gpt-4o-mini"] == "openai/gpt-4o-mini"
    assert aliases[SELF_HOSTED, "meta-llama/llama-3.3-70b-instruct"] == "self_hosted/llama-3.3-70b-instruct"
    assert ("openai", "gpt-4o-miniature") not in aliases


def test_offers_cover_the_promised_gpus_providers_and_channels(offers: list[GpuOffer]) -> None:
    assert len({offer.machine.gpu_model for offer in offers}) >= 15
    assert len({offer.key.provider for offer in offers}) >= 6
    assert {"on_demand", "spot", "reserved_3y"} <= {offer.key.channel for offer in offers} <= set(CHANNELS)


def test_offers_are_dated_sourced_and_of_a_plausible_price(offers: list[GpuOffer]) -> None:
    known = {gpu.gpu_model for _, gpu in read_gpu_names(SEEDS).rules}
    for offer in offers:
        assert offer.machine.gpu_model in known, offer.key
        assert 0 < offer.usd_per_gpu_hour < 20, offer.key
        assert offer.source and offer.source_url.startswith("https://"), offer.key
        assert offer.valid_to is None or offer.valid_from < offer.valid_to, offer.key


def test_known_quirks_of_the_catalogues_are_corrected(offers: list[GpuOffer]) -> None:
    by_sku = {(offer.key.sku, offer.key.channel): offer for offer in offers if offer.valid_to is None}
    slice_ = by_sku["Standard_NV6ads_A10_v5", "on_demand"]
    assert abs(slice_.machine.gpu_count * 6 - 1) < Decimal("1e-9")
    assert slice_.usd_per_gpu_hour == Decimal("2.724")
    nvl = by_sku["Standard_NC40ads_H100_v5", "on_demand"].machine
    assert (nvl.gpu_model, nvl.gpu_memory_gib_each) == ("H100 NVL", 94)
    assert by_sku["p5.48xlarge", "on_demand"].usd_per_gpu_hour == Decimal("6.88")


def test_spot_is_never_dearer_than_on_demand_of_the_same_machine(offers: list[GpuOffer]) -> None:
    current = {offer.key: offer.price_usd for offer in offers if offer.valid_to is None}
    for key, usd in current.items():
        if key.channel == "spot":
            same = [
                v
                for k, v in current.items()
                if (k.provider, k.sku, k.region) == (key.provider, key.sku, key.region)
            ]
            assert usd <= max(same), key


def test_exchange_rates_are_dated_and_positive() -> None:
    columns = ("from_currency", "to_currency", "valid_from", "valid_to", "rate", "source")
    rates = [
        DatedPrice(
            key=(row["from_currency"], row["to_currency"]),
            price_usd=Decimal(row["rate"]),
            valid_from=date.fromisoformat(row["valid_from"]),
            valid_to=date.fromisoformat(row["valid_to"]) if row["valid_to"] else None,
        )
        for row in read_seed(SEEDS / "prices" / "fx_rates.csv", columns=columns)
        if row["source"]
    ]
    assert rates and overlapping_keys(rates) == []
    assert all(rate.price_usd > 0 and rate.key[0] != rate.key[1] for rate in rates)


def by_key(rows: list[TokenPrice]) -> Iterator[tuple[object, list[TokenPrice]]]:
    groups: dict[object, list[TokenPrice]] = defaultdict(list)
    for row in sorted(rows, key=lambda r: (r.key, r.valid_from)):
        groups[row.key].append(row)
    yield from groups.items()
