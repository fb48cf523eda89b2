"""Billing periods that were rebuilt in the warehouse and not yet published.

Written (durably) before dbt starts, so that a run killed between building and publishing leaves the next
run knowing what to compare; taken away after the pointer moved. Naming a period too much is harmless, it is
compared and found equal.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ingest.durable_files import read_json, sync_folder
from orchestration.durable import write_record

FILE = "pending.json"


@dataclass(frozen=True)
class Pending:
    """Periods to compare with the published ones; `is_full` means all of them."""

    periods: frozenset[str] = frozenset()
    is_full: bool = False


def read_pending(published_dir: Path) -> Pending:
    """What is waiting to be published; empty when nothing is."""
    content = read_json(published_dir / FILE)
    if content is None:
        return Pending()
    return Pending(periods=frozenset(content["periods"]), is_full=bool(content["is_full"]))


def add_pending(published_dir: Path, *, periods: Iterable[str], is_full: bool) -> Pending:
    """Note periods as about to change, on top of those already waiting."""
    waiting = read_pending(published_dir)
    merged = Pending(periods=waiting.periods | frozenset(periods), is_full=waiting.is_full or is_full)
    if merged != waiting:
        write_record(published_dir / FILE, {"periods": sorted(merged.periods), "is_full": merged.is_full})
    return merged


def clear_pending(published_dir: Path) -> None:
    """Nothing waits any more; called after the pointer has moved."""
    path = published_dir / FILE
    if path.exists():
        path.unlink()
        sync_folder(published_dir)
