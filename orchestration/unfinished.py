"""A build that did not end well is built again, although the warehouse already names the new loads.

The load state of the warehouse says which loads were built from, not whether the data tests behind it passed. So what
a build is asked for is noted before it starts and taken away after its last test passed; a note that is still there
is added to the next build.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, replace
from pathlib import Path

from ingest.durable_files import read_json, sync_folder
from orchestration.changes import Changes
from orchestration.durable import write_record

FILE = "unfinished.json"


def read_unfinished(folder: Path) -> Changes | None:
    """What the last build was asked for, when it did not end well."""
    content = read_json(folder / FILE)
    if content is None:
        return None
    return Changes(
        touched_months=tuple(content["touched_months"]),
        touched_days=tuple(content["touched_days"]),
        partitions=tuple((source, dataset, part) for source, dataset, part in content["partitions"]),
        full_refresh=bool(content["full_refresh"]),
        reason=content["reason"],
    )


def write_unfinished(folder: Path, changes: Changes) -> None:
    """Note what a build is asked for."""
    write_record(folder / FILE, asdict(changes))


def clear_unfinished(folder: Path) -> None:
    """The build ended well."""
    if (folder / FILE).exists():
        (folder / FILE).unlink()
        sync_folder(folder)


def merged(found: Changes, *, unfinished: Changes | None, forced: Collection[str] = ()) -> Changes:
    """Changes, what an earlier build left unfinished, and months or days to rebuild on request, as one."""
    if found.full_refresh or (unfinished is None and not forced):
        return found
    before = unfinished or replace(found, touched_months=(), touched_days=(), partitions=(), reason="")
    if before.full_refresh:
        return replace(before, partitions=_union(found.partitions, before.partitions), reason="the last build did not end")
    reasons = [found.reason, "the last build did not end" if unfinished else ""]
    reasons.append(f"asked for {', '.join(sorted(forced))}" if forced else "")
    return Changes(
        touched_months=_union(found.touched_months, before.touched_months, {value[:7] for value in forced}),
        touched_days=_union(found.touched_days, before.touched_days, {v for v in forced if len(v) == len("YYYY-MM-DD")}),
        partitions=_union(found.partitions, before.partitions, {("", "on request", value) for value in forced}),
        full_refresh=False,
        reason="; ".join(reason for reason in reasons if reason),
    )


def _union(*parts: Collection) -> tuple:
    return tuple(sorted({item for part in parts for item in part}))
