"""``model_aliases.csv``: every spelling of a model seen in usage -> the model id its tokens are priced by.

Aliases are exact, lower-case strings per provider, because a prefix of our own would price
gpt-4o-mini-something as gpt-4o. They come from the catalogue's own match rules: the names those rules spell
out, and names met in usage that the rules accept. Rows are added, never changed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from genai_prices.data_snapshot import get_snapshot
from genai_prices.types import ClauseAnd, ClauseEquals, ClauseOr, MatchLogic, Provider

from ingest.prices.price_history import PriceChange
from ingest.prices.seed_csv import read_seed, write_seed

MODEL_ALIASES_FILE = "prices/model_aliases.csv"
COLUMNS = ("provider", "alias", "model")

GATEWAY_PREFIXES = re.compile(
    r"^(azure_ai|azure|bedrock|vertex_ai|gemini|openai|anthropic|groq|mistral|together_ai|fireworks_ai)/"
)


def resolve_model(provider: str, name: str) -> str | None:
    """The model id (``provider/model``) whose price row holds for a raw name, by the catalogue's match rules.

    The provider in the answer can differ from the one asked: Azure sells OpenAI's models at OpenAI's row. A
    gateway prefix is stripped when the name does not match with it. None when nothing matches.
    """
    providers = get_snapshot().providers
    seller = next((p for p in providers if p.id == provider), None)
    if seller is None:
        return None
    for candidate in dict.fromkeys((name.lower(), GATEWAY_PREFIXES.sub("", name.lower()))):
        model = seller.find_model(candidate, all_providers=providers)
        if model is not None:
            owner = next(p for p in providers if any(model is m for m in p.models))
            return f"{owner.id}/{model.id}"
    return None


def catalogue_aliases(providers: Iterable[Provider]) -> Iterator[tuple[str, str]]:
    """(provider, name) of every model id and every name the match rules spell out."""
    for provider in providers:
        for model in provider.models:
            yield provider.id, model.id
            yield from ((provider.id, name) for name in _spelled_out(model.match))


def add_aliases(path: Path, *, names: Iterable[tuple[str, str]]) -> list[PriceChange]:
    """Append an alias for each (provider, name) that resolves and is not there yet; returns the additions."""
    rows = {(row["provider"], row["alias"]): row["model"] for row in read_seed(path, columns=COLUMNS)}
    changes = []
    for provider, name in sorted({(provider, name.lower()) for provider, name in names}):
        model_id = None if (provider, name) in rows else resolve_model(provider, name)
        if model_id is not None:
            rows[provider, name] = model_id
            changes.append(PriceChange(kind="added", line=f"added alias {provider} {name} -> {model_id}"))
    cells = [
        {"provider": seller, "alias": alias, "model": model_id}
        for (seller, alias), model_id in sorted(rows.items())
    ]
    write_seed(path, columns=COLUMNS, rows=cells)
    return changes


def _spelled_out(match: MatchLogic) -> Iterator[str]:
    if isinstance(match, ClauseEquals):
        yield match.equals
    elif isinstance(match, ClauseOr):
        for clause in match.or_:
            yield from _spelled_out(clause)
    elif isinstance(match, ClauseAnd):
        for clause in match.and_:
            yield from _spelled_out(clause)
