"""Live pulls of OpenAI and Anthropic reports over HTTP: paging, grouping, throttles, keys, restatements."""

import gc
import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from ingest import http_api
from ingest.errors import ConfigError, TransientError
from ingest.lake import Lake
from ingest.settings import Settings
from ingest.source_config import SourceConfig
from ingest.sources.anthropic import AnthropicSource
from ingest.sources.openai import OpenAISource
from tests.unit.ingest.vendor_servers import ADMIN_KEY, Line, Reply, ReportServer, Request

NOW = datetime(2026, 5, 20, 9, 30, tzinfo=UTC)
OPENAI_COSTS, COMPLETIONS = "/organization/costs", "/organization/usage/completions"
ANTHROPIC_COSTS, MESSAGES = "/organizations/cost_report", "/organizations/usage_report/messages"


def day(text: str) -> int:
    return int(datetime.fromisoformat(f"{text}T00:00:00+00:00").timestamp())


class OpenAIServer(ReportServer):
    prefix = "/v1"
    start_key, end_key = "start_time", "end_time"

    def refusal(self, request: Request) -> Reply | None:
        if request.headers.get("Authorization") != f"Bearer {ADMIN_KEY}":
            return Reply(401, {"error": {"message": "Incorrect API key provided", "type": "invalid_request_error"}})
        return None if "start_time" in request.query else Reply(400, {"error": {"message": "start_time"}})

    def seconds(self, text: str) -> int:
        return int(text or NOW.timestamp())

    def bucket(self, start: int, results: list[dict[str, Any]]) -> dict[str, Any]:
        return {"object": "bucket", "start_time": start, "end_time": start + 86_400, "results": results}

    def result(self, report, dimensions, measures):
        name = "costs" if report == OPENAI_COSTS else f"usage.{report.rsplit('/', 1)[-1]}"
        return {"object": f"organization.{name}.result", **measures, **dimensions}


