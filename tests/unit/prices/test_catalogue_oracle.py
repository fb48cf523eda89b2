"""The exported rows against the package they come from: the same request must cost the same, to the last
digit.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import pytest
from genai_prices import Usage
from genai_prices.types import ModelInfo, Provider

from ingest.prices.resolver_sampling import PRICE_CLASSES, sample_model
from ingest.prices.token_catalogue import exported_providers, read_catalogue
from ingest.prices.token_prices import OPEN_START, TokenPrice

TODAY = date(2026, 11, 21)
FIRST_DAY, DAYS = date(2024, 1, 1), 1200
REQUESTS = 4000


@pytest.fixture(scope="module")
def rows() -> dict[tuple[str, str, str], list[TokenPrice]]:
    grouped: dict[tuple[str, str, str], list[TokenPrice]] = defaultdict(list)
    for row in read_catalogue(retrieved_on=TODAY, released={}).rows:
        grouped[row.key.provider, row.key.model, row.key.price_class].append(row)
    return grouped


def token_models() -> Iterator[tuple[Provider, ModelInfo]]:
    for provider in exported_providers():
        for model in provider.models:
            segments = sample_model(model, price_class="standard")
            types = {key.usage_type for segment in segments for key in segment.points}
            modal = any(
                word in usage_type for usage_type in types for word in ("audio", "image", "video", "citation")
            )
            if {"uncached_input", "output"} <= types and not modal and "request" not in types:
                yield provider, model


def row_cost(rows: list[TokenPrice], at: datetime, buckets: dict[str, int]) -> Decimal | None:
    """The join of the marts in plain Python: window before no window, then the highest tier exceeded."""
    total = Decimal(0)
    total_input = sum(units for usage_type, units in buckets.items() if usage_type != "output")
    for usage_type, units in buckets.items():
        fitting = [
            row
            for row in rows
            if row.key.usage_type == usage_type
            and row.valid_from <= at.date()
            and (row.valid_to is None or at.date() < row.valid_to)
            and (row.key.tier_above_input_tokens == 0 or total_input > row.key.tier_above_input_tokens)
            and in_window(row, at.time())
        ]
        if not fitting:
            return None
        best = max(fitting, key=lambda r: (r.key.tod_start_utc != "", r.key.tier_above_input_tokens))
        total += best.price_usd * units / best.unit_quantity
    return total


def in_window(row: TokenPrice, clock: time) -> bool:
    if not row.key.tod_start_utc:
        return True
    start, end = (time.fromisoformat(text) for text in (row.key.tod_start_utc, row.key.tod_end_utc))
    return start <= clock < end if start <= end else clock >= start or clock < end


def test_every_exported_price_equals_the_packages_own_calculation(
    rows: dict[tuple[str, str, str], list[TokenPrice]],
) -> None:
    chance = random.Random(20261121)
    models = list(token_models())
    compared = 0
    for _ in range(REQUESTS):
        provider, model = chance.choice(models)
        price_class = chance.choice(list(PRICE_CLASSES))
        clock = time(chance.randrange(24), chance.randrange(60))
        at = datetime.combine(FIRST_DAY + timedelta(days=chance.randrange(DAYS)), clock, UTC)
        uncached, read, out = (chance.choice((0, 1000, 150_000, 200_000, 200_001, 300_000)) for _ in range(3))
        ours = row_cost(
            rows[provider.id, model.id, price_class],
            at,
            {"uncached_input": uncached, "cache_read": read, "output": out},
        )
        if ours is None:
            assert price_class != "standard", (provider.id, model.id, at)
            continue
        usage = Usage(input_tokens=uncached + read, cache_read_tokens=read, output_tokens=out)
        theirs = model.calc_price(
            usage,
            provider,
            genai_request_timestamp=at,
            price_context=dict(PRICE_CLASSES[price_class]) or None,
        ).total_price
        assert ours == theirs, (provider.id, model.id, price_class, at)
        compared += 1
    assert compared > REQUESTS // 5, "standard prices alone are a fifth of the requests"


def test_long_context_tier_ends_with_the_price_set_that_held_it(
    rows: dict[tuple[str, str, str], list[TokenPrice]],
) -> None:
    sonnet = rows["anthropic", "claude-sonnet-4-6", "standard"]
    tiers = [
        row for row in sonnet if row.key.tier_above_input_tokens and row.key.usage_type == "uncached_input"
    ]
    assert [(row.valid_from, row.valid_to) for row in tiers] == [(OPEN_START, date(2026, 3, 13))]


def test_service_class_begins_when_the_catalogue_knows_it(
    rows: dict[tuple[str, str, str], list[TokenPrice]],
) -> None:
    assert min(row.valid_from for row in rows["openai", "o3", "batch"]) == date(2026, 10, 14)
    assert not rows["openai", "davinci", "batch"]


def test_known_release_day_replaces_the_open_start() -> None:
    released = {("openai", "o3"): date(2025, 4, 16)}
    o3 = [
        row
        for row in read_catalogue(retrieved_on=TODAY, released=released).rows
        if (row.key.provider, row.key.model) == ("openai", "o3")
    ]
    assert min(row.valid_from for row in o3) == date(2025, 4, 16)
    assert not any(row.is_open_start for row in o3)
