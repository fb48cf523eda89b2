"""Family, developer, tier and size band of a model, read from its name and its standard price.

Rules of thumb for grouping in reports, nothing is priced by them. A row of ``models.csv`` is written once by
these rules and never rewritten, so a hand-corrected row stays corrected.
"""

from __future__ import annotations

import re
from decimal import Decimal

BUDGET_MAX_OUTPUT_USD = Decimal("1.2")
MID_MAX_OUTPUT_USD = Decimal("6")
FLAGSHIP_MAX_OUTPUT_USD = Decimal("20")
"""Upper ends of the tiers, USD per million output tokens (input tokens where a model has no output price)."""

SIZE_BANDS = ((4, "xs"), (15, "s"), (40, "m"), (100, "l"))
"""Billions of parameters below which a model is in the band; above the last it is ``xl``."""

REASONING = re.compile(r"\bo[134]\b|reason|thinking|\br1\b|\bqwq\b|magistral|deep-research")

FAMILIES: tuple[tuple[str, str, str], ...] = (
    (r"gpt-oss", "gpt-oss", "OpenAI"),
    (r"gpt-(?:image|audio|realtime|live|transcribe|chat|rosalind)", r"\g<0>", "OpenAI"),
    (r"gpt-(\d+(?:\.\d+)?o?)", r"gpt-\1", "OpenAI"),
    (r"\bo([134])\b", r"o\1", "OpenAI"),
    (r"whisper|tts-1|text-embedding-(?:ada|3)|moderation", r"\g<0>", "OpenAI"),
    (r"davinci|curie|babbage|\bada\b|codex", r"\g<0>", "OpenAI"),
    (r"claude.*?(opus|sonnet|haiku|fable|mythos)", r"claude-\1", "Anthropic"),
    (r"claude", "claude", "Anthropic"),
    (r"gemini.*?(flash-lite|flash|pro|embedding)", r"gemini-\1", "Google"),
    (r"gemini|gemma|palm|bison", r"\g<0>", "Google"),
    (r"llama-guard|llama-prompt-guard", r"\g<0>", "Meta"),
    (r"(?:code)?llama-?v?(\d)(?:[.p-](\d)(?![\dbx]))?", r"llama-\1.\2", "Meta"),
    (r"muse", "muse", "Meta"),
    (r"mixtral|ministral|codestral|devstral|magistral|pixtral|voxtral|mistral", r"\g<0>", "Mistral AI"),
    (r"deepseek", "deepseek", "DeepSeek"),
    (r"qwen-?(\d)", r"qwen\1", "Alibaba"),
    (r"qwen|qwq|\bwan\b", r"\g<0>", "Alibaba"),
    (r"kimi", "kimi", "Moonshot AI"),
    (r"\bglm", "glm", "Z.ai"),
    (r"minimax", "minimax", "MiniMax"),
    (r"grok", "grok", "xAI"),
    (r"nemotron", "nemotron", "NVIDIA"),
    (r"nova-?2?|titan", r"\g<0>", "Amazon"),
    (r"phi-?\d?|wizardlm|mai-", r"\g<0>", "Microsoft"),
    (r"command|aya|embed-v|rerank-v", r"\g<0>", "Cohere"),
    (r"sonar|pplx|r1-1776", r"\g<0>", "Perplexity"),
    (r"voyage|rerank", r"\g<0>", "Voyage AI"),
)


def family_and_developer(model: str, *, provider: str) -> tuple[str, str]:
    """Family and developer of a model; an unknown name is its own family and its provider's work."""
    name = model.lower()
    for pattern, family, developer in FAMILIES:
        match = re.search(pattern, name)
        if match:
            return match.expand(family).strip(".-"), developer
    return name.rsplit("/", 1)[-1], provider


def size_band(model: str) -> str:
    """Band of the parameter count in the name (8x7b counts all experts); ``undisclosed`` without one."""
    name = model.lower()
    experts = re.search(r"(\d+)x(\d+(?:\.\d+)?)b(?![a-z])", name)
    trillions = re.search(r"(?<![a-z\d.])(\d+(?:\.\d+)?)t(?![a-z])", name)
    billions = re.search(r"(?<![a-z\d.])(\d+(?:[.p]\d+)?)b(?![a-z])", name)
    if experts:
        size = Decimal(experts[1]) * Decimal(experts[2])
    elif trillions:
        size = Decimal(trillions[1]) * 1000
    elif billions:
        size = Decimal(billions[1].replace("p", "."))
    else:
        return "undisclosed"
    return next((band for limit, band in SIZE_BANDS if size < limit), "xl")


def tier(model: str, *, usd_per_million: Decimal | None) -> str:
    """budget | mid | flagship | premium by price, ``reasoning`` by name."""
    if REASONING.search(model.lower()):
        return "reasoning"
    if usd_per_million is None or usd_per_million <= BUDGET_MAX_OUTPUT_USD:
        return "budget"
    if usd_per_million <= MID_MAX_OUTPUT_USD:
        return "mid"
    return "flagship" if usd_per_million <= FLAGSHIP_MAX_OUTPUT_USD else "premium"
