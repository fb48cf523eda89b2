"""`closes/index.json`: what dbt and the comparison of changes need to know of closes and disputes.

Derived from the two chains and written anew before every build and after every event; nothing reads it as
truth. Soft closes are not in it: they freeze what is published and change nothing in the warehouse.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ingest.durable_files import read_json
from ingest.settings import Settings
from orchestration.close.chain import ChainBroken, Event
from orchestration.close.disputes import Dispute, disputes_of, read_disputes
from orchestration.close.months import (
    CHARGES,
    LEDGER,
    booking_period,
    closed_events,
    closes_of,
    facts_of,
    frozen_file,
)
from orchestration.durable import write_record

SOURCE = "closes"


def index_path(settings: Settings) -> Path:
    """The file that TCO_CLOSES names."""
    return settings.home / "closes" / "index.json"


def write_closes_index(settings: Settings) -> Path:
    """Write the index when it differs from what is there.

    Raises:
        ChainBroken: events were changed, or a file that dbt reads has another size than it was frozen with.
    """
    events = closes_of(settings).events()
    content = closes_index(events, read_disputes(disputes_of(settings).events()), root=settings.home / "closes")
    path = index_path(settings)
    if read_json(path) != content:
        write_record(path, content)
    return path


def closes_index(events: Sequence[Event], disputes: Sequence[Dispute], *, root: Path) -> dict[str, Any]:
    """The content of the index: booking period, closed months, disputes to book, and `loads` to remember.

    Args:
        events: the chain of closes.
        disputes: all disputes.
        root: folder of the index, which frozen files are named relative to.
    """
    closed = closed_events(events)
    booking = booking_period(events)
    issued = {dispute_id for event in closed.values() for dispute_id in facts_of(event).disputes}
    waiting = [d for d in disputes if d.is_accepted and d.dispute_id not in issued] if booking else []
    to_book = [d.booked() for d in sorted(waiting, key=lambda d: d.dispute_id)]
    loads = [_load("close", period, event.hash) for period, event in closed.items()]
    if to_book and booking:
        digest = hashlib.sha256(json.dumps(to_book, sort_keys=True).encode()).hexdigest()
        loads.append(_load("disputes", booking, digest))
    return {
        "booking_period": booking,
        "closed": [
            {
                "period": period,
                "event": event.hash,
                "charges": _frozen_path(event, CHARGES, root),
                "allocations": _frozen_path(event, LEDGER, root),
            }
            for period, event in closed.items()
        ],
        "disputes": to_book,
        "loads": loads,
    }


def _load(dataset: str, partition: str, digest: str) -> dict[str, str]:
    return {"source": SOURCE, "dataset": dataset, "partition": partition, "load_id": digest[:16]}


def _frozen_path(event: Event, mart: str, root: Path) -> str | None:
    path = frozen_file(event, mart)
    if path is None:
        return None
    size = {file.path: file.size for file in event.manifest.files}[path.relative_to(event.folder).as_posix()]
    if not path.is_file() or path.stat().st_size != size:
        raise ChainBroken(
            "a file of a closed month was changed after the close",
            where={"file": path},
            found=f"{path.stat().st_size} bytes" if path.is_file() else "no file",
            expected=f"{size} bytes",
            fix="restore the closes folder from a backup; `tco verify` names every file that differs",
        )
    return path.relative_to(root).as_posix()
