"""Rows of LiteLLM's SpendLogs: the lake schema, and the SQL that brings a row's JSON into it.

Format: llm_usage_and_prices.md 2.3 (Postgres table ``LiteLLM_SpendLogs``, exported as JSON or by the spend
API). ``spend`` is the gateway's estimate in dollars, taken digit by digit. ``prompt_tokens`` includes cache
reads and writes for every vendor; the two parts stand in ``metadata.usage_object`` under OpenAI's or
Anthropic's names. Prompts, answers, IP addresses, user names and e-mails are never selected: they do not
reach the lake.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Final

from ingest.sources.json_lines import RowRule, guarded, quoted_numbers
from ingest.sql_casts import MONEY_TYPE, decimal_from_text, literal, utc_from_text

LAKE_SCHEMA: Final[Mapping[str, str]] = {
    "request_id": "VARCHAR",
    "call_type": "VARCHAR",
    "api_key": "VARCHAR",
    "spend": MONEY_TYPE,
    "prompt_tokens": "BIGINT",
    "completion_tokens": "BIGINT",
    "total_tokens": "BIGINT",
    "cache_read_tokens": "BIGINT",
    "cache_write_tokens": "BIGINT",
    "started_at": "TIMESTAMP",
    "ended_at": "TIMESTAMP",
    "model": "VARCHAR",
    "model_group": "VARCHAR",
    "custom_llm_provider": "VARCHAR",
    "team_id": "VARCHAR",
    "end_user": "VARCHAR",
    "status": "VARCHAR",
    "cache_hit": "BOOLEAN",
    "attempted_retries": "INTEGER",
    "attempted_fallbacks": "INTEGER",
    "request_tags": "VARCHAR",
    "session_id": "VARCHAR",
    "source_file": "VARCHAR",
}

_TEXTS: Final = (
    "call_type",
    "api_key",
    "model",
    "model_group",
    "custom_llm_provider",
    "end_user",
    "session_id",
)
_COUNTS: Final = ("prompt_tokens", "completion_tokens", "total_tokens")
SHAPE: Final = {
    **dict.fromkeys((*_TEXTS, *_COUNTS), "VARCHAR"),
    **dict.fromkeys(
        ("request_id", "spend", "startTime", "endTime", "team_id", "status", "cache_hit"), "VARCHAR"
    ),
    "request_tags": "JSON",
    "metadata": "JSON",
}
METADATA_SHAPE: Final = {
    "status": "VARCHAR",
    "user_api_key_team_id": "VARCHAR",
    "attempted_retries": "VARCHAR",
    "attempted_fallbacks": "VARCHAR",
    "usage_object": {
        "cache_read_input_tokens": "VARCHAR",
        "cache_creation_input_tokens": "VARCHAR",
        "prompt_tokens_details": {"cached_tokens": "VARCHAR", "cache_creation_tokens": "VARCHAR"},
    },
}


def started_at(row: str = "json") -> str:
    """SQL of a row's start in UTC from its JSON; NULL when it cannot be read."""
    return utc_from_text(f"({row} ->> '$.startTime')")


def typed_rows(relation: str, *, file: str) -> str:
    """A SELECT of the lake columns and the rows' texts ``raw`` and ``meta``.

    Args:
        relation: SQL relation with one column ``json`` holding one row's text.
        file: the delivered file's name.
    """
    parsed = f"SELECT json_transform({quoted_numbers('json')}, '{json.dumps(SHAPE)}') AS raw FROM {relation}"
    opened = (
        f"SELECT raw, json_transform({_unwrapped('raw.metadata')}, '{json.dumps(METADATA_SHAPE)}') AS meta,"
        f" {_unwrapped('raw.request_tags')} AS request_tags FROM ({parsed})"
    )
    return f"SELECT raw, meta, {lake_columns(file)} FROM ({opened})"


def lake_columns(file: str) -> str:
    """The select list of the lake columns from the texts ``raw``, ``meta`` and ``request_tags`` of a row.

    Args:
        file: the delivered file's name.
    """
    read, write = (
        _usage("cache_read_input_tokens", "cached_tokens"),
        _usage("cache_creation_input_tokens", "cache_creation_tokens"),
    )
    columns = {
        "request_id": "raw.request_id",
        **{name: f"nullif(raw.{name}, '')" for name in _TEXTS},
        "spend": decimal_from_text("raw.spend"),
        **{name: f"TRY_CAST(raw.{name} AS BIGINT)" for name in _COUNTS},
        "cache_read_tokens": f"TRY_CAST({read} AS BIGINT)",
        "cache_write_tokens": f"TRY_CAST({write} AS BIGINT)",
        "started_at": utc_from_text("raw.startTime"),
        "ended_at": utc_from_text("raw.endTime"),
        "team_id": "coalesce(nullif(raw.team_id, ''), nullif(meta.user_api_key_team_id, ''))",
        "status": "coalesce(nullif(raw.status, ''), nullif(meta.status, ''), 'success')",
        "cache_hit": "lower(coalesce(raw.cache_hit, '')) = 'true'",
        "attempted_retries": "TRY_CAST(meta.attempted_retries AS INTEGER)",
        "attempted_fallbacks": "TRY_CAST(meta.attempted_fallbacks AS INTEGER)",
        "request_tags": "CAST(request_tags AS VARCHAR)",
        "source_file": literal(file),
    }
    return ", ".join(f'{columns[name]} AS "{name}"' for name in LAKE_SCHEMA)


def rules() -> list[RowRule]:
    """The rules of a row of ``typed_rows``."""
    return [
        RowRule("request_id", "raw.request_id", "coalesce(raw.request_id, '') = ''", "an id"),
        RowRule("startTime", "raw.startTime", "started_at IS NULL", "a time such as 2026-05-01T00:00:00Z"),
        RowRule("endTime", "raw.endTime", "raw.endTime IS NOT NULL AND ended_at IS NULL", "a time"),
        RowRule("spend", "raw.spend", "spend IS NULL", "a number"),
        RowRule("status", "status", "status NOT IN ('success', 'failure')", "success or failure"),
        *(
            RowRule(name, f"raw.{name}", f"raw.{name} IS NOT NULL AND coalesce({name}, -1) < 0", "a count")
            for name in _COUNTS
        ),
        RowRule(
            "metadata.usage_object",
            "to_json(meta.usage_object)",
            "coalesce(cache_read_tokens, 0) < 0 OR coalesce(cache_write_tokens, 0) < 0",
            "counts",
        ),
    ]


def checked_columns(*, more: Sequence[RowRule] = ()) -> str:
    """The select list from ``typed_rows`` to the lake schema; a row with a problem raises an error.

    Args:
        more: what the rows must hold besides ``rules``.
    """
    first, *others = (f'"{name}"' for name in LAKE_SCHEMA)
    return ", ".join([guarded(first, [*rules(), *more]), *others])


def _usage(anthropic: str, openai: str) -> str:
    usage = "meta.usage_object"
    return f"coalesce({usage}.{anthropic}, {usage}.prompt_tokens_details.{openai})"


def _unwrapped(value: str) -> str:
    """JSON that some exports deliver as text inside JSON."""
    return f"CASE WHEN json_type({value}) = 'VARCHAR' THEN CAST(({value} ->> '$') AS JSON) ELSE {value} END"
