"""Pages of OpenAI's and Anthropic's usage and cost reports, for the tests of the report sources."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from ingest.duckdb_session import connect
from ingest.lake import Lake
from tests.unit.ingest.folder_deliveries import Inbox

MAY_1 = datetime(2026, 5, 1, tzinfo=UTC)


def openai_cost(value: Any = 1.5, **changes: Any) -> dict[str, Any]:
    """A costs result; ``value`` of type Raw is written as it is."""
    row = {"object": "organization.costs.result", "amount": {"value": value, "currency": "usd"}}
    return {**row, "line_item": "gpt-4o, input", "project_id": "proj_a", **changes}


def openai_usage(kind: str = "completions", **changes: Any) -> dict[str, Any]:
    """A usage result."""
    return {
        "object": f"organization.usage.{kind}.result",
        "project_id": "proj_a",
        "model": "gpt-4o",
        **changes,
    }


def openai_bucket(*results: Mapping[str, Any], day: int = 0, hours: int = 24) -> dict[str, Any]:
    """A bucket that starts ``day`` days after 1 May 2026."""
    start = int((MAY_1 + timedelta(days=day)).timestamp())
    return {
        "object": "bucket",
        "start_time": start,
        "end_time": start + hours * 3600,
        "results": list(results),
    }


def anthropic_cost(amount: Any = "150", **changes: Any) -> dict[str, Any]:
    """A cost_report result, in cents."""
    row = {"amount": amount, "currency": "USD", "workspace_id": "wrkspc_a", "description": "Output"}
    return {**row, **changes}


def anthropic_bucket(*results: Mapping[str, Any], day: int = 0) -> dict[str, Any]:
    """A daily bucket that starts ``day`` days after 1 May 2026."""
    start = MAY_1 + timedelta(days=day)
    ends = start + timedelta(days=1)
    return {"starting_at": _iso(start), "ending_at": _iso(ends), "results": list(results)}


def page(*buckets: Mapping[str, Any], has_more: bool = False, next_page: str | None = None) -> str:
    """A page as the APIs answer it."""
    return text({"object": "page", "data": list(buckets), "has_more": has_more, "next_page": next_page})


class Raw(str):
    """A number that must reach the JSON text digit by digit."""


def text(document: Any) -> str:
    """JSON text in which ``Raw`` values are bare numbers."""
    if isinstance(document, Raw):
        return str(document)
    if isinstance(document, Mapping):
        return "{" + ",".join(f"{json.dumps(key)}:{text(value)}" for key, value in document.items()) + "}"
    if isinstance(document, Sequence) and not isinstance(document, str):
        return "[" + ",".join(text(item) for item in document) + "]"
    return json.dumps(document)


def rows(inbox: Inbox, dataset: str, columns: str, partition: str = "2026-05") -> list[tuple[Any, ...]]:
    """The current rows of one data set and month."""
    lake = Lake(inbox.settings.lake_dir)
    (manifest,) = [m for m in lake.manifests() if (m.dataset, m.partition) == (dataset, partition)]
    paths = [str(lake.root / file.path) for file in manifest.files]
    with connect() as connection:
        query = f"SELECT {columns} FROM read_parquet(?, hive_partitioning = false)"
        return connection.execute(query, [paths]).fetchall()


def total(inbox: Inbox, dataset: str, partition: str = "2026-05", currency: str = "USD") -> Decimal:
    """The current manifest's billed cost."""
    manifests = Lake(inbox.settings.lake_dir).manifests()
    (manifest,) = [m for m in manifests if (m.dataset, m.partition) == (dataset, partition)]
    return manifest.money[currency]["billed_cost"]


def _iso(instant: datetime) -> str:
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ")
