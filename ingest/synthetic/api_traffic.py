"""Which LLM API traffic the company has: who calls which model through which key, at what price. Facts only.

Keys and owners agree with seeds/allocation/api_keys.csv; prices are the vendors' list prices of 2026 in USD
per million tokens. ``UNKNOWN_MODEL`` stands in no price list: its cost appears only in the vendor's cost
report.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from ingest.synthetic.company import UNALLOCATED

UNKNOWN_MODEL = "aurora-preview-1"
MOVED_KEY, MOVED_ON = "key_nw_shared_moved", date(2026, 10, 16)
OPENAI_TOOL_PROJECT, OPENAI_SHARED_PROJECT = "proj_nw_support", "proj_nw_shared"
ANTHROPIC_SEARCH_WORKSPACE = "wrkspc_nw_support"
BATCH_FACTOR = Decimal("0.5")


@dataclass(frozen=True, kw_only=True)
class Price:
    """USD per million tokens: uncached input, cache read, 5-minute and 1-hour cache write, output."""

    uncached: str
    read: str
    write_5m: str
    write_1h: str
    output: str


PRICES = {
    "gpt-4o-2024-08-06": Price(uncached="2.5", read="1.25", write_5m="0", write_1h="0", output="10"),
    "gpt-4o-mini-2024-07-18": Price(uncached="0.15", read="0.075", write_5m="0", write_1h="0", output="0.6"),
    "text-embedding-3-small": Price(uncached="0.02", read="0", write_5m="0", write_1h="0", output="0"),
    UNKNOWN_MODEL: Price(uncached="4", read="0", write_5m="0", write_1h="0", output="16"),
    "claude-sonnet-4-6": Price(uncached="3", read="0.3", write_5m="3.75", write_1h="6", output="15"),
    "claude-haiku-4-5-20251001": Price(uncached="1", read="0.1", write_5m="1.25", write_1h="2", output="5"),
}


@dataclass(frozen=True, kw_only=True)
class Traffic:
    """One stream of calls. ``account``: the vendor's project or workspace; ``gateway``: LiteLLM key alias."""

    number: int
    provider: str
    account: str | None
    key: str | None
    team: str
    model: str
    per_day: int
    input_tokens: int
    output_tokens: int
    read_percent: int = 0
    write_5m_percent: int = 0
    write_1h_percent: int = 0
    is_batch: bool = False
    is_embedding: bool = False
    gateway: str = ""


def _stream(
    number: int, provider: str, account: str | None, key: str | None, team: str, model: str, per_day: int,
    tokens: tuple[int, int], **extra: object,
) -> Traffic:  # fmt: skip
    values = {
        "number": number,
        "provider": provider,
        "account": account,
        "key": key,
        "team": team,
        "model": model,
    }
    size = {"per_day": per_day, "input_tokens": tokens[0], "output_tokens": tokens[1]}
    return Traffic(**{**values, **size, **extra})  # type: ignore[arg-type]


_4O, _MINI = "gpt-4o-2024-08-06", "gpt-4o-mini-2024-07-18"
_SONNET, _HAIKU = "claude-sonnet-4-6", "claude-haiku-4-5-20251001"
_OPENAI, _ANTHROPIC = "openai", "anthropic"
TRAFFIC = (
    _stream(1, _OPENAI, "proj_nw_assistant", "key_nw_assistant_chat", "assistant", _4O, 16, (9000, 700),
            read_percent=40, gateway="assistant-chat"),
    _stream(2, _OPENAI, "proj_nw_assistant", "key_nw_assistant_tools", "assistant", UNKNOWN_MODEL, 8,
            (3000, 400)),
    _stream(3, _OPENAI, OPENAI_TOOL_PROJECT, "key_nw_support_triage", "support_ai", _MINI, 18, (4000, 300),
            read_percent=25, gateway="support-triage"),
    _stream(4, _OPENAI, "proj_nw_data", "key_nw_data_batch", "data_platform", _MINI, 24, (12000, 900),
            is_batch=True),
    _stream(5, _OPENAI, "proj_nw_data", "key_nw_data_batch", "data_platform", "text-embedding-3-small", 20,
            (40000, 0), is_embedding=True),
    _stream(6, _OPENAI, OPENAI_SHARED_PROJECT, "key_nw_shared_search", "search", _MINI, 14, (2500, 200),
            gateway="search-rewrite"),
    _stream(7, _OPENAI, OPENAI_SHARED_PROJECT, "key_nw_shared_ads", "ads", _MINI, 10, (1800, 500),
            gateway="ads-copy"),
    _stream(8, _OPENAI, OPENAI_SHARED_PROJECT, MOVED_KEY, "mobile", _4O, 12, (2200, 350)),
    _stream(9, _OPENAI, OPENAI_SHARED_PROJECT, "key_nw_orphan", UNALLOCATED, _MINI, 5, (3000, 250)),
    _stream(10, _ANTHROPIC, "wrkspc_nw_assistant", "apikey_nw_assistant", "assistant", _SONNET, 26,
            (24000, 1400), read_percent=55, write_5m_percent=10, write_1h_percent=5),
    _stream(11, _ANTHROPIC, "wrkspc_nw_assistant", "apikey_nw_assistant_mobile", "mobile", _SONNET, 14,
            (8000, 800), read_percent=30, write_5m_percent=10),
    _stream(12, _ANTHROPIC, "wrkspc_nw_research", "apikey_nw_research_batch", "research", _SONNET, 16,
            (30000, 2600), is_batch=True),
    _stream(13, _ANTHROPIC, "wrkspc_nw_research", "apikey_nw_research_batch", "research", _HAIKU, 6,
            (9000, 900), gateway="research-lab"),
    _stream(14, _ANTHROPIC, ANTHROPIC_SEARCH_WORKSPACE, "apikey_nw_support", "support_ai", _HAIKU, 28,
            (6000, 500), read_percent=20, write_5m_percent=15),
    _stream(15, _ANTHROPIC, None, "apikey_nw_platform", "platform", _HAIKU, 10, (5000, 600)),
    _stream(16, _ANTHROPIC, None, None, UNALLOCATED, _SONNET, 3, (2000, 900)),
)  # fmt: skip


def gateway_key(alias: str) -> str:
    """The hash under which the gateway logs a virtual key."""
    return hashlib.sha256(f"northwind/{alias}".encode()).hexdigest()


def team_of(traffic: Traffic, day: date) -> str:
    """Who owned a stream's key on a day: one key changed hands."""
    if traffic.key == MOVED_KEY:
        return "mobile" if day < MOVED_ON else "assistant"
    return traffic.team
