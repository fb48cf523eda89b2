"""Anthropic usage and cost reports: saved pages, or live from the Admin API. Data sets ``anthropic_usage``,
``anthropic_costs``.

Formats and traps: llm_usage_and_prices.md 2.2 (a). Amounts are decimal strings in US CENTS and stay cents
in the lake (``amount_cents``); the manifest's money is dollars. The four input buckets are disjoint. Null
workspace is the default workspace, null API key the Workbench or no key. Live: ``location`` is the base URL
(``https://api.anthropic.com/v1``), the key comes from ANTHROPIC_ADMIN_KEY.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path

from ingest.http_api import HttpApi
from ingest.http_paging import save_pages
from ingest.sources.report_pages import Envelope
from ingest.sources.report_rows import ReportSpec
from ingest.sources.report_source import ReportSource

USAGE, COSTS = "anthropic_usage", "anthropic_costs"
API_VERSION = "2023-06-01"
_USAGE_KEYS = (
    "api_key_id",
    "workspace_id",
    "model",
    "service_tier",
    "context_window",
    "inference_geo",
    "speed",
)
_COST_KEYS = (
    "workspace_id",
    "description",
    "model",
    "cost_type",
    "token_type",
    "service_tier",
    "context_window",
    "inference_geo",
)
_GROUPINGS = (*_USAGE_KEYS, "account_id", "service_account_id")
_MEASURES = (
    "uncached_input_tokens",
    "cache_creation",
    "cache_creation_input_tokens",
    "cache_read_input_tokens",
    "output_tokens",
    "server_tool_use",
)
_HAS_USAGE = " OR ".join(f"(result -> '{key}') IS NOT NULL" for key in _MEASURES)

USAGE_SPEC = ReportSpec(
    dataset=USAGE,
    is_mine=f"(result -> 'amount') IS NULL AND ({_HAS_USAGE})",
    fields=json.dumps(
        {
            **dict.fromkeys(("organization_id", *_USAGE_KEYS), "VARCHAR"),
            "uncached_input_tokens": "VARCHAR",
            "cache_creation": {
                "ephemeral_5m_input_tokens": "VARCHAR",
                "ephemeral_1h_input_tokens": "VARCHAR",
            },
            "cache_creation_input_tokens": "VARCHAR",
            "cache_read_input_tokens": "VARCHAR",
            "output_tokens": "VARCHAR",
            "server_tool_use": {"web_search_requests": "VARCHAR"},
        }
    ),
    kind="'messages'",
    texts={key: f"r.{key}" for key in ("organization_id", *_USAGE_KEYS)},
    counts={
        "uncached_input_tokens": "r.uncached_input_tokens",
        # a report without the split by lifetime counts as 5-minute writes: llm_usage_and_prices.md 1
        "cache_creation_5m_input_tokens": "CASE WHEN r.cache_creation IS NULL"
        " THEN r.cache_creation_input_tokens ELSE r.cache_creation.ephemeral_5m_input_tokens END",
        "cache_creation_1h_input_tokens": "r.cache_creation.ephemeral_1h_input_tokens",
        "cache_read_input_tokens": "r.cache_read_input_tokens",
        "output_tokens": "r.output_tokens",
        "web_search_requests": "r.server_tool_use.web_search_requests",
    },
    decimals={},
    required=("bucket_end",),
    dimensions_without=_MEASURES,
    groupings=_GROUPINGS,
)

COSTS_SPEC = ReportSpec(
    dataset=COSTS,
    is_mine="(result -> 'amount') IS NOT NULL",
    fields=json.dumps(dict.fromkeys(("organization_id", *_COST_KEYS, "amount", "currency"), "VARCHAR")),
    kind="'costs'",
    texts={**{key: f"r.{key}" for key in ("organization_id", *_COST_KEYS)}, "currency": "upper(r.currency)"},
    counts={},
    decimals={"amount_cents": "r.amount"},
    required=("bucket_end", "amount_cents", "currency"),
    dimensions_without=("amount",),
    groupings=("workspace_id", "description"),
    money_column="amount_cents",
    money_shift=-2,
)

_USAGE_GROUPS = ("api_key_id", "workspace_id", "model", "service_tier", "context_window", "inference_geo")
_COST_GROUPS = ("workspace_id", "description")
_DAYS_A_PAGE = 31


class AnthropicSource(ReportSource):
    """Months of ``anthropic_usage`` and ``anthropic_costs``."""

    provider = "Anthropic"
    key_variable = "ANTHROPIC_ADMIN_KEY"
    envelope = Envelope(start_key="starting_at", end_key="ending_at", clock="iso")
    foreign_key = "start_time"
    specs = (USAGE_SPEC, COSTS_SPEC)

    def api(self) -> HttpApi:
        """The server, with the admin key and the API version."""
        return HttpApi(
            source=self.config.name,
            base_url=self.config.location,
            headers={"x-api-key": self.key(), "anthropic-version": API_VERSION},
            timeout_seconds=self.config.options.get("timeout_seconds", 60),
            credential_fix="set ANTHROPIC_ADMIN_KEY to an Admin API key (Console, Settings, Admin keys)",
        )

    def probe(self, api: HttpApi) -> None:
        """Ask for yesterday's costs."""
        yesterday = self._now() - timedelta(days=1)
        api.get("/organizations/cost_report", [("starting_at", _rfc3339(yesterday)), ("limit", 1)])

    def pull(self, api: HttpApi, first: datetime, end: datetime, folder: Path) -> Mapping[str, list[Path]]:
        """Daily buckets of the messages usage report and of the cost report."""
        return {
            USAGE: self._report(api, "/organizations/usage_report/messages", _USAGE_GROUPS, first, end, folder),
            COSTS: self._report(api, "/organizations/cost_report", _COST_GROUPS, first, end, folder),
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
            ("starting_at", _rfc3339(first)),
            ("ending_at", _rfc3339(end)),
            ("bucket_width", "1d"),
            ("limit", self.config.options.get("page_size", _DAYS_A_PAGE)),
            *(("group_by[]", group) for group in groups),
        ]
        return save_pages(api, path, params, folder, prefix=path.rsplit("/", 1)[-1])


def _rfc3339(instant: datetime) -> str:
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ")
