"""OpenAI organization usage and costs: saved pages, or live from the admin API. Data sets ``openai_usage``,
``openai_costs``.

Formats and traps: llm_usage_and_prices.md 2.1. Amounts are US dollars, as numbers or as strings, taken from
the JSON text to the 18th decimal. Group keys stay null where a report was not grouped by them.
``input_tokens`` includes cached and written tokens; staging makes the buckets disjoint. What is counted in
other units than tokens (characters, seconds, images, bytes, sessions, calls) is ``quantity`` with
``quantity_unit``. Live: ``location`` is the base URL (``https://api.openai.com/v1``), the key comes from
OPENAI_ADMIN_KEY.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path

from ingest.errors import ConfigError
from ingest.http_api import HttpApi
from ingest.http_paging import save_pages
from ingest.sources.report_pages import Envelope
from ingest.sources.report_rows import ReportSpec
from ingest.sources.report_source import ReportSource

log = logging.getLogger(__name__)

USAGE, COSTS = "openai_usage", "openai_costs"
_KEYS = ("project_id", "user_id", "api_key_id", "model", "batch", "service_tier", "api_source")
_GROUPINGS = (*_KEYS, "line_item", "size", "source", "context_level", "vector_store_id")
_TOKENS = (
    "input_tokens",
    "input_uncached_tokens",
    "input_cached_tokens",
    "input_cache_write_tokens",
    "input_cache_write_30m_tokens",
    "input_cache_write_12h_tokens",
    "output_tokens",
    "num_model_requests",
    "input_text_tokens",
    "input_audio_tokens",
    "input_image_tokens",
    "input_cached_text_tokens",
    "input_cached_audio_tokens",
    "input_cached_image_tokens",
    "output_text_tokens",
    "output_audio_tokens",
    "output_image_tokens",
)
_UNITS = {
    "characters": "characters",
    "seconds": "seconds",
    "images": "images",
    "usage_bytes": "bytes",
    "num_sessions": "sessions",
    "num_requests": "requests",
}
_KIND = r"coalesce(nullif(regexp_extract(r.object, '^organization\.usage\.(.+)\.result$', 1), ''), 'completions')"
_HAS_TOKENS = " OR ".join(f"(result -> '{key}') IS NOT NULL" for key in (*_TOKENS, *_UNITS))

USAGE_SPEC = ReportSpec(
    dataset=USAGE,
    is_mine=(
        "(result ->> 'object') LIKE 'organization.usage.%.result'"
        f" OR ((result ->> 'object') IS NULL AND (result -> 'amount') IS NULL AND ({_HAS_TOKENS}))"
    ),
    fields=json.dumps(dict.fromkeys(("object", "organization_id", *_KEYS, *_TOKENS, *_UNITS), "VARCHAR")),
    kind=_KIND,
    texts={
        "kind": _KIND,
        "organization_id": "r.organization_id",
        **{key: f"r.{key}" for key in _KEYS},
        "batch": "CASE r.batch WHEN 'true' THEN true WHEN 'false' THEN false END",
        "quantity_unit": "CASE " + " ".join(f"WHEN r.{key} IS NOT NULL THEN '{unit}'" for key, unit in _UNITS.items()) + " END",
    },
    counts={key: f"r.{key}" for key in _TOKENS},
    decimals={"quantity": f"coalesce({', '.join(f'r.{key}' for key in _UNITS)})"},
    required=("bucket_end",),
    dimensions_without=(*_TOKENS, *_UNITS),
    groupings=_GROUPINGS,
)

COSTS_SPEC = ReportSpec(
    dataset=COSTS,
    is_mine=(
        "(result ->> 'object') = 'organization.costs.result'"
        " OR ((result ->> 'object') IS NULL AND json_type(result -> 'amount') = 'OBJECT')"
    ),
    fields=json.dumps(
        {
            **dict.fromkeys(("organization_id", "project_id", "api_key_id", "user_id", "line_item", "quantity"), "VARCHAR"),
            "quantity_unit": "VARCHAR",
            "amount": {"value": "VARCHAR", "currency": "VARCHAR"},
        }
    ),
    kind="'costs'",
    texts={
        **{key: f"r.{key}" for key in ("organization_id", "project_id", "api_key_id", "user_id", "line_item")},
        "currency": "upper(r.amount.currency)",
        "quantity_unit": "r.quantity_unit",
    },
    counts={},
    decimals={"amount": "r.amount.value", "quantity": "r.quantity"},
    required=("bucket_end", "amount", "currency"),
    dimensions_without=("amount", "quantity"),
    groupings=_GROUPINGS,
    money_column="amount",
)

# endpoint -> what it can be grouped by (the reports of other tools have no more keys)
_ENDPOINTS = {
    "completions": ("project_id", "user_id", "api_key_id", "model", "batch", "service_tier"),
    "embeddings": ("project_id", "user_id", "api_key_id", "model"),
    "moderations": ("project_id", "user_id", "api_key_id", "model"),
    "images": ("project_id", "user_id", "api_key_id", "model"),
    "audio_speeches": ("project_id", "user_id", "api_key_id", "model"),
    "audio_transcriptions": ("project_id", "user_id", "api_key_id", "model"),
    "vector_stores": ("project_id",),
    "code_interpreter_sessions": ("project_id",),
    "file_search_calls": ("project_id", "user_id", "api_key_id"),
    "web_search_calls": ("project_id", "user_id", "api_key_id", "model"),
}
_COST_GROUPS = ("project_id", "line_item")
_DAYS_A_PAGE = 31


class OpenAISource(ReportSource):
    """Months of ``openai_usage`` and ``openai_costs``."""

    provider = "OpenAI"
    key_variable = "OPENAI_ADMIN_KEY"
    envelope = Envelope(start_key="start_time", end_key="end_time", clock="unix")
    foreign_key = "starting_at"
    specs = (USAGE_SPEC, COSTS_SPEC)

    def api(self) -> HttpApi:
        """The server, with the admin key as bearer token."""
        return HttpApi(
            source=self.config.name,
            base_url=self.config.location,
            headers={"Authorization": f"Bearer {self.key()}"},
            timeout_seconds=self.config.options.get("timeout_seconds", 60),
            credential_fix="set OPENAI_ADMIN_KEY to an admin key (Settings, Organization, Admin keys)",
        )

    def probe(self, api: HttpApi) -> None:
        """Ask for yesterday's costs."""
        yesterday = self._now() - timedelta(days=1)
        api.get("/organization/costs", [("start_time", int(yesterday.timestamp())), ("limit", 1)])

    def pull(self, api: HttpApi, first: datetime, end: datetime, folder: Path) -> Mapping[str, list[Path]]:
        """Daily buckets of every usage endpoint and of the costs, except endpoints the server lacks."""
        usage: list[Path] = []
        for endpoint, groups in _ENDPOINTS.items():
            try:
                usage += self._report(api, f"/organization/usage/{endpoint}", groups, first, end, folder)
            except ConfigError as error:
                if "HTTP 404" not in error.found:
                    raise
                log.warning("%s: no usage report %s on this server", self.config.name, endpoint)
        return {
            USAGE: usage,
            COSTS: self._report(api, "/organization/costs", _COST_GROUPS, first, end, folder),
        }

    def _report(
        self,
        api: HttpApi,
        path: str,
        groups: tuple[str, ...],
        first: datetime,
        end: datetime,
        folder: Path,
    ) -> list[Path]:
        params = [
            ("start_time", int(first.timestamp())),
            ("end_time", int(end.timestamp())),
            ("bucket_width", "1d"),
            ("limit", self.config.options.get("page_size", _DAYS_A_PAGE)),
            *(("group_by[]", group) for group in groups),
        ]
        return save_pages(api, path, params, folder, prefix=path.rsplit("/", 1)[-1])
