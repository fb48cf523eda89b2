"""Names met in usage find their price row by the catalogue's rules, and near misses find none."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest.prices.model_aliases import add_aliases, resolve_model
from ingest.prices.model_attributes import family_and_developer, size_band, tier
from ingest.prices.seed_csv import read_seed


@pytest.mark.parametrize(
    ("provider", "name", "expected"),
    [
        ("openai", "gpt-4o-2024-11-20", "openai/gpt-4o"),
        ("openai", "GPT-4o", "openai/gpt-4o"),
        ("openai", "gpt-4o-mini", "openai/gpt-4o-mini"),
        ("openai", "ft:gpt-4o-mini-2024-07-18:acme::abc", "openai/ft:gpt-4o-mini"),
        ("anthropic", "claude-3-7-sonnet-20250219", "anthropic/claude-3-7-sonnet-latest"),
        ("anthropic", "claude-sonnet-4-20250514", "anthropic/claude-sonnet-4-0"),
        ("azure", "azure/gpt-4o", "openai/gpt-4o"),
        ("aws", "bedrock/anthropic.claude-sonnet-4-6", "aws/regional.anthropic.claude-sonnet-4-6-v1:0"),
        ("aws", "global.anthropic.claude-sonnet-4-6", "aws/global.anthropic.claude-sonnet-4-6-v1:0"),
        ("openai", "gpt-4o-miniature", None),
        ("openai", "gpt-4", "openai/gpt-4"),
        ("openai", "gpt-4x", None),
        ("openai", "my-new-model", None),
        ("nobody", "gpt-4o", None),
    ],
)
def test_name_resolves_by_the_catalogues_rules(provider: str, name: str, expected: str | None) -> None:
    assert resolve_model(provider, name) == expected


def test_alias_is_added_once_lower_case_and_never_changed(tmp_path: Path) -> None:
    path = tmp_path / "model_aliases.csv"
    path.write_text("provider,alias,model\nopenai,gpt-4o,openai/our-own-choice\n")
    names = [("openai", "gpt-4o"), ("openai", "GPT-4o-mini"), ("openai", "my-new-model")]
    first = add_aliases(path, names=names)
    assert [change.line for change in first] == ["added alias openai gpt-4o-mini -> openai/gpt-4o-mini"]
    assert add_aliases(path, names=names) == []
    rows = read_seed(path, columns=("provider", "alias", "model"))
    assert [(row["alias"], row["model"]) for row in rows] == [
        ("gpt-4o", "openai/our-own-choice"),
        ("gpt-4o-mini", "openai/gpt-4o-mini"),
    ]


@pytest.mark.parametrize(
    ("name", "family", "developer"),
    [
        ("gpt-4o-mini", "gpt-4o", "OpenAI"),
        ("gpt-5.6-sol", "gpt-5.6", "OpenAI"),
        ("openai/gpt-oss-120b", "gpt-oss", "OpenAI"),
        ("regional.anthropic.claude-sonnet-4-6-v1:0", "claude-sonnet", "Anthropic"),
        ("gemini-2.5-flash-lite", "gemini-flash-lite", "Google"),
        ("meta-llama/Llama-3.3-70B-Instruct-Turbo", "llama-3.3", "Meta"),
        ("meta-llama/Llama-2-7b-chat-hf", "llama-2", "Meta"),
        ("Nous-Hermes-9B", "nous-hermes-9b", "someone"),
    ],
)
def test_family_is_read_from_the_name(name: str, family: str, developer: str) -> None:
    assert family_and_developer(name, provider="someone") == (family, developer)


@pytest.mark.parametrize(
    ("name", "band"),
    [
        ("llama-3.1-8b-instruct", "s"),
        ("Llama-3.3-70B-Instruct", "l"),
        ("mixtral-8x7b", "l"),
        ("gpt-oss-120b", "xl"),
        ("Qwen3.8-2.4T-A95B", "xl"),
        ("gemma-3-27b-it", "m"),
        ("qwen1.5-0.5b", "xs"),
        ("gpt-4o", "undisclosed"),
    ],
)
def test_size_band_is_read_from_the_name(name: str, band: str) -> None:
    assert size_band(name) == band


def test_tier_follows_price_and_reasoning_follows_name() -> None:
    assert tier("gpt-4o-mini", usd_per_million=None) == "budget"
    assert tier("deepseek-reasoner", usd_per_million=None) == "reasoning"