class AnthropicServer(ReportServer):
    prefix = "/v1"
    start_key, end_key = "starting_at", "ending_at"

    def refusal(self, request: Request) -> Reply | None:
        if request.headers.get("x-api-key") != ADMIN_KEY:
            return Reply(
                401,
                {"type": "error", "error": {"type": "authentication_error", "message": "invalid x-api-key"}},
            )
        return None if request.headers.get("anthropic-version") == "2023-06-01" else Reply(400, "anthropic-version")

    def seconds(self, text: str) -> int:
        return int(datetime.fromisoformat(text).timestamp()) if text else int(NOW.timestamp())

    def bucket(self, start: int, results: list[dict[str, Any]]) -> dict[str, Any]:
        spans = [datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") for at in (start, start + 86_400)]
        return {"starting_at": spans[0], "ending_at": spans[1], "results": results}


@dataclass
class Live:
    """A live source with its lake."""

    source: Any
    lake: Lake

    def load(self) -> list[str]:
        """Commit what the server offers now; the outcome of each delivery."""
        results = [self.lake.commit(delivery) for delivery in self.source.discover()]
        return [f"{item.manifest.dataset} {item.manifest.partition} {item.status}" for item in results]

    def cost(self, partition: str) -> Decimal:
        (manifest,) = [item for item in self.lake.manifests() if item.partition == partition and "costs" in item.dataset]
        return manifest.money["USD"]["billed_cost"]


def live(kind, server, home, **options) -> Live:
    types = {"openai": OpenAISource, "anthropic": AnthropicSource}
    config = SourceConfig(name="api", type=kind, location=server.url, options=options)
    settings = Settings(home=home, sources=(config,))
    return Live(types[kind](config, settings=settings, now=lambda: NOW), Lake(settings.lake_dir))


@pytest.fixture(autouse=True)
def keys(monkeypatch):
    monkeypatch.setattr(http_api, "_BACKOFF", lambda state: 0.01)
    monkeypatch.setenv("OPENAI_ADMIN_KEY", ADMIN_KEY)
    monkeypatch.setenv("ANTHROPIC_ADMIN_KEY", ADMIN_KEY)


@pytest.fixture
def openai():
    def cost(on: str, value: Any, item: str) -> Line:
        return Line(
            day(on),
            {"project_id": "proj_a", "line_item": item, "api_key_id": "k"},
            {"amount": {"value": value, "currency": "usd"}},
        )

    usage = {"project_id": "proj_a", "model": "gpt-4o", "batch": False, "api_key_id": "key_1", "user_id": "u"}
    tokens = {"input_tokens": 100, "output_tokens": 7, "num_model_requests": 2}
    server = OpenAIServer(
        {
            OPENAI_COSTS: [
                cost("2026-04-02", "1.25", "a"),
                cost("2026-05-01", 2.5, "a"),
                cost("2026-05-20", "4", "b"),
            ],
            COMPLETIONS: [Line(day("2026-05-20"), usage, tokens)],
        },
        page_limit=5,
    )
    with server.running():
        yield server


@pytest.fixture
def anthropic():
    dimensions = {
        "workspace_id": "w",
        "description": "Output",
        "model": "claude",
        "token_type": "output_tokens",
    }
    server = AnthropicServer(
        {
            ANTHROPIC_COSTS: [Line(day("2026-05-03"), dimensions, {"amount": "123.78912", "currency": "USD"})],
            MESSAGES: [Line(day("2026-05-03"), {"model": "claude", "api_key_id": None}, {"output_tokens": 9})],
        }
    )
    with server.running():
        yield server


def test_openai_months_are_pulled_page_by_page(openai, tmp_path):
    api = live("openai", openai, tmp_path)
    assert sorted(api.load()) == [
        "openai_costs 2026-04 committed",
        "openai_costs 2026-05 committed",
        "openai_usage 2026-04 committed",
        "openai_usage 2026-05 committed",
    ]
    assert (api.cost("2026-04"), api.cost("2026-05")) == (Decimal("1.25"), Decimal("6.5"))
    costs = [request for request in openai.requests if request.path == OPENAI_COSTS]
    assert [request.one("page") == "" for request in costs] == [True] + [False] * 5 + [True] + [False] * 3
    assert costs[-1].one("end_time") == str(day("2026-05-21"))
    assert {tuple(request.query["group_by[]"]) for request in costs} == {("project_id", "line_item")}
    (usage,) = [item for item in api.lake.manifests() if item.rows and item.dataset == "openai_usage"]
    assert usage.rows == 1


def test_a_second_pull_changes_nothing_and_a_restated_month_is_replaced(openai, tmp_path):
    api = live("openai", openai, tmp_path, months_back=0)
    assert set(api.load()) == {"openai_costs 2026-05 committed", "openai_usage 2026-05 committed"}
    assert set(api.load()) == {"openai_costs 2026-05 unchanged", "openai_usage 2026-05 unchanged"}
    openai.reports[OPENAI_COSTS].pop()
    assert "openai_costs 2026-05 committed" in api.load()
    assert api.cost("2026-05") == Decimal("2.5")


def test_throttles_and_dropped_connections_on_the_way_do_not_matter(openai, tmp_path):
    openai.faults = [Reply(429, "", {"Retry-After": "0"}), None, Reply(500, ""), Reply(502, "<html>")]
    api = live("openai", openai, tmp_path, months_back=0, page_size=2)
    assert len(api.load()) == 2
    assert api.cost("2026-05") == Decimal("6.5")


def test_endpoints_the_server_lacks_are_left_out_with_a_warning(openai, tmp_path, caplog):
    live("openai", openai, tmp_path, months_back=0).load()
    assert "no usage report web_search_calls on this server" in caplog.text


def test_anthropic_months_are_pulled_in_cents(anthropic, tmp_path):
    api = live("anthropic", anthropic, tmp_path, months_back=0)
    assert set(api.load()) == {"anthropic_usage 2026-05 committed", "anthropic_costs 2026-05 committed"}
    assert api.cost("2026-05") == Decimal("1.2378912")
    request = next(item for item in anthropic.requests if item.path == MESSAGES)
    assert request.one("starting_at") == "2026-05-01T00:00:00Z"
    assert request.one("ending_at") == "2026-05-21T00:00:00Z"
    assert request.query["group_by[]"][:2] == ["api_key_id", "workspace_id"]


@pytest.mark.parametrize("kind", ["openai", "anthropic"])
def test_a_wrong_or_missing_key_is_a_configuration_error_with_the_fix(kind, openai, anthropic, tmp_path, monkeypatch, caplog):
    server = {"openai": openai, "anthropic": anthropic}[kind]
    variable = f"{kind.upper()}_ADMIN_KEY"
    caplog.set_level(logging.DEBUG)
    assert live(kind, server, tmp_path).source.check()[0].endswith("months 2026-04, 2026-05")
    monkeypatch.setenv(variable, "sk-wrong-but-secret")
    for call in (live(kind, server, tmp_path).source.check, live(kind, server, tmp_path).load):
        with pytest.raises(ConfigError) as caught:
            call()
        assert variable in str(caught.value)
        assert "sk-wrong-but-secret" not in str(caught.value) + caplog.text
    monkeypatch.delenv(variable)
    with pytest.raises(ConfigError, match=f"export {variable}"):
        live(kind, server, tmp_path).load()


def test_a_server_that_stays_down_leaves_the_lake_as_it_was(openai, tmp_path):
    api = live("openai", openai, tmp_path, months_back=0)
    api.load()
    openai.faults = [Reply(503, "")] * 100
    with pytest.raises(TransientError):
        api.load()
    assert api.cost("2026-05") == Decimal("6.5")


def test_keys_and_pages_do_not_stay_on_disk(openai, tmp_path):
    api = live("openai", openai, tmp_path, months_back=0)
    api.load()
    left = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not [path for path in left if ADMIN_KEY.encode() in path.read_bytes()]
    del api.source
    gc.collect()
    assert not list(tmp_path.rglob("*page-*.json"))
