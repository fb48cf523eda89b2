"""Local HTTP servers that speak the vendors' protocols: credentials, paging, throttles, errors, queries."""

from __future__ import annotations

import base64
import bisect
import json
import re
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

ADMIN_KEY = "sk-test-not-a-real-key"


@dataclass(frozen=True)
class Request:
    """What a client asked for; keys of ``query`` map to all their values."""

    path: str
    query: Mapping[str, Sequence[str]]
    headers: Mapping[str, str]

    def one(self, key: str, default: str = "") -> str:
        return self.query.get(key, [default])[0]


@dataclass(frozen=True)
class Reply:
    """An answer; a text body is sent as it is."""

    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict)


class VendorServer:
    """Base: keeps the requests, and first plays the replies in ``faults`` (None drops the connection)."""

    prefix = ""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.faults: list[Reply | None] = []
        self.url = ""

    def answer(self, request: Request) -> Reply:
        raise AssertionError(f"unexpected request {request}")

    @contextmanager
    def running(self) -> Iterator[str]:
        """Serve on a free port of this machine; gives the base URL."""
        server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        self.url = f"http://127.0.0.1:{server.server_port}{self.prefix}"
        try:
            yield self.url
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        vendor = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                request = Request(parts.path.removeprefix(vendor.prefix), parse_qs(parts.query), self.headers)
                vendor.requests.append(request)
                reply = vendor.faults.pop(0) if vendor.faults else vendor.answer(request)
                if reply is None:
                    self.connection.close()
                    return
                body = reply.body if isinstance(reply.body, str) else json.dumps(reply.body)
                content = body.encode()
                self.send_response(reply.status)
                for key, value in {"Content-Type": "application/json", **reply.headers}.items():
                    self.send_header(key, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: Any) -> None:
                pass

        return Handler


@dataclass(frozen=True)
class Line:
    """One line of a report: day (Unix seconds of its start), dimensions and measures."""

    day: int
    dimensions: Mapping[str, Any]
    measures: Mapping[str, Any]


class ReportServer(VendorServer, ABC):
    """Buckets of a day, grouped as asked, paged by ``limit`` buckets with an opaque cursor."""

    start_key = end_key = ""

    def __init__(self, reports: Mapping[str, Sequence[Line]], *, page_limit: int = 31) -> None:
        super().__init__()
        self.reports, self.page_limit = reports, page_limit

    @abstractmethod
    def refusal(self, request: Request) -> Reply | None:
        """The reply to a request with a wrong key or without what is required."""

    @abstractmethod
    def seconds(self, text: str) -> int:
        """A time parameter as Unix seconds."""

    @abstractmethod
    def bucket(self, start: int, results: list[dict[str, Any]]) -> dict[str, Any]:
        """A daily bucket."""

    def result(self, report: str, dimensions: dict[str, Any], measures: Mapping[str, Any]) -> dict[str, Any]:
        return {**measures, **dimensions}

    def not_found(self) -> Reply:
        return Reply(404, {"error": {"message": "Unknown endpoint"}})

    def answer(self, request: Request) -> Reply:
        refusal = self.refusal(request)
        if refusal is not None:
            return refusal
        if request.path not in self.reports:
            return self.not_found()
        groups = request.query.get("group_by[]", [])
        first, end = self.seconds(request.one(self.start_key)), self.seconds(request.one(self.end_key))
        limit = min(int(request.one("limit", "7")), self.page_limit)
        offset = int(base64.b64decode(request.one("page"))) if "page" in request.query else 0
        days = list(range(first, end, 86_400))
        buckets = [
            self.bucket(
                day,
                [
                    self.result(
                        request.path,
                        {key: value if key in groups else None for key, value in line.dimensions.items()},
                        line.measures,
                    )
                    for line in self.reports[request.path]
                    if line.day == day
                ],
            )
            for day in days[offset : offset + limit]
        ]
        has_more = offset + limit < len(days)
        cursor = base64.b64encode(str(offset + limit).encode()).decode() if has_more else None
        return Reply(200, {"object": "page", "data": buckets, "has_more": has_more, "next_page": cursor})


class PrometheusLike(VendorServer):
    """Raw samples behind /api/v1/query and query_range; ranges are left-open as in Prometheus 3.

    Args:
        samples: metric labels (as items) -> [(seconds, value text)], ascending.
        is_left_closed: ranges of Prometheus 2 include their start.
    """

    def __init__(
        self,
        samples: Mapping[tuple[tuple[str, str], ...], Sequence[tuple[float, str]]],
        *,
        is_left_closed: bool = False,
    ) -> None:
        super().__init__()
        self.samples, self.is_left_closed = samples, is_left_closed

    def answer(self, request: Request) -> Reply:
        query = request.one("query")
        if request.path == "/api/v1/query" and query == "vector(1)":
            return self._found("vector", [{"metric": {}, "value": [0, "1"]}])
        if request.path == "/api/v1/query" and query.endswith("[1h]"):
            return self._raw(query.removesuffix("[1h]"), float(request.one("time")))
        if request.path == "/api/v1/query_range":
            return self._range(request)
        return Reply(404, "404 page not found")

    def _raw(self, selector: str, until: float) -> Reply:
        since = round(until - 3600, 3)
        found = []
        for labels, samples in self._matching(selector):
            inside = [[at, text] for at, text in samples if (since < at or (self.is_left_closed and at == since)) and at <= until]
            if inside:
                found.append({"metric": labels, "values": inside})
        return self._found("matrix", found)

    def _range(self, request: Request) -> Reply:
        start, end, step = (float(request.one(key)) for key in ("start", "end", "step"))
        if (end - start) / step > 11_000:
            message = "exceeded maximum resolution of 11,000 points per timeseries"
            return Reply(400, {"status": "error", "errorType": "bad_data", "error": message})
        found = []
        for labels, samples in self._matching(request.one("query")):
            times = [at for at, _ in samples]
            values = []
            for number in range(int((end - start) / step) + 1):
                at = start + number * step
                index = bisect.bisect_right(times, at) - 1
                if index >= 0 and at - times[index] < 300:
                    values.append([at, samples[index][1]])
            if values:
                found.append({"metric": labels, "values": values})
        return self._found("matrix", found)

    def _matching(self, selector: str) -> Iterator[tuple[dict[str, str], Sequence[tuple[float, str]]]]:
        tests = [
            (operator == "=~", re.compile(pattern.replace("\\\\", "\\")))
            for operator, pattern in re.findall(r'__name__(=~|!~)"([^"]*)"', selector)
        ] or [(True, re.compile(re.escape(selector)))]
        for labels, samples in self.samples.items():
            name = dict(labels)["__name__"]
            if all(bool(pattern.fullmatch(name)) is wanted for wanted, pattern in tests):
                yield dict(labels), samples

    def _found(self, kind: str, found: list[dict[str, Any]]) -> Reply:
        return Reply(200, {"status": "success", "data": {"resultType": kind, "result": found}})
