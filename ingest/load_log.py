"""The load log: one JSON line per commit, append-only: what a load replaced, how much the money moved."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from ingest.manifest import Manifest, Money, amount_text, money_text, timestamp_text


def load_message(manifest: Manifest, previous: Manifest | None) -> str:
    """One line for people: '2026-06 replaced: 3 rows -> 5 rows, billed_cost 15 -> 13 USD (delta -2)'."""
    if previous is None:
        amounts = [
            f"{column} {amount_text(amount)} {currency}"
            for currency, columns in sorted(manifest.money.items())
            for column, amount in columns.items()
        ]
        return ", ".join([f"{manifest.partition} loaded: {manifest.rows} rows", *amounts])
    parts = [f"{manifest.partition} replaced: {previous.rows} rows -> {manifest.rows} rows"]
    parts += [
        f"{column} {amount_text(before)} -> {amount_text(after)} {currency}"
        f" (delta {amount_text(after - before)})"
        for currency, column, before, after in _money_changes(previous.money, manifest.money)
    ]
    return ", ".join(parts)


def _money_changes(before: Money, after: Money) -> Iterator[tuple[str, str, Decimal, Decimal]]:
    for currency in sorted({*before, *after}):
        old, new = before.get(currency, {}), after.get(currency, {})
        for column in dict.fromkeys([*new, *old]):
            yield currency, column, old.get(column, Decimal(0)), new.get(column, Decimal(0))


class LoadLog:
    """``load_log.jsonl`` of a lake."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, manifest: Manifest, previous: Manifest | None) -> str:
        """Write the line of one commit, flushed; returns its message. The caller holds the lake's lock."""
        message = load_message(manifest, previous)
        line = {
            "at": timestamp_text(manifest.committed_at),
            "source": manifest.source,
            "dataset": manifest.dataset,
            "partition": manifest.partition,
            "load_id": manifest.load_id,
            "previous_load_id": manifest.previous_load_id,
            "rows": manifest.rows,
            "rows_before": previous.rows if previous else None,
            "money": money_text(manifest.money),
            "money_before": money_text(previous.money) if previous else None,
            "message": message,
        }
        with self.path.open("ab") as handle:
            handle.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")
            handle.flush()
            os.fsync(handle.fileno())
        return message

    def lines(self) -> list[dict[str, Any]]:
        """All complete lines, oldest first."""
        if not self.path.is_file():
            return []
        with self.path.open("rb") as handle:
            return [json.loads(line) for line in handle if line.endswith(b"\n")]

    def cut_torn_line(self) -> None:
        """Drop an unfinished last line that a crash left behind."""
        if not self.path.is_file():
            return
        with self.path.open("rb+") as handle:
            end = handle.seek(0, os.SEEK_END)
            kept = end
            while kept > 0:
                start = max(0, kept - 65536)
                handle.seek(start)
                newline = handle.read(kept - start).rfind(b"\n")
                kept = start + newline + 1 if newline >= 0 else start
                if newline >= 0:
                    break
            if kept < end:
                handle.truncate(kept)

    def missing(self, manifests: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        """The current manifests (JSON) whose commit is not the last line of their partition, oldest first."""
        last = {_key(line): line["load_id"] for line in self.lines()}
        lost = [manifest for manifest in manifests if last.get(_key(manifest)) != manifest["load_id"]]
        return sorted(lost, key=lambda manifest: (manifest["committed_at"], _key(manifest)))


def _key(document: dict[str, Any]) -> tuple[str, str, str]:
    return document["source"], document["dataset"], document["partition"]
