"""LiteLLM's request log: layouts of an export, token parts, days, no personal data, what is refused."""

import hashlib
import json
from datetime import datetime
from decimal import Decimal

import duckdb
import pytest

from ingest.lake import Lake
from ingest.sources.litellm_rows import LAKE_SCHEMA
from tests.unit.ingest.folder_deliveries import Inbox, json_lines

DAY = "2026-11-03"


@pytest.fixture
def inbox(tmp_path):
    return Inbox.below(tmp_path, "litellm")


def log_row(number: int = 1, *, day: str = DAY, usage: dict | None = None, **changes):
    """A SpendLogs row as LiteLLM's API shows it."""
    row = {
        "request_id": f"chatcmpl-{number}",
        "call_type": "acompletion",
        "api_key": "3f0b6c0e",
        "spend": 0.029,
        "total_tokens": 11200,
        "prompt_tokens": 10000,
        "completion_tokens": 1200,
        "startTime": f"{day}T10:00:00.000Z",
        "endTime": f"{day}T10:00:02.500Z",
        "model": "gpt-4o-2024-08-06",
        "model_group": "gpt-4o",
        "custom_llm_provider": "openai",
        "user": "jane@example.org",
        "metadata": {
            "user_api_key_user_email": "jane@example.org",
            "status": "success",
            "attempted_retries": 1,
            "attempted_fallbacks": 0,
            "usage_object": usage or {"prompt_tokens_details": {"cached_tokens": 6400}},
        },
        "cache_hit": "False",
        "request_tags": ["env:prod"],
        "team_id": "team_search",
        "end_user": "customer_42",
        "requester_ip_address": "192.0.2.7",
        "messages": [{"role": "user", "content": 'a secret prompt: "cost": 5'}],
        "session_id": "sess_1",
        "status": "success",
    }
    return {**row, **changes}


def test_spend_in_a_page_of_the_api_keeps_its_digits(inbox):
    digits = "123456.123456789012345678"
    page = json.dumps({"data": [log_row(1), log_row(2, spend=3)], "total": 2}).replace("0.029", digits)
    inbox.put("page.json", page)
    assert inbox.load().is_clean
    assert sorted(inbox.rows(DAY, "spend, prompt_tokens")) == [(3, 10000), (Decimal(digits), 10000)]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("log.jsonl", json_lines(log_row(1), log_row(2))),
        ("log.json", json.dumps([log_row(1), log_row(2)])),
        ("pretty.json", json.dumps([log_row(1), log_row(2)], indent=1)),
        ("page.json", json.dumps({"data": [log_row(1), log_row(2)], "total": 2, "page": 1})),
        ("pretty-page.json", json.dumps({"total": 2, "data": [log_row(1), log_row(2)]}, indent=2)),
    ],
)
def test_every_layout_of_an_export_gives_the_same_rows(inbox, name, content):
    inbox.put(name, content)
    assert inbox.loaded() == [DAY]
    assert inbox.money(column="spend") == {DAY: Decimal("0.058")}
    assert inbox.rows(DAY, "* EXCLUDE (source_file)")[0] == (
        "chatcmpl-1",
        "acompletion",
        "3f0b6c0e",
        Decimal("0.029"),
        10000,
        1200,
        11200,
        6400,
        None,
        datetime(2026, 11, 3, 10),
        datetime(2026, 11, 3, 10, 0, 2, 500000),
        "gpt-4o-2024-08-06",
        "gpt-4o",
        "openai",
        "team_search",
        "customer_42",
        "success",
        False,
        1,
        0,
        '["env:prod"]',
        "sess_1",
    )


def test_personal_columns_never_reach_the_lake(inbox):
    inbox.put("log.jsonl", json_lines(log_row()))
    inbox.load()
    text = json.dumps(inbox.rows(DAY), default=str)
    assert not [word for word in ("jane", "192.0.2.7", "secret prompt") if word in text]


