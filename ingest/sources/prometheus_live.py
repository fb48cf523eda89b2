"""Prometheus over HTTP: the samples of whole UTC days, as saved answer pages that are then read like
delivered files.

Without ``step_seconds`` the raw samples are asked for (``selector[1h]`` ending one millisecond before the
hour), so that scrape gaps stay gaps. With ``step_seconds`` it is query_range, which resamples and repeats
the last value for up to 5 minutes; its windows stay below 11,000 points and end one step before midnight.
Days are half-open. Thanos, Mimir and VictoriaMetrics speak the same API. Format: gpu_and_tco.md 1.5. A
bearer token, where the server wants one, comes from the environment: PROMETHEUS_BEARER_TOKEN.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Self

from ingest.errors import ConfigError
from ingest.http_api import HttpApi
from ingest.source_config import SourceConfig

TOKEN_VARIABLE = "PROMETHEUS_BEARER_TOKEN"
MAX_POINTS = 11_000
DAY_SECONDS = 86_400
RAW_WINDOW_SECONDS = 3_600
DEFAULT_QUERIES = (
    '{__name__=~"DCGM_FI_(DEV|PROF)_.+"}',
    '{__name__=~"(vllm|sglang):.+",__name__!~".+_(bucket|created)"}',
)
_SELECTOR = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*(\{.*\})?|\{.*\}", re.DOTALL)


class PrometheusServer:
    """One server with the queries of its source.

    Args:
        config: source whose location is the base URL; options queries, step_seconds, days_back (2),
            timeout_seconds (60).
        now: the clock.

    Raises:
        ConfigError: queries that cannot be asked for.
    """

    def __init__(self, config: SourceConfig, *, now: Callable[[], datetime]) -> None:
        options = config.options
        self.config, self._now = config, now
        self.queries = tuple(str(query).strip() for query in options.get("queries") or DEFAULT_QUERIES)
        self.step: int | None = options.get("step_seconds")
        self.days_back: int = options.get("days_back", 2)
        self._refuse_bad_options()
        token = os.environ.get(TOKEN_VARIABLE)
        self._api = HttpApi(
            source=config.name,
            base_url=config.location,
            headers={"Authorization": f"Bearer {token}"} if token else {},
            timeout_seconds=options.get("timeout_seconds", 60),
            credential_fix=f"set {TOKEN_VARIABLE} to a token that may query this server",
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._api.__exit__()

    def check(self) -> list[str]:
        """Ask for one number; says what would be pulled.

        Raises:
            ConfigError, TransientError: the server does not answer as Prometheus does.
        """
        with self:
            answer = self._api.get("/api/v1/query", [("query", "vector(1)")])
        if not isinstance(answer, dict) or answer.get("status") != "success":
            raise ConfigError(
                "the server is no Prometheus",
                where={"source": self.config.name, "key": "location"},
                found=str(answer)[:200],
                expected='{"status":"success",…} from /api/v1/query',
                fix="give the base URL in front of /api/v1",
            )
        form = f"query_range every {self.step} s" if self.step else "raw samples"
        extent = f"{len(self.queries)} queries, {self.days_back} complete days"
        return [f"{self.config.location} answers; {form}, {extent}"]

    def days(self) -> list[str]:
        """The last complete UTC days, oldest first."""
        today = self._now().astimezone(UTC).date()
        return [(today - timedelta(days=back)).isoformat() for back in range(self.days_back, 0, -1)]

    def pull(self, day: str, folder: Path) -> Iterator[Path]:
        """Save the answers of one day, one file per query and window.

        Raises:
            ConfigError, TransientError: see ``HttpApi``.
        """
        start = int(datetime.combine(date.fromisoformat(day), datetime.min.time(), UTC).timestamp())
        for number, query in enumerate(self.queries, 1):
            for offset, path, params in self._windows(query, start):
                hour = f"{offset // 3600:02d}{offset % 3600 // 60:02d}"
                yield self._api.save(path, params, folder / f"query-{number:02d}-{hour}.json")

    def _windows(self, query: str, start: int) -> Iterator[tuple[int, str, list[tuple[str, str | int]]]]:
        if self.step is None:
            for offset in range(0, DAY_SECONDS, RAW_WINDOW_SECONDS):
                until = f"{start + offset + RAW_WINDOW_SECONDS - 1}.999"
                yield offset, "/api/v1/query", [("query", f"{query}[1h]"), ("time", until)]
            return
        width = self.step * MAX_POINTS
        for offset in range(0, DAY_SECONDS, width):
            end = start + min(offset + width, DAY_SECONDS) - self.step
            yield (
                offset,
                "/api/v1/query_range",
                [("query", query), ("start", start + offset), ("end", end), ("step", self.step)],
            )

    def _refuse_bad_options(self) -> None:
        where = {"source": self.config.name, "key": "queries"}
        if self.step is None:
            for query in self.queries:
                if not _SELECTOR.fullmatch(query):
                    raise ConfigError(
                        "raw samples need a selector",
                        where=where,
                        found=query,
                        expected='a metric name or {__name__=~"…"}',
                        fix="give a selector, or set step_seconds to have query_range evaluate it",
                    )
        elif not 1 <= self.step <= RAW_WINDOW_SECONDS or DAY_SECONDS % self.step:
            raise ConfigError(
                "step_seconds does not divide a day",
                where={"source": self.config.name, "key": "step_seconds"},
                found=str(self.step),
                expected="a divisor of 86400 between 1 and 3600",
                fix="use the scrape interval, for example 60",
            )
        if self.days_back < 1:
            raise ConfigError(
                "days_back is too small",
                where={"source": self.config.name, "key": "days_back"},
                found=str(self.days_back),
                expected="1 or more",
                fix="give the number of complete days to pull",
            )
