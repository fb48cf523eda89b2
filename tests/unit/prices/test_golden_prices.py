"""Amounts computed by hand or read off real invoices, recomputed from the price seeds through the join of the
marts.

Cases: real console amounts of BerriAI/litellm issue 9812, vendor price pages, and the published request trace
of Mooncake (only its arithmetic is repeated here: the trace itself is not part of the tree).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

import duckdb
import pytest
from token_pricing import Request, connect, cost

NOVEMBER = datetime(2026, 11, 3, 12)
SONNET = "claude-sonnet-4-6"


@pytest.fixture(scope="module")
def prices() -> Iterator[duckdb.DuckDBPyConnection]:
    connection = connect()
    yield connection
    connection.close()


def request(
    model: str, when: datetime = NOVEMBER, *, price_class: str = "standard", **buckets: int
) -> Request:
    provider, name = model.split("/", 1)
    return Request(provider=provider, model=name, usage_at=when, buckets=buckets, price_class=price_class)


CASES = {
    "console amount with a 5m cache write": (
        request("anthropic/claude-3-7-sonnet-latest", uncached_input=3, cache_write_5m=12304, output=550),
        "0.054399",
    ),
    "cached input is not billed twice": (
        request("openai/gpt-4o", uncached_input=3600, cache_read=6400, output=1200),
        "0.029",
    ),
    "batch without a cached rate keeps the standard one": (
        request(
            "openai/gpt-4o", price_class="batch", uncached_input=600_000, cache_read=400_000, output=100_000
        ),
        "1.75",
    ),
    "cache writes of 30 minutes": (
        request(
            "openai/gpt-5.6-sol", uncached_input=3000, cache_read=12_000, cache_write_30m=5000, output=3000
        ),
        "0.1018",
    ),
    "at the tier": (request("openai/gpt-5.6-sol", uncached_input=272_000, output=1000), "1.108"),
    "one token above the tier": (
        request("openai/gpt-5.6-sol", uncached_input=272_001, output=1000),
        "2.206008",
    ),
    "day before the price cut": (
        request("openai/gpt-5.6-sol", datetime(2026, 8, 20, 23, 59, 59), uncached_input=250_000),
        "1.25",
    ),
    "day of the price cut": (
        request("openai/gpt-5.6-sol", datetime(2026, 8, 21), uncached_input=250_000),
        "1.00",
    ),
    "two times to live and searches": (
        request(
            f"anthropic/{SONNET}",
            uncached_input=800,
            cache_read=40_000,
            cache_write_5m=3000,
            cache_write_1h=2000,
            output=1500,
            web_search=2,
        ),
        "0.08015",
    ),
    "batch halves the cache rates too": (
        request(
            f"anthropic/{SONNET}", price_class="batch", uncached_input=2000, cache_read=10_000, output=600
        ),
        "0.009",
    ),
    "long context tier while it existed": (
        request(f"anthropic/{SONNET}", datetime(2026, 3, 12, 12), uncached_input=200_001, output=1000),
        "1.222506",
    ),
    "long context tier gone": (
        request(f"anthropic/{SONNET}", datetime(2026, 3, 13), uncached_input=200_001, output=1000),
        "0.615003",
    ),
    "gemini at the tier": (request("google/gemini-2.5-pro", uncached_input=200_000, output=1000), "0.26"),
    "gemini above the tier": (
        request("google/gemini-2.5-pro", uncached_input=200_001, output=1000),
        "0.5150025",
    ),
    "gemini thoughts are output": (
        request("google/gemini-2.5-pro", uncached_input=10_000, cache_read=20_000, output=2000),
        "0.035",
    ),
    "o3 before the cut": (
        request("openai/o3", datetime(2025, 6, 9, 23, 59), uncached_input=1_000_000, output=1_000_000),
        "50",
    ),
    "o3 after the cut": (
        request("openai/o3", datetime(2025, 6, 10), uncached_input=1_000_000, output=1_000_000),
        "10",
    ),
    "o3 batch before the catalogue verified it": (
        request(
            "openai/o3", datetime(2026, 9, 1), price_class="batch", uncached_input=1_000_000, output=1_000_000
        ),
        "5",
    ),
    "o3 cached input at launch": (
        request("openai/o3", datetime(2025, 5, 1), cache_read=1_000_000),
        "2.5",
    ),
    "deepseek in the day": (
        request(
            "deepseek/deepseek-reasoner", datetime(2025, 6, 1, 10), uncached_input=1_000_000, output=1_000_000
        ),
        "2.74",
    ),
    "deepseek at night": (
        request(
            "deepseek/deepseek-reasoner", datetime(2025, 6, 1, 17), uncached_input=1_000_000, output=1_000_000
        ),
        "0.685",
    ),
    "deepseek past midnight, inside the window that crosses it": (
        request(
            "deepseek/deepseek-reasoner",
            datetime(2025, 6, 1, 0, 29),
            uncached_input=1_000_000,
            output=1_000_000,
        ),
        "0.685",
    ),
    "deepseek peak hours before there were any": (
        request("deepseek/deepseek-v4-flash", datetime(2026, 8, 1, 2), uncached_input=1_000_000),
        "0.14",
    ),
    "deepseek peak hours": (
        request("deepseek/deepseek-v4-flash", datetime(2026, 11, 3, 2), uncached_input=1_000_000),
        "0.3",
    ),
    "no cache price: cached tokens cost the input price": (
        request(
            "together/meta-llama/Llama-3.3-70B-Instruct-Turbo", uncached_input=600_000, cache_read=400_000
        ),
        "0.88",
    ),
    "bedrock global": (
        request("aws/global.anthropic.claude-sonnet-4-6-v1:0", uncached_input=1_000_000),
        "3.00",
    ),
    "bedrock regional": (
        request("aws/regional.anthropic.claude-sonnet-4-6-v1:0", uncached_input=1_000_000),
        "3.30",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_price_join_gives_the_hand_computed_amount(prices: duckdb.DuckDBPyConnection, case: str) -> None:
    asked, expected = CASES[case]
    assert cost(prices, [asked]) == Decimal(expected)


def test_tiers_are_applied_per_request_not_to_the_aggregate(prices: duckdb.DuckDBPyConnection) -> None:
    one = request("google/gemini-2.5-pro", uncached_input=100_000, output=1000)
    whole = request("google/gemini-2.5-pro", uncached_input=1_000_000, output=10_000)
    assert cost(prices, [one] * 10) == Decimal("1.35")
    assert cost(prices, [whole]) == Decimal("2.65")


def test_unknown_model_and_unknown_class_are_unpriced_not_free(prices: duckdb.DuckDBPyConnection) -> None:
    assert cost(prices, [request("openai/my-new-model", uncached_input=10)]) is None
    assert cost(prices, [request("openai/gpt-4o", price_class="procesing", uncached_input=10)]) is None
    assert cost(prices, [request("openai/gpt-4o", datetime(2020, 1, 1), uncached_input=10)]) is None


def test_batch_of_a_model_before_its_batch_api_is_unpriced(prices: duckdb.DuckDBPyConnection) -> None:
    early = request("anthropic/claude-3-haiku", datetime(2024, 6, 1), price_class="batch", uncached_input=10)
    assert cost(prices, [early]) is None
