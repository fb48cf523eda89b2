"""Saved usage and cost pages become month partitions: told apart by content, exact, merged, or refused."""

import gzip
import json
import os
from datetime import datetime
from decimal import Decimal

import pytest

from ingest.lake import Lake
from ingest.run import ingest
from ingest.settings import Settings
from ingest.source_config import SourceConfig
from tests.unit.ingest.folder_deliveries import Inbox
from tests.unit.ingest.llm_reports import (
    Raw,
    anthropic_bucket,
    anthropic_cost,
    openai_bucket,
    openai_cost,
    openai_usage,
    page,
    rows,
    text,
    total,
)

ENVELOPES = {
    "page": lambda a, b: page(a, b),
    "two pages": lambda a, b: f"[{page(a, has_more=True)},{page(b)}]",
    "buckets": lambda a, b: text([a, b]),
    "page lines": lambda a, b: f"{page(a, has_more=True)}\n{page(b)}\n",
    "bucket lines": lambda a, b: f"{text(a)}\r\n{text(b)}\r\n",
    "pretty": lambda a, b: json.dumps([a, b], indent=2),
    "marked": lambda a, b: "\ufeff" + page(a, b),
}


@pytest.fixture
def openai(tmp_path):
    return Inbox.below(tmp_path, "openai")


@pytest.fixture
def anthropic(tmp_path):
    return Inbox.below(tmp_path, "anthropic")


def problem(inbox):
    report = inbox.load()
    assert len(report.quarantined) == 1, report
    return report.quarantined[0]


@pytest.mark.parametrize("envelope", ENVELOPES)
def test_every_envelope_gives_the_same_lines(openai, envelope):
    one, two = openai_bucket(openai_cost(1.5)), openai_bucket(openai_cost("2.25"), openai_cost(3), day=1)
    openai.put("x.json", ENVELOPES[envelope](one, two))
    assert openai.load().is_clean
    columns = "bucket_start, amount, currency, line_item, project_id, api_key_id, source_file"
    assert rows(openai, "openai_costs", columns) == [
        (datetime(2026, 5, day), Decimal(amount), "USD", "gpt-4o, input", "proj_a", None, "x.json")
        for day, amount in ((1, "1.5"), (2, "2.25"), (2, "3"))
    ]


@pytest.mark.parametrize(
    ("value", "amount"),
    [
        (Raw("123.4567890123456789"), "123.4567890123456789"),
        ("0.000000000000000001", "0.000000000000000001"),
        (Raw("-12345678901234567.123456789012345678"), "-12345678901234567.123456789012345678"),
        (Raw("1.5e-7"), "0.00000015"),
        ("0E-6176", "0"),
        ("0.13080438340307526000000000000000", "0.13080438340307526"),
    ],
)
def test_amounts_are_exact_whatever_their_form(openai, value, amount):
    openai.put("x.json", page(openai_bucket(openai_cost(value, quantity=Raw("1234567890123456789.5")))))
    (loaded,) = openai.load().committed
    assert loaded.manifest.money["USD"]["billed_cost"] == Decimal(amount)
    assert rows(openai, "openai_costs", "amount, quantity") == [(Decimal(amount), Decimal("1234567890123456789.5"))]
    assert not loaded.manifest.notes


def test_digits_behind_the_18th_are_rounded_and_noted(openai):
    openai.put("x.json", page(openai_bucket(openai_cost(Raw("0.1234567890123456785")))))
    (loaded,) = openai.load().committed
    assert total(openai, "openai_costs") == Decimal("0.123456789012345679")
    assert loaded.manifest.notes == ("1 lines have more than 18 decimals and were rounded at the 18th",)


def test_odd_text_in_a_line_item_is_not_mistaken_for_a_number(openai):
    item = 'x"value": 5, \\"quantity\\": 7, <b>😀\n=1+1'
    openai.put("x.json", page(openai_bucket(openai_cost(2, line_item=item))))
    assert openai.load().is_clean
    assert rows(openai, "openai_costs", "line_item, amount") == [(item, Decimal(2))]


