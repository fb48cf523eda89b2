"""Where the published snapshot lies and what it says about itself (`snapshot.json`).

`published/current` is a link that a later run moves; it is resolved once, so that a whole statement comes
from one snapshot. Only facts recorded inside the snapshot are printed: the same snapshot always gives the
same statement.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reporting.errors import StatementError

OPEN, SOFT_CLOSED, CLOSED = "open", "soft_closed", "closed"


@dataclass(frozen=True)
class InputLoad:
    """One lake partition the snapshot was built from."""

    source: str
    dataset: str
    partition: str
    load_id: str
    rows: int | None


@dataclass(frozen=True)
class GateResult:
    """A gate rule that did not pass when the snapshot was published."""

    rule: str
    title: str
    severity: str
    message: str
    examples: tuple[str, ...]


@dataclass(frozen=True)
class Snapshot:
    """A published snapshot: its folder, identity and inputs. Texts are '' when the snapshot does not record
    them.
    """

    folder: Path
    snapshot_id: str
    created_at: str
    code_version: str
    content_hash: str
    inputs: tuple[InputLoad, ...]
    gates: tuple[GateResult, ...] = ()
    month_states: tuple[tuple[str, str], ...] = ()

    def month_state(self, billing_period: str) -> str:
        """State of a month's books as the snapshot records it; OPEN when it records none."""
        return dict(self.month_states).get(billing_period, OPEN)

    @property
    def marts_file(self) -> Path:
        """The DuckDB file with the marts."""
        return self.folder / "marts.duckdb"


def open_snapshot(published_dir: Path) -> Snapshot:
    """The snapshot `published_dir/current` leads to now; a snapshot's own folder is accepted too.

    Raises:
        StatementError: nothing is published there, or `snapshot.json` cannot be read.
    """
    current = published_dir / "current"
    folder = (current if current.exists() else published_dir).resolve()
    if not (folder / "marts.duckdb").is_file():
        raise StatementError(
            "there are no published marts",
            where={"folder": published_dir},
            found="no current/marts.duckdb",
            expected="a snapshot published by a complete run",
            fix="run `tco run` first; if a gate failed, `tco status` shows which one",
        )
    facts = _facts(folder / "snapshot.json")
    return Snapshot(
        folder=folder,
        snapshot_id=str(facts.get("snapshot_id") or folder.name),
        created_at=str(facts.get("created_at") or ""),
        code_version=str(facts.get("code_version") or ""),
        content_hash=str(facts.get("content_hash") or ""),
        inputs=tuple(sorted((_input_load(item) for item in facts.get("inputs") or []), key=_input_key)),
        gates=tuple(_gates(facts.get("gates") or [])),
        month_states=tuple(sorted(_month_states(facts.get("month_states") or {}))),
    )


def _gates(reports: list[dict[str, Any]]) -> Iterator[GateResult]:
    for report in reports:
        for result in report.get("results") or []:
            if result.get("status") != "passed":
                yield GateResult(
                    rule=str(result.get("rule", "")),
                    title=str(result.get("title", "")),
                    severity=str(result.get("severity", "")),
                    message=str(result.get("message", "")),
                    examples=tuple(map(str, result.get("examples") or ())),
                )


def _month_states(states: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for period, state in states.items():
        yield str(period), str(state)


def _facts(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise StatementError(
            "the snapshot's description cannot be read",
            where={"file": path},
            found=str(error),
            expected="a JSON object",
            fix="publish again with `tco run`",
        ) from error
    return facts if isinstance(facts, dict) else {}


def _input_load(item: dict[str, Any]) -> InputLoad:
    rows = item.get("rows")
    return InputLoad(
        source=str(item.get("source", "")),
        dataset=str(item.get("dataset", "")),
        partition=str(item.get("partition", "")),
        load_id=str(item.get("load_id", "")),
        rows=rows if isinstance(rows, int) else None,
    )


def _input_key(load: InputLoad) -> tuple[str, str, str]:
    return (load.source, load.dataset, load.partition)