def test_anthropic_token_parts_a_cache_hit_and_a_failure_are_told_apart(inbox):
    usage = {"cache_read_input_tokens": 40000, "cache_creation_input_tokens": 5000}
    rows = [
        log_row(1, usage=usage),
        log_row(2, cache_hit="True", spend=0.0),
        log_row(3, status=None, metadata={"status": "failure"}, team_id="", endTime=None),
        log_row(
            4, metadata=json.dumps({"user_api_key_team_id": "team_ads"}), team_id=None, request_tags="[]"
        ),
    ]
    inbox.put("log.jsonl", json_lines(*rows))
    inbox.load()
    columns = "cache_read_tokens, cache_write_tokens, cache_hit, status, team_id, request_tags"
    assert inbox.rows(DAY, columns) == [
        (40000, 5000, False, "success", "team_search", '["env:prod"]'),
        (6400, None, True, "success", "team_search", '["env:prod"]'),
        (None, None, False, "failure", None, '["env:prod"]'),
        (None, None, False, "success", "team_ads", "[]"),
    ]


def test_a_file_over_midnight_feeds_two_days(inbox):
    inbox.put("log.jsonl", json_lines(log_row(1), log_row(2, day="2026-11-04")))
    assert inbox.loaded() == [DAY, "2026-11-04"]
    assert inbox.loaded() == []


def test_overlapping_exports_are_refused(inbox):
    inbox.put("a.jsonl", json_lines(log_row(1)))
    inbox.put("b.jsonl", json_lines(log_row(2)))
    assert inbox.loaded() == [DAY]
    inbox.put("b.jsonl", json_lines(log_row(2), log_row(1)))
    entry = inbox.load().quarantined[0]
    assert entry.found == "chatcmpl-1, also in a.jsonl"


def test_wrong_rows_are_named(inbox):
    rows = [log_row(1), log_row(2, spend="x"), log_row(3, status="maybe"), log_row(4, prompt_tokens=-1)]
    inbox.put("log.jsonl", json_lines(*rows, log_row(5, request_id="")))
    entry = inbox.load().quarantined[0]
    assert [(item["line"], item["column"]) for item in entry.mismatches] == [
        (2, "spend"),
        (3, "status"),
        (4, "prompt_tokens"),
        (5, "request_id"),
    ]


def test_a_broken_line_is_named_and_its_day_held_back(inbox):
    inbox.put(f"log-{DAY}.jsonl", json_lines(log_row()) + '{"request_id": \n')
    entry = inbox.load().quarantined[0]
    assert (entry.partition, entry.where["line"]) == (DAY, 2)


def lake_rows() -> str:
    values = ", ".join(
        f"CAST({'TIMESTAMP ' + repr(DAY) if kind == 'TIMESTAMP' else '1'} AS {kind}) AS {name}"
        for name, kind in LAKE_SCHEMA.items()
    )
    return f"SELECT {values}"


def test_parquet_in_the_lakes_schema_lands_byte_for_byte(inbox):
    with duckdb.connect() as connection:
        connection.execute(f"COPY ({lake_rows()}) TO '{inbox.folder}/log.parquet'")
    delivered = (inbox.folder / "log.parquet").read_bytes()
    manifest = inbox.load().committed[0].manifest
    assert (Lake(inbox.settings.lake_dir).root / manifest.files[0].path).read_bytes() == delivered
    assert manifest.files[0].sha256 == hashlib.sha256(delivered).hexdigest()


def test_parquet_of_the_table_itself_is_typed_without_its_personal_columns(inbox, tmp_path):
    source = tmp_path / "log.json"
    source.write_text(json.dumps([log_row()]))
    with duckdb.connect() as connection:
        query = f"SELECT * FROM read_json('{source}')"
        connection.execute(f"COPY ({query}) TO '{inbox.folder}/log.parquet'")
    manifest = inbox.load().committed[0].manifest
    assert [column.name for column in manifest.columns] == list(LAKE_SCHEMA)
    assert inbox.rows(DAY, "spend, cache_read_tokens") == [(Decimal("0.029"), 6400)]