def test_one_folder_feeds_usage_and_costs_of_several_months(openai):
    tokens = {"input_tokens": 1000, "input_cached_tokens": 400, "output_tokens": 50, "num_model_requests": 3}
    openai.put(
        "a.json",
        page(
            openai_bucket(openai_usage(batch=True, service_tier="default", **tokens)),
            openai_bucket(openai_usage(**tokens), day=31),
        ),
    )
    openai.put("b.json.gz", gzip.compress(page(openai_bucket(openai_cost())).encode()))
    loaded = {(item.manifest.dataset, item.manifest.partition) for item in openai.load().committed}
    assert loaded == {("openai_usage", "2026-05"), ("openai_usage", "2026-06"), ("openai_costs", "2026-05")}
    columns = "kind, batch, input_tokens, input_cached_tokens, output_tokens, num_model_requests, quantity"
    assert rows(openai, "openai_usage", columns) == [("completions", True, 1000, 400, 50, 3, None)]
    assert rows(openai, "openai_usage", "batch", "2026-06") == [(None,)]


def test_other_units_than_tokens_are_quantities(openai):
    results = {
        "images": {"images": 12},
        "audio_speeches": {"characters": 5000},
        "audio_transcriptions": {"seconds": Raw("600.25")},
        "vector_stores": {"usage_bytes": 1_099_511_627_776},
        "code_interpreter_sessions": {"num_sessions": 7},
        "file_searches": {"num_requests": 8},
        "web_searches": {"num_requests": 15, "num_model_requests": 99},
        "embeddings": {"input_tokens": 16},
    }
    openai.put("x.json", page(openai_bucket(*(openai_usage(kind, **more) for kind, more in results.items()))))
    assert openai.load().is_clean
    found = {kind: (amount, unit) for kind, amount, unit in rows(openai, "openai_usage", "kind, quantity, quantity_unit")}
    assert found == {
        "images": (12, "images"),
        "audio_speeches": (5000, "characters"),
        "audio_transcriptions": (Decimal("600.25"), "seconds"),
        "vector_stores": (1_099_511_627_776, "bytes"),
        "code_interpreter_sessions": (7, "sessions"),
        "file_searches": (8, "requests"),
        "web_searches": (15, "requests"),
        "embeddings": (None, None),
    }


def test_anthropic_cents_become_dollars_only_in_the_total(anthropic):
    anthropic.put("x.json", page(anthropic_bucket(anthropic_cost("123.78912"), anthropic_cost(Raw("-0.5"), model="m"))))
    assert anthropic.load().is_clean
    assert total(anthropic, "anthropic_costs") == Decimal("1.2328912")
    assert {row for (row,) in rows(anthropic, "anthropic_costs", "amount_cents")} == {
        Decimal("123.78912"),
        Decimal("-0.5"),
    }


def test_anthropic_usage_has_disjoint_buckets_and_null_keys(anthropic):
    split = {"ephemeral_5m_input_tokens": 40, "ephemeral_1h_input_tokens": 10}
    full = {"uncached_input_tokens": 100, "cache_creation": split, "cache_read_input_tokens": 600}
    search = {"output_tokens": 30, "server_tool_use": {"web_search_requests": 5}, "workspace_id": None}
    flat = {"cache_creation_input_tokens": 7, "workspace_id": "wrkspc_a"}
    anthropic.put("x.json", page(anthropic_bucket({**full, **search}, flat)))
    assert anthropic.load().is_clean
    columns = (
        "workspace_id, uncached_input_tokens, cache_creation_5m_input_tokens, cache_creation_1h_input_tokens,"
        " cache_read_input_tokens, output_tokens, web_search_requests"
    )
    assert sorted(rows(anthropic, "anthropic_usage", columns), key=str) == [
        ("wrkspc_a", None, 7, None, None, None, None),
        (None, 100, 40, 10, 600, 30, 5),
    ]


def test_equal_lines_of_one_page_are_all_real(anthropic):
    anthropic.put("x.json", page(anthropic_bucket(anthropic_cost("100"), anthropic_cost("100"), anthropic_cost("200"))))
    assert anthropic.load().is_clean
    assert total(anthropic, "anthropic_costs") == Decimal(4)


def test_overlapping_pages_are_merged_once(openai):
    shared = openai_bucket(openai_cost(1), openai_cost(1), openai_cost(5, line_item="gpt-4o, output"), day=1)
    openai.put("week1.json", page(openai_bucket(openai_cost(2)), shared))
    openai.put("week2.json", page(shared, openai_bucket(openai_cost("3"), day=2)))
    (loaded,) = openai.load().committed
    assert total(openai, "openai_costs") == Decimal(12)
    assert loaded.manifest.notes == ("3 lines of overlapping pages were taken once",)
    openai.put("copy.json", (openai.folder / "week1.json").read_bytes())
    assert openai.load().is_clean
    assert total(openai, "openai_costs") == Decimal(12)


