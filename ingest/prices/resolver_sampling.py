"""Sample a genai-prices model at every moment its price can change, and give back the resolved price points.

The catalogue holds conditional prices (by date or by time of day, the last active one wins and replaces the
whole set) and partial variants per request context (batch, priority, …, resolved key by key). Flattening
those entries one by one leaves dead tiers open for ever and loses the partial overrides; so the package's own
resolver is asked at each bound instead.

Rules applied to what the resolver answers (reference: the package's ``ModelInfo.get_prices`` and
``ModelPrice.calc_price``): a missing cache price means the input price; a cache write price holds for every
time to live without one of its own. A service class gets rows only from the day one of its variants is
active; before that the catalogue knows nothing about it and would silently answer with the standard price.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import pairwise

from genai_prices.types import (
    ConditionalPrice,
    ModelInfo,
    ModelPrice,
    PriceVariant,
    StartDateConstraint,
    TieredPrices,
    TimeOfDateConstraint,
)

from ingest.prices.token_prices import OPEN_START

PRICE_CLASSES: Mapping[str, Mapping[str, str]] = {
    "standard": {},
    "batch": {"processing": "batch"},
    "flex": {"service_tier": "flex"},
    "priority": {"service_tier": "priority"},
    "fast": {"service_tier": "fast", "speed": "fast"},
}
"""Our service classes and the request contexts that select them."""

USAGE_TYPES: Mapping[str, tuple[tuple[str, ...], int]] = {
    "input_mtok": (("uncached_input",), 1_000_000),
    "cache_read_mtok": (("cache_read",), 1_000_000),
    "cache_write_mtok": (("cache_write_5m", "cache_write_30m", "cache_write_1h"), 1_000_000),
    "cache_write_5m_mtok": (("cache_write_5m",), 1_000_000),
    "cache_write_1h_mtok": (("cache_write_1h",), 1_000_000),
    "output_mtok": (("output",), 1_000_000),
    "output_reasoning_mtok": (("output_reasoning",), 1_000_000),
    "output_citation_mtok": (("output_citation",), 1_000_000),
    "input_audio_mtok": (("input_audio",), 1_000_000),
    "cache_audio_read_mtok": (("cache_read_audio",), 1_000_000),
    "output_audio_mtok": (("output_audio",), 1_000_000),
    "input_image_mtok": (("input_image",), 1_000_000),
    "cache_image_read_mtok": (("cache_read_image",), 1_000_000),
    "output_image_mtok": (("output_image",), 1_000_000),
    "input_video_mtok": (("input_video",), 1_000_000),
    "output_video_mtok": (("output_video",), 1_000_000),
    "input_mchars": (("input_characters",), 1_000_000),
    "audio_hours": (("audio_seconds",), 3_600),
    "input_audio_hours": (("input_audio_seconds",), 3_600),
    "web_searches_kcount": (("web_search",), 1_000),
    "storage_searches_kcount": (("storage_search",), 1_000),
    "requests_kcount": (("request",), 1_000),
    "input_text_messages_kcount": (("input_text_message",), 1_000),
    "input_document_kpages": (("input_document_page",), 1_000),
    "input_annotated_document_kpages": (("input_annotated_document_page",), 1_000),
}
"""Price key of the catalogue -> our usage types and the number of units the price is for."""

CACHE_TYPES = ("cache_read", "cache_write_5m", "cache_write_30m", "cache_write_1h")
PRICE_PLACES = Decimal("1e-12")


@dataclass(frozen=True, kw_only=True, order=True)
class PointKey:
    """Usage type and context tier of a price point, with the part of the day it holds (None = all day)."""

    usage_type: str
    tier: int
    window: tuple[time, time] | None = None


@dataclass(frozen=True, kw_only=True)
class Segment:
    """Days ``[start, end)`` with constant prices; ``end`` None is open, start ``OPEN_START`` is unknown."""

    start: date
    end: date | None
    points: Mapping[PointKey, tuple[Decimal, int]]


def sample_model(model: ModelInfo, *, price_class: str) -> list[Segment]:
    """The model's price points in one service class over time (empty when the catalogue has none)."""
    context = dict(PRICE_CLASSES[price_class])
    variants = _variants(model, context) if context else []
    if (context and not variants) or not model.prices:
        return []
    starts = [OPEN_START, *_start_dates(model)]
    segments = []
    for start, end in zip(starts, [*starts[1:], None], strict=True):
        if context and not any(_active(variant, start) for variant in variants):
            continue
        segments.append(Segment(start=start, end=end, points=_day_points(model, start, context)))
    return segments


