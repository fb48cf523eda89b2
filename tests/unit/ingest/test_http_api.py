"""HTTP towards vendors: what is tried again, what is not, and that credentials stay out of sight."""

import logging
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from ingest import http_api
from ingest.errors import ConfigError, TransientError
from ingest.http_api import HttpApi
from ingest.http_paging import save_pages
from tests.unit.ingest.vendor_servers import ADMIN_KEY, Reply, Request, VendorServer

FINE = Reply(200, {"data": [], "has_more": False})


class Echo(VendorServer):
    def answer(self, request: Request) -> Reply:
        return FINE


@pytest.fixture
def server():
    echo = Echo()
    with echo.running():
        yield echo


@pytest.fixture
def api(server, monkeypatch):
    monkeypatch.setattr(http_api, "_BACKOFF", lambda state: 0.01)
    with HttpApi(
        source="bills",
        base_url=server.url,
        headers={"Authorization": f"Bearer {ADMIN_KEY}"},
        timeout_seconds=5,
        credential_fix="set THE_KEY",
    ) as api:
        yield api


@pytest.mark.parametrize("fault", [Reply(429, "slow down"), Reply(500, "oops"), Reply(503, ""), Reply(408, ""), None])
def test_passing_faults_are_tried_again(server, api, fault, tmp_path):
    server.faults = [fault, fault]
    api.save("/x", [("a[]", "1"), ("a[]", "2")], tmp_path / "x.json")
    assert (tmp_path / "x.json").read_text() == '{"data": [], "has_more": false}'
    assert len(server.requests) == 3
    assert server.requests[-1].query == {"a[]": ["1", "2"]}


def test_a_server_that_stays_busy_is_a_transient_error(server, api, tmp_path):
    server.faults = [Reply(503, "maintenance")] * http_api.ATTEMPTS
    with pytest.raises(TransientError, match="HTTP 503: maintenance"):
        api.get("/x")
    assert len(server.requests) == http_api.ATTEMPTS


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_retry_after_is_waited_for(server, api, form):
    at = datetime.now(UTC) + timedelta(seconds=2)
    server.faults = [Reply(429, "", {"Retry-After": "1" if form == "seconds" else format_datetime(at, usegmt=True)})]
    before = time.monotonic()
    api.get("/x")
    assert time.monotonic() - before >= 0.9


@pytest.mark.parametrize("status", [401, 403])
def test_refused_credentials_are_permanent_and_say_what_to_do(server, api, status):
    server.faults = [Reply(status, {"error": {"message": f"Incorrect API key provided: {ADMIN_KEY}"}})]
    with pytest.raises(ConfigError) as caught:
        api.get("/x")
    assert len(server.requests) == 1
    assert "set THE_KEY" in str(caught.value)
    assert ADMIN_KEY not in str(caught.value)


def test_other_refusals_are_permanent(server, api):
    server.faults = [Reply(400, {"error": {"message": "user_id with project_id"}})]
    with pytest.raises(ConfigError, match=r"HTTP 400.*user_id with project_id"):
        api.get("/x")
    assert len(server.requests) == 1


def test_nobody_listening_is_transient():
    with (
        HttpApi(source="b", base_url="http://127.0.0.1:9", headers={}, timeout_seconds=1, credential_fix="") as api,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(http_api, "_BACKOFF", lambda state: 0)
        with pytest.raises(TransientError, match="cannot be reached"):
            api.get("/x")


def test_the_key_is_in_no_log(server, api, caplog, tmp_path):
    caplog.set_level(logging.DEBUG)
    server.faults = [Reply(500, f"key {ADMIN_KEY}"), None]
    api.save("/x", [], tmp_path / "x.json")
    assert server.requests[0].headers["Authorization"] == f"Bearer {ADMIN_KEY}"
    shown = [record.getMessage() for record in caplog.records if record.name.startswith("ingest")]
    assert len(shown) == 2
    assert ADMIN_KEY not in caplog.text


@pytest.mark.parametrize(
    ("url", "is_told"), [("http://prometheus.example", True), ("https://x.example", False), ("http://localhost:1", False)]
)
def test_a_credential_on_an_open_road_is_told(url, is_told, caplog):
    headers = {"x-api-key": ADMIN_KEY}
    with HttpApi(source="bills", base_url=url, headers=headers, timeout_seconds=1, credential_fix=""):
        assert ("unencrypted" in caplog.text) is is_told


def test_pages_that_never_end_are_refused(server, api, tmp_path):
    endless = Reply(200, {"data": [], "has_more": True, "next_page": "again"})
    server.faults = [endless] * 3
    with pytest.raises(TransientError, match="do not end"):
        save_pages(api, "/x", [], tmp_path, prefix="x")
    assert len(server.requests) == 2


@pytest.mark.parametrize("body", ["{", "[]", '{"object":"list"}'])
def test_an_answer_that_is_no_page_is_transient(server, api, tmp_path, body):
    server.faults = [Reply(200, body)]
    with pytest.raises(TransientError):
        save_pages(api, "/x", [], tmp_path, prefix="x")