def test_a_bucket_that_returns_on_a_later_page_with_other_lines_is_added(openai):
    openai.put("1.json", page(openai_bucket(openai_cost(1)), has_more=True, next_page="p2"))
    openai.put("2.json", page(openai_bucket(openai_cost(2, project_id="proj_b"))))
    (loaded,) = openai.load().committed
    assert total(openai, "openai_costs") == Decimal(3)
    assert not loaded.manifest.notes


CONTRADICTIONS = {
    "values": (openai_bucket(openai_cost(1)), openai_bucket(openai_cost(2)), "different values"),
    "number of lines": (
        openai_bucket(openai_cost(1), openai_cost(1)),
        openai_bucket(openai_cost(1)),
        "different values",
    ),
    "grouping": (
        openai_bucket(openai_cost(1), openai_cost(2, line_item="b")),
        openai_bucket(openai_cost(3, line_item=None, project_id=None)),
        "group the same bucket differently",
    ),
    "width": (
        openai_bucket(openai_cost(1)),
        openai_bucket(openai_cost(1, line_item="b"), hours=1),
        "buckets of different width",
    ),
}


@pytest.mark.parametrize("contradiction", CONTRADICTIONS)
def test_contradicting_pages_are_refused_naming_both_files(openai, contradiction):
    one, other, message = CONTRADICTIONS[contradiction]
    openai.put("one.json", page(one))
    assert openai.load().is_clean
    before = total(openai, "openai_costs")
    openai.put("other.json", page(other))
    entry = problem(openai)
    assert message in entry.message
    assert "one.json" in entry.message and "other.json" in entry.message
    assert total(openai, "openai_costs") == before
    (openai.folder / "other.json").unlink()
    assert openai.load().is_clean
    assert not Lake(openai.settings.lake_dir).quarantine_entries.entries()


def test_usage_of_different_kinds_may_share_a_bucket(openai):
    openai.put("a.json", page(openai_bucket(openai_usage(input_tokens=1))))
    openai.put("b.json", page(openai_bucket(openai_usage("images", images=1, model=None))))
    assert openai.load().is_clean
    assert len(rows(openai, "openai_usage", "kind")) == 2


@pytest.mark.parametrize(
    ("result", "column"),
    [
        (openai_cost(1, amount={"value": 1}), "currency"),
        (openai_cost(1, amount={"value": 1, "currency": ""}), "currency"),
        (openai_cost(1, amount={"currency": "usd"}), "amount"),
        (openai_cost("12,34"), "amount"),
        (openai_usage(input_tokens="many"), "input_tokens"),
        (openai_usage(input_tokens=1.5), "input_tokens"),
    ],
)
def test_wrong_values_are_named_by_file_row_and_column(openai, result, column):
    good = {**result, "amount": {"value": 1, "currency": "usd"}} if "amount" in result else openai_usage(input_tokens=1)
    openai.put("x.json", page(openai_bucket(good, result)))
    (wrong,) = problem(openai).mismatches
    assert (wrong["file"], wrong["row"], wrong["column"]) == ("x.json", 2, column)


def test_a_restated_file_replaces_its_months_even_with_equal_size_and_time(openai):
    path = openai.put("usage.json", page(openai_bucket(openai_usage(input_tokens=100))))
    stat = path.stat()
    assert openai.loaded() == ["2026-05"]
    assert openai.loaded() == []
    path.write_text(page(openai_bucket(openai_usage(input_tokens=900))))
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert path.stat().st_size == stat.st_size
    assert openai.loaded() == ["2026-05"]
    assert rows(openai, "openai_usage", "input_tokens") == [(900,)]


def test_a_file_without_results_empties_its_month_and_a_missing_one_does_not(openai):
    openai.put("costs.json", page(openai_bucket(openai_cost(5))))
    openai.put("june.json", page(openai_bucket(openai_cost(7), day=31)))
    assert openai.loaded() == ["2026-05", "2026-06"]
    openai.put("costs.json", page(openai_bucket()))
    (openai.folder / "june.json").unlink()
    (loaded,) = openai.load().committed
    assert "replaced: 1 rows -> 0 rows, billed_cost 5 -> 0 USD (delta -5)" in loaded.message
    assert total(openai, "openai_costs", "2026-06") == Decimal(7)