def unknown_price_keys(model: ModelInfo) -> set[str]:
    """Price keys of the model that no usage type stands for: the catalogue grew, the mapping must follow."""
    prices = [entry.prices for entry in [*_conditionals(model), *(model.price_variants or [])]]
    keys = {key for price in prices for key, value in vars(price).items() if value is not None}
    return keys - set(USAGE_TYPES)


def _conditionals(model: ModelInfo) -> list[ConditionalPrice]:
    return [ConditionalPrice(prices=model.prices)] if isinstance(model.prices, ModelPrice) else model.prices


def _variants(model: ModelInfo, context: Mapping[str, str]) -> list[PriceVariant]:
    return [
        variant
        for variant in model.price_variants or []
        if variant.when.items() <= context.items()
        and any(v is not None for v in vars(variant.prices).values())
    ]


def _active(variant: PriceVariant, day: date) -> bool:
    return not isinstance(variant.constraint, StartDateConstraint) or variant.constraint.start_date <= day


def _start_dates(model: ModelInfo) -> list[date]:
    entries = [*_conditionals(model), *(model.price_variants or [])]
    return sorted({e.constraint.start_date for e in entries if isinstance(e.constraint, StartDateConstraint)})


def _time_bounds(model: ModelInfo) -> list[time]:
    bounds: set[time] = set()
    for entry in [*_conditionals(model), *(model.price_variants or [])]:
        if isinstance(entry.constraint, TimeOfDateConstraint):
            for bound in (entry.constraint.start_time, entry.constraint.end_time):
                offset = bound.utcoffset() or timedelta(0)
                bounds.add((datetime.combine(date(2000, 1, 2), bound.replace(tzinfo=None)) - offset).time())
    return sorted(bounds)


def _day_points(model: ModelInfo, day: date, context: dict[str, str]) -> dict[PointKey, tuple[Decimal, int]]:
    """Points of one day; windows appear only where the price really differs within the day."""
    bounds = _time_bounds(model)
    if not bounds:
        return dict(_points(model.get_prices(datetime.combine(day, time(), UTC), context or None), None))
    windows = list(zip(bounds, [*bounds[1:], bounds[0]], strict=True))
    sampled = [
        dict(_points(model.get_prices(datetime.combine(day, start, UTC), context or None), None))
        for start, _ in windows
    ]
    points: dict[PointKey, tuple[Decimal, int]] = {}
    for key in sorted(set().union(*sampled)):
        values = [sample.get(key) for sample in sampled]
        for window, value in _merge_windows(windows, values):
            if value is not None:
                points[PointKey(usage_type=key.usage_type, tier=key.tier, window=window)] = value
    return points


def _merge_windows(
    windows: list[tuple[time, time]], values: list[tuple[Decimal, int] | None]
) -> Iterator[tuple[tuple[time, time] | None, tuple[Decimal, int] | None]]:
    """Join equal neighbours around the clock; one value all day has no window."""
    if len(set(values)) == 1:
        yield None, values[0]
        return
    first = next(i for i in range(len(values)) if values[i] != values[i - 1])
    order = [(first + i) % len(values) for i in range(len(values))]
    start, end = windows[order[0]]
    for previous, current in pairwise(order):
        if values[current] != values[previous]:
            yield (start, end), values[previous]
            start = windows[current][0]
        end = windows[current][1]
    yield (start, end), values[order[-1]]


def _points(
    price: ModelPrice, window: tuple[time, time] | None
) -> Iterator[tuple[PointKey, tuple[Decimal, int]]]:
    given = {key: value for key, value in vars(price).items() if value is not None and key in USAGE_TYPES}
    resolved: dict[str, tuple[Decimal | TieredPrices, int]] = {}
    if "input_mtok" in given:
        resolved |= {usage_type: (given["input_mtok"], 1_000_000) for usage_type in CACHE_TYPES}
    for key, (usage_types, unit) in USAGE_TYPES.items():
        if key in given:
            resolved |= {usage_type: (given[key], unit) for usage_type in usage_types}
    for usage_type, (value, unit) in resolved.items():
        tiers = (
            {0: value.base} | {t.start: t.price for t in value.tiers}
            if isinstance(value, TieredPrices)
            else {0: value}
        )
        for tier, amount in tiers.items():
            yield PointKey(usage_type=usage_type, tier=tier, window=window), (_rounded(amount), unit)


def _rounded(amount: Decimal) -> Decimal:
    """Twelve places at most (a few catalogue entries carry the noise of a binary fraction)."""
    return amount.quantize(PRICE_PLACES).normalize() if amount else Decimal(0)
