"""The OpenAI and Anthropic sample reports load to the totals of their MANIFESTs; restatements replace."""

from decimal import Decimal

import pytest

from ingest.lake import Lake
from tests.integration.shared_data import SHARED_DATA, deliver, needs_shared_data
from tests.unit.ingest.folder_deliveries import Inbox
from tests.unit.ingest.llm_reports import rows, total

COSTROID = SHARED_DATA / "billing" / "costroid"
PAYLOADS = SHARED_DATA / "llm" / "payloads"
pytestmark = needs_shared_data


@pytest.fixture
def openai(tmp_path):
    return Inbox.below(tmp_path, "openai")


@pytest.fixture
def anthropic(tmp_path):
    return Inbox.below(tmp_path, "anthropic")


def overlay(inbox, folder):
    """Deliver a folder over what is there; what the ingest committed: (data set, month) -> message."""
    deliver(COSTROID / folder, inbox.folder)
    report = inbox.load()
    assert report.is_clean
    return {(item.manifest.dataset, item.manifest.partition): item.message for item in report.committed}


def payloads(inbox, *names):
    for name in names:
        deliver(PAYLOADS / name, inbox.folder / name)
    report = inbox.load()
    assert report.is_clean
    return report


def token_sums(inbox, dataset, columns, partition="2026-05"):
    sums = ", ".join(f"coalesce(sum({column}), 0)::BIGINT" for column in columns)
    return rows(inbox, dataset, sums, partition)[0]


def test_openai_costs_and_their_restatement(openai):
    overlay(openai, "openai-cost/fixture")
    assert total(openai, "openai_costs", "2026-05") == Decimal("139.7067890123456789")
    assert total(openai, "openai_costs", "2026-06") == Decimal("52.6789")
    assert len(rows(openai, "openai_costs", "*", "2026-05")) == 5
    lines = dict(rows(openai, "openai_costs", "line_item, (project_id, quantity, amount)", "2026-05"))
    assert lines["Promotional credit"] == (None, None, Decimal("-3.25"))
    assert lines["gpt-4o, output"][1] == 1234567890123456789
    changed = overlay(openai, "openai-cost/restated")
    assert set(changed) == {("openai_costs", "2026-05")}
    assert "139.7067890123456789 -> 113.75 USD (delta -25.9567890123456789)" in changed["openai_costs", "2026-05"]
    assert total(openai, "openai_costs", "2026-06") == Decimal("52.6789")
    assert overlay(openai, "openai-cost/restated") == {}


def test_openai_usage_of_every_kind(openai):
    overlay(openai, "openai-cost/fixture")
    found = {
        kind: values
        for kind, *values in rows(
            openai,
            "openai_usage",
            "kind, input_tokens, output_tokens, num_model_requests, quantity, quantity_unit",
        )
    }
    assert found == {
        "completions": [4_200_000, 850_000, 10, None, None],
        "images": [None, None, 3, 12, "images"],
        "audio_speeches": [None, None, 2, 5000, "characters"],
        "audio_transcriptions": [None, None, 4, 600, "seconds"],
        "code_interpreter_sessions": [None, None, None, 7, "sessions"],
        "file_searches": [None, None, None, 8, "requests"],
        "vector_stores": [None, None, None, 1_099_511_627_776, "bytes"],
        "web_searches": [None, None, 99, 15, "requests"],
    }


def test_anthropic_costs_and_their_restatement(anthropic):
    overlay(anthropic, "anthropic-cost/fixture")
    assert total(anthropic, "anthropic_costs", "2026-05") == Decimal("117.845678")
    assert total(anthropic, "anthropic_costs", "2026-06") == Decimal("92.005")
    cents = "sum(amount_cents), count(*), count(*) FILTER (token_type IS NULL)"
    assert rows(anthropic, "anthropic_costs", cents) == [(Decimal("11784.5678"), 10, 3)]
    twins = rows(anthropic, "anthropic_costs", "workspace_id, amount_cents")
    assert sorted(amount for workspace, amount in twins if workspace == "wrkspc_gamma") == [100, 200]
    changed = overlay(anthropic, "anthropic-cost/restated")
    assert set(changed) == {("anthropic_costs", "2026-05")}
    assert "117.845678 -> 115.5 USD (delta -2.345678)" in changed["anthropic_costs", "2026-05"]


USAGE_COLUMNS = (
    "uncached_input_tokens",
    "cache_read_input_tokens",
    "cache_creation_5m_input_tokens",
    "output_tokens",
    "web_search_requests",
)


