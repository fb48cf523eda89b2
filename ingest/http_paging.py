"""Cursor paging as OpenAI's and Anthropic's admin APIs do it: ``has_more`` and ``next_page``, one file per
page.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ingest.errors import TransientError
from ingest.http_api import HttpApi, Params

MAX_PAGES = 10_000


def save_pages(api: HttpApi, path: str, params: Params, folder: Path, *, prefix: str) -> list[Path]:
    """Store every page of a report as it was answered, ``<prefix>-page-00001.json`` and so on, in order.

    Args:
        api: the server.
        path: of the report.
        params: of the first page; later pages repeat them with ``page``.
        folder: where the files go.
        prefix: start of their names.

    Raises:
        ConfigError, TransientError: see ``HttpApi``; also when the cursor runs in a circle or a page is no
            JSON object.
    """
    files: list[Path] = []
    cursors: set[str] = set()
    cursor: str | None = None
    while len(files) < MAX_PAGES:
        asked = params if cursor is None else (*params, ("page", cursor))
        files.append(api.save(path, asked, folder / f"{prefix}-page-{len(files) + 1:05d}.json"))
        page = _page(files[-1], api, path)
        if not page.get("has_more"):
            return files
        cursor = page.get("next_page")
        if not cursor or cursor in cursors:
            break
        cursors.add(cursor)
    raise TransientError(
        "the pages of the report do not end",
        where={"source": api.source, "url": api.base_url + path},
        found=f"has_more after {len(files)} pages, next_page {cursor!r}",
        expected="a new next_page while has_more is true",
        fix="ingest again",
    )


def _page(file: Path, api: HttpApi, path: str) -> dict[str, Any]:
    where: dict[str, object] = {"source": api.source, "url": api.base_url + path}
    try:
        page = json.loads(file.read_bytes())
    except (ValueError, RecursionError) as error:
        what = "the server answered with broken JSON"
        raise TransientError(what, where=where, found=str(error), fix="ingest again") from error
    if not isinstance(page, dict) or not isinstance(page.get("data"), list):
        raise TransientError(
            "the server answered with something else than a page",
            where=where,
            found=f"{type(page).__name__} without `data`",
            expected='{"data":[…],"has_more":…,"next_page":…}',
            fix="check `location` in tco.toml; ingest again",
        )
    return page