@pytest.mark.parametrize("content", ["[]", '{"object":"page","data":[],"has_more":false}'])
def test_a_file_that_became_empty_empties_the_month_it_fed(openai, content):
    openai.put("costs.json", page(openai_bucket(openai_cost(5))))
    assert openai.loaded() == ["2026-05"]
    openai.put("costs.json", content)
    assert openai.loaded() == ["2026-05"]
    assert rows(openai, "openai_costs", "*") == []


def test_a_truncated_page_holds_back_only_what_it_fed(openai):
    openai.put("may.json", page(openai_bucket(openai_cost(5))))
    openai.put("june.json", page(openai_bucket(openai_cost(7), day=31)))
    assert openai.loaded() == ["2026-05", "2026-06"]
    openai.put("may.json", page(openai_bucket(openai_cost(6)))[:-20])
    openai.put("june.json", page(openai_bucket(openai_cost(8), day=31)))
    report = openai.load()
    assert [item.manifest.partition for item in report.committed] == ["2026-06"]
    (entry,) = report.quarantined
    assert (entry.dataset, entry.partition, entry.where["file"]) == ("openai_costs", "2026-05", "may.json")
    assert entry.where["line"] == 1
    assert total(openai, "openai_costs") == Decimal(5)
    openai.put("may.json", page(openai_bucket(openai_cost(9))))
    assert openai.loaded() == ["2026-05"]
    assert not Lake(openai.settings.lake_dir).quarantine_entries.entries()


def test_a_new_unreadable_file_holds_back_the_month_in_its_name(openai):
    openai.put("2026-05.a.json", page(openai_bucket(openai_cost(5)), has_more=True))
    openai.put("2026-05.b.json", "{")
    openai.put("2026-06.json", '{"data":')
    report = openai.load()
    assert not report.committed
    assert {(entry.dataset, entry.partition) for entry in report.quarantined} == {
        ("openai_costs", "2026-05"),
        ("unknown", "2026-06"),
    }
    openai.put("2026-05.b.json", page(openai_bucket(openai_cost(1), day=1)))
    openai.put("2026-06.json", page(openai_bucket(openai_usage(input_tokens=3), day=31)))
    assert openai.loaded() == ["2026-05", "2026-06"]
    assert not Lake(openai.settings.lake_dir).quarantine_entries.entries()


def test_json_that_is_no_report_is_quarantined_apart_and_another_providers_report_is_noticed(openai, caplog):
    openai.put("2026-05/costs.json", page(openai_bucket(openai_cost(5))))
    openai.put("2026-05/chat.json", '{"object":"chat.completion","usage":{"prompt_tokens":1}}')
    openai.put("2026-05/other.json", page(openai_bucket({"object": "organization.audit.result"})))
    openai.put("2026-05/anthropic.json", page(anthropic_bucket(anthropic_cost())))
    report = openai.load()
    assert [item.manifest.dataset for item in report.committed] == ["openai_costs"]
    (entry,) = report.quarantined
    assert (entry.dataset, entry.partition) == ("unknown", "unknown")
    assert "chat.json" in entry.message and "organization.audit.result" in entry.message
    assert "anthropic.json holds no OpenAI report" in caplog.text


def test_json_that_is_nested_without_end_is_refused(openai):
    openai.put("deep.json", "[" * 200_000)
    assert problem(openai).partition == "unknown"


def test_the_organization_of_the_configuration_fills_the_lines_and_a_new_one_reloads(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "x.json").write_text(page(openai_bucket(openai_cost(), openai_cost(2, organization_id="org-own"))))
    for organization in ("org-1", "org-2"):
        options = {"organization": organization}
        source = SourceConfig(name="bills", type="openai", location=str(folder), options=options)
        assert ingest(Settings(home=tmp_path / "home", sources=(source,))).committed
        inbox = Inbox(folder, tmp_path / "home", "openai")
        assert set(rows(inbox, "openai_costs", "organization_id")) == {(organization,), ("org-own",)}


def test_an_analytics_page_is_not_taken_for_costs(anthropic):
    row = {"starting_at": "2026-05-01T00:00:00Z", "group": {}, "cost": {"amount": "1", "currency": "USD"}}
    anthropic.put("x.json", page(row))
    assert "analytics" in problem(anthropic).message


def test_a_page_that_announces_a_missing_one_is_noted(anthropic):
    anthropic.put("x.json", page(anthropic_bucket(anthropic_cost()), has_more=True, next_page="p"))
    (loaded,) = anthropic.load().committed
    assert loaded.manifest.notes == ("x.json says has_more, but no later page of anthropic_costs is here",)