def test_anthropic_usage_and_a_restatement_of_quantities_alone(anthropic):
    overlay(anthropic, "anthropic-cost/fixture")
    assert token_sums(anthropic, "anthropic_usage", USAGE_COLUMNS) == (
        2_001_041,
        300_000,
        100_000,
        2_050_123,
        5,
    )
    assert token_sums(anthropic, "anthropic_usage", USAGE_COLUMNS, "2026-06") == (
        3_000_000,
        0,
        0,
        4_000_000,
        0,
    )
    for folder, uncached in (("restated-usage", 1_901_041), ("restated-usage-orphan", 1_900_930)):
        assert set(overlay(anthropic, f"anthropic-cost/{folder}")) == {("anthropic_usage", "2026-05")}
        assert token_sums(anthropic, "anthropic_usage", USAGE_COLUMNS[:1]) == (uncached,)
        assert total(anthropic, "anthropic_costs") == Decimal("117.845678")
    assert len(Lake(anthropic.settings.lake_dir).load_log.lines()) == 6


def test_a_day_repeated_on_two_usage_pages_is_added_once(openai):
    payloads(
        openai,
        "openai_usage_completions_grouped_page1.json",
        "openai_usage_completions_grouped_page2.json",
        "openai_costs_by_line_item.json",
    )
    columns = "project_id, batch, input_tokens, input_cached_tokens, input_cache_write_30m_tokens, output_tokens"
    assert sorted(rows(openai, "openai_usage", columns, "2026-11")) == [
        ("proj_search", False, 5_000_000, 2_000_000, 0, 400_000),
        ("proj_search", True, 3_000_000, 0, 0, 250_000),
        ("proj_support", False, 8_000_000, 5_000_000, 1_000_000, 900_000),
    ]
    assert total(openai, "openai_costs", "2026-11") == Decimal("52.47")
    tokens = "sum(amount) FILTER (quantity_unit = 'tokens'), sum(quantity) FILTER (quantity_unit = 'tokens')"
    assert rows(openai, "openai_costs", tokens, "2026-11") == [(Decimal(52), Decimal(17_550_000))]
    hours = [q for q, unit in rows(openai, "openai_costs", "quantity, quantity_unit", "2026-11") if unit == "gibibyte_hours"]
    assert hours == [Decimal("28.8")]


def test_documented_openai_examples(openai):
    names = sorted(path.name for path in PAYLOADS.glob("openai_organization_*.json"))
    report = payloads(openai, *names)
    assert {item.manifest.rows for item in report.committed} == {1, 10}
    assert total(openai, "openai_costs", "2024-11") == Decimal("0.06")
    completions = "kind, input_tokens, input_uncached_tokens, input_cached_tokens, input_cache_write_tokens, model"
    found = [row[1:] for row in rows(openai, "openai_usage", completions, "2024-11") if row[0] == "completions"]
    assert found == [(1000, 500, 400, 100, None)]


def test_documented_and_constructed_anthropic_examples(anthropic):
    report = payloads(
        anthropic,
        "anthropic_usage_report_messages.json",
        "anthropic_cost_report.json",
        "anthropic_usage_report_grouped.json",
        "anthropic_cost_report_by_description.json",
    )
    assert {(item.manifest.dataset, item.manifest.partition) for item in report.committed} == {
        (dataset, month) for dataset in ("anthropic_usage", "anthropic_costs") for month in ("2025-08", "2026-11")
    }
    assert total(anthropic, "anthropic_costs", "2025-08") == Decimal("1.2378912")
    assert total(anthropic, "anthropic_costs", "2026-11") == Decimal("19.525")
    columns = ("uncached_input_tokens", "cache_creation_5m_input_tokens", "cache_creation_1h_input_tokens")
    assert token_sums(anthropic, "anthropic_usage", columns, "2026-11") == (3_500_000, 400_000, 100_000)
    keys = rows(anthropic, "anthropic_usage", "workspace_id, api_key_id, service_tier", "2026-11")
    assert (None, None, "batch") in keys


@pytest.mark.parametrize("kind", ["openai", "anthropic"])
def test_a_folder_with_everybodys_files_loads_its_own_and_names_the_rest(tmp_path, kind):
    inbox = Inbox.below(tmp_path, kind)
    deliver(PAYLOADS, inbox.folder)
    report = inbox.load()
    expected = {"openai": "52.47", "anthropic": "19.525"}[kind]
    assert total(inbox, f"{kind}_costs", "2026-11") == Decimal(expected)
    (entry,) = report.quarantined
    assert (entry.dataset, entry.partition) == ("unknown", "unknown")
    assert "anthropic_analytics_cost.json" in entry.message
    assert "openai_chat_completion.json" in entry.message
