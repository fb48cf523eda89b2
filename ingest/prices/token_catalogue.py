"""The genai-prices catalogue (the pinned package, no network) as dated token price rows.

Belongs here: which providers are exported and how sampled price points become rows. The sampling itself is
``resolver_sampling``; keeping yesterday's rows is ``price_history``. The package is needed by the refresh
only, never by a run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, time
from importlib.metadata import version

from genai_prices.data_snapshot import get_snapshot
from genai_prices.types import ModelInfo, Provider

from ingest.errors import ConfigError
from ingest.prices.resolver_sampling import PRICE_CLASSES, PointKey, sample_model, unknown_price_keys
from ingest.prices.token_prices import OPEN_START, PriceKey, TokenPrice

SOURCE = "genai-prices"

EXPORTED_PROVIDERS = (
    "anthropic",
    "aws",
    "azure",
    "cerebras",
    "cohere",
    "deepseek",
    "fireworks",
    "google",
    "groq",
    "minimax",
    "mistral",
    "moonshotai",
    "openai",
    "perplexity",
    "together",
    "voyageai",
    "x-ai",
    "zai",
)
"""Providers that bill inference to companies. Left out: resellers (OpenRouter, the Hugging Face router, …),
subscriptions.
"""


@dataclass(frozen=True, kw_only=True)
class Catalogue:
    """The export: price rows, all exported models, and the models the catalogue names without any price."""

    rows: tuple[TokenPrice, ...]
    models: tuple[tuple[str, str], ...]
    without_price: tuple[tuple[str, str], ...]


def read_catalogue(*, retrieved_on: date, released: Mapping[tuple[str, str], date]) -> Catalogue:
    """Sample the whole catalogue.

    Args:
        retrieved_on: the day of this export, written on every row.
        released: (provider, model) -> first day of sale, where known; a price without a start begins then.

    Raises:
        ConfigError: the installed catalogue has price keys this export does not know.
    """
    providers = exported_providers()
    unknown = sorted({key for p in providers for model in p.models for key in unknown_price_keys(model)})
    if unknown:
        raise ConfigError(
            "The price catalogue has price keys without a usage type",
            where={"package": f"{SOURCE} {version(SOURCE)}"},
            found=", ".join(unknown),
            fix="add them to USAGE_TYPES in ingest/prices/resolver_sampling.py",
        )
    rows: list[TokenPrice] = []
    models, without_price = [], []
    for provider in providers:
        for model in provider.models:
            found = list(_model_rows(provider, model, retrieved_on, released.get((provider.id, model.id))))
            rows += found
            models.append((provider.id, model.id))
            without_price += [] if found else [(provider.id, model.id)]
    return Catalogue(
        rows=tuple(rows), models=tuple(sorted(models)), without_price=tuple(sorted(without_price))
    )


def exported_providers() -> list[Provider]:
    """The catalogue's providers this project exports, in the order of their ids."""
    return sorted((p for p in get_snapshot().providers if p.id in EXPORTED_PROVIDERS), key=lambda p: p.id)


def _model_rows(
    provider: Provider, model: ModelInfo, today: date, released: date | None
) -> Iterator[TokenPrice]:
    for price_class in PRICE_CLASSES:
        open_rows: dict[PointKey, TokenPrice] = {}
        for segment in sample_model(model, price_class=price_class):
            for key in [key for key in open_rows if segment.points.get(key) != _value(open_rows[key])]:
                yield from _from_release(replace(open_rows.pop(key), valid_to=segment.start), released)
            for key, (price, unit) in segment.points.items():
                if key not in open_rows:
                    open_rows[key] = TokenPrice(
                        key=_price_key(provider.id, model.id, price_class, key),
                        unit_quantity=unit,
                        price_usd=price,
                        valid_from=segment.start,
                        valid_to=None,
                        is_open_start=segment.start == OPEN_START,
                        is_deprecated=bool(model.deprecated),
                        source=SOURCE,
                        source_version=version(SOURCE),
                        source_url=(provider.pricing_urls or [""])[0],
                        retrieved_on=today,
                    )
        for row in open_rows.values():
            yield from _from_release(row, released)


def _value(row: TokenPrice) -> tuple[object, int]:
    return row.price_usd, row.unit_quantity


def _from_release(row: TokenPrice, released: date | None) -> Iterator[TokenPrice]:
    """Cut the part before the model was sold; a row that lies wholly before it disappears."""
    if released is None or row.valid_from >= released:
        yield row
    elif row.valid_to is None or row.valid_to > released:
        yield replace(row, valid_from=released, is_open_start=False)


def _price_key(provider: str, model: str, price_class: str, point: PointKey) -> PriceKey:
    start, end = ("", "") if point.window is None else (_clock(bound) for bound in point.window)
    return PriceKey(
        provider=provider,
        model=model,
        price_class=price_class,
        usage_type=point.usage_type,
        tier_above_input_tokens=point.tier,
        tod_start_utc=start,
        tod_end_utc=end,
    )


def _clock(bound: time) -> str:
    return bound.strftime("%H:%M")
