"""``models.csv``: one row per model the project can name, API or self-hosted, with what reports group by.

Rows are added when the catalogue gains a model and never rewritten. Self-hosted models (provider
``self_hosted``) have no token price on purpose: their cost is the GPUs they run on; ``api_model_id`` names
the API model of the same weights or quality that a crossover compares with. ``released_on`` is the first day
of sale where it is known.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path

from ingest.prices.model_attributes import family_and_developer, size_band, tier
from ingest.prices.price_history import PriceChange
from ingest.prices.seed_csv import read_seed, write_seed
from ingest.prices.token_prices import TokenPrice

MODELS_FILE = "prices/models.csv"
SELF_HOSTED = "self_hosted"
COLUMNS = (
    "model_id",
    "provider",
    "model",
    "family",
    "developer",
    "tier",
    "size_band",
    "is_self_hosted",
    "api_model_id",
    "released_on",
)


def read_models(path: Path) -> list[dict[str, str]]:
    """The rows of ``models.csv`` as text; an absent file is empty."""
    return read_seed(path, columns=COLUMNS)


def release_dates(models: Iterable[Mapping[str, str]]) -> dict[tuple[str, str], date]:
    """(provider, model) -> first day of sale, where the seed knows it."""
    return {
        (row["provider"], row["model"]): date.fromisoformat(row["released_on"])
        for row in models
        if row["released_on"]
    }


def add_models(
    path: Path, *, catalogue_models: Iterable[tuple[str, str]], prices: Sequence[TokenPrice]
) -> list[PriceChange]:
    """Append the catalogue's models that the seed does not have yet; returns one change per new model."""
    rows = {row["model_id"]: row for row in read_models(path)}
    usd = _usd_per_million(prices)
    changes = []
    for provider, model in catalogue_models:
        model_id = f"{provider}/{model}"
        if model_id in rows:
            continue
        family, developer = family_and_developer(model, provider=provider)
        rows[model_id] = dict.fromkeys(COLUMNS, "") | {
            "model_id": model_id,
            "provider": provider,
            "model": model,
            "family": family,
            "developer": developer,
            "tier": tier(model, usd_per_million=usd.get((provider, model))),
            "size_band": size_band(model),
            "is_self_hosted": "false",
        }
        changes.append(PriceChange(kind="added", line=f"added model {model_id} ({family}, {developer})"))
    write_seed(path, columns=COLUMNS, rows=[rows[model_id] for model_id in sorted(rows)])
    return changes


def _usd_per_million(prices: Iterable[TokenPrice]) -> dict[tuple[str, str], Decimal]:
    """Newest standard output price per model, input price where there is no output."""
    chosen: dict[tuple[str, str], TokenPrice] = {}
    for row in sorted(prices, key=lambda r: (r.key.usage_type == "output", r.valid_from)):
        plain = row.key.price_class == "standard" and not row.key.tier_above_input_tokens
        if plain and row.key.usage_type in ("output", "uncached_input"):
            chosen[row.key.provider, row.key.model] = row
    return {key: row.price_usd for key, row in chosen.items()}
