"""HTTP GET as billing and telemetry APIs need it: patient, streaming to disk, and silent about credentials.

Throttles (429), server faults (408, 5xx) and broken connections are tried again with exponential backoff,
or after the time that ``Retry-After`` names; then they are a TransientError. Refused credentials (401, 403)
and other 4xx are a ConfigError at once. Credentials travel in headers only and never reach a log or a
message.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import httpx
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    stop_after_attempt,
    wait_exponential_jitter,
)

from ingest.errors import ConfigError, TransientError

log = logging.getLogger(__name__)

ATTEMPTS = 5
LONGEST_WAIT_SECONDS = 120.0
EXCERPT = 300
_TRY_AGAIN = (408, 425, 429)
_BACKOFF = wait_exponential_jitter(initial=0.5, max=30.0)

Params = Sequence[tuple[str, str | int]]


class _BusyServer(TransientError):
    """A throttle or a server fault, with the time the server asks to wait."""

    def __init__(self, *, where: dict[str, object], found: str, retry_after_seconds: float | None) -> None:
        super().__init__("the server is busy or failing", where=where, found=found, fix="ingest again")
        self.retry_after_seconds = retry_after_seconds


class HttpApi:
    """One server, with a fixed set of headers.

    Args:
        source: name of the configured source, for messages.
        base_url: every path is appended to it.
        headers: sent with each request; their values are never shown.
        timeout_seconds: for connecting and between two received blocks.
        credential_fix: what to do when the credential is refused.
    """

    def __init__(
        self,
        *,
        source: str,
        base_url: str,
        headers: Mapping[str, str],
        timeout_seconds: float,
        credential_fix: str,
    ) -> None:
        self.source, self.base_url = source, base_url.rstrip("/")
        self._secrets = tuple(value for value in headers.values() if len(value) > 8)
        self._credential_fix = credential_fix
        self._client = httpx.Client(headers=dict(headers), timeout=timeout_seconds)
        if headers and _is_open_road(self.base_url):
            log.warning("%s: the credential travels unencrypted to %s", source, self.base_url)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def save(self, path: str, params: Params, target: Path) -> Path:
        """Store the body of a successful answer in ``target``.

        Raises:
            ConfigError: refused for good.
            TransientError: still failing after all attempts.
        """
        self._retrying()(self._save_once, path, params, target)
        return target

    def get(self, path: str, params: Params = ()) -> Any:
        """The JSON document of a successful answer; see ``save``."""
        return self._retrying()(self._get_once, path, params)

    def _save_once(self, path: str, params: Params, target: Path) -> None:
        try:
            with self._client.stream("GET", self.base_url + path, params=list(params)) as response:
                self._refuse_failure(response, path)
                with target.open("wb") as handle:
                    for block in response.iter_bytes():
                        handle.write(block)
        except httpx.HTTPError as error:
            raise self._unreachable(error, path) from error
        except httpx.InvalidURL as error:
            raise self._bad_url(error) from error

    def _get_once(self, path: str, params: Params) -> Any:
        try:
            response = self._client.get(self.base_url + path, params=list(params))
            self._refuse_failure(response, path)
            return response.json()
        except httpx.HTTPError as error:
            raise self._unreachable(error, path) from error
        except httpx.InvalidURL as error:
            raise self._bad_url(error) from error
        except ValueError as error:
            raise ConfigError(
                "the server does not answer with JSON",
                where=self._where(path),
                found=str(error),
                fix="check `location` in tco.toml: it must be the base URL of the API",
            ) from error

    def _refuse_failure(self, response: httpx.Response, path: str) -> None:
        status = response.status_code
        if response.is_success:
            return
        response.read()
        found = f"HTTP {status}: {self._scrubbed(response.text)[:EXCERPT]}"
        where = self._where(path)
        if status in _TRY_AGAIN or status >= 500:
            raise _BusyServer(where=where, found=found, retry_after_seconds=_retry_after(response))
        if status in (401, 403):
            what = "the server refuses the credential"
            raise ConfigError(what, where=where, found=found, fix=self._credential_fix)
        fix = "check `location` and the options of this source in tco.toml"
        raise ConfigError("the server refuses the request", where=where, found=found, fix=fix)

    def _retrying(self) -> Retrying:
        return Retrying(
            retry=retry_if_exception_type(TransientError),
            stop=stop_after_attempt(ATTEMPTS),
            wait=_wait,
            before_sleep=self._tell,
            reraise=True,
        )

    def _tell(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        wait = state.next_action.sleep if state.next_action else 0
        log.warning("%s: waiting %.1f s, then trying again: %s", self.source, wait, error)

    def _unreachable(self, error: httpx.HTTPError, path: str) -> TransientError | ConfigError:
        found = self._scrubbed(f"{type(error).__name__}: {error}")
        if isinstance(error, httpx.UnsupportedProtocol):
            return self._bad_url(error)
        fix = "check that the server runs and `location` is right; ingest again"
        return TransientError("the server cannot be reached", where=self._where(path), found=found, fix=fix)

    def _bad_url(self, error: Exception) -> ConfigError:
        where = {"source": self.source, "key": "location"}
        return ConfigError("the URL cannot be used", where=where, found=str(error), expected="http(s)://host/…")

    def _where(self, path: str) -> dict[str, object]:
        return {"source": self.source, "url": self.base_url + path}

    def _scrubbed(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "***").replace(secret.removeprefix("Bearer "), "***")
        return text


def _is_open_road(url: str) -> bool:
    """Whether requests leave this machine in the clear."""
    parts = urlsplit(url)
    return parts.scheme == "http" and parts.hostname not in ("localhost", "127.0.0.1", "::1")


def _wait(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    asked = error.retry_after_seconds if isinstance(error, _BusyServer) else None
    return min(asked, LONGEST_WAIT_SECONDS) if asked is not None else _BACKOFF(state)


def _retry_after(response: httpx.Response) -> float | None:
    """Seconds that ``Retry-After`` asks for, given as a number or as an HTTP date."""
    text = response.headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return float(text)
    try:
        return max(0.0, (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError):
        return None
