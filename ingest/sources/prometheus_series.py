"""One series of a Prometheus answer or a VictoriaMetrics line: its labels, its span of time, and where its
JSON object ends.

Samples stay bytes: only labels and the first and last timestamp are parsed, so the cost does not depend on
the number of samples.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Literal

from ingest.errors import DeliveryError

_LABEL_BYTES = 65536
_OPEN = re.compile(rb'\{\s*"metric"\s*:\s*')
_ARRAY = re.compile(rb'\s*,\s*"(values?)"\s*:\s*\[\s*')
_STAMPS = re.compile(rb'\s*,\s*"timestamps"\s*:\s*\[\s*')
_PAIRS_END = re.compile(rb"\]\s*\]")
_NUMBER = re.compile(rb"-?[0-9][0-9.eE+-]*")
_CLOSE = re.compile(rb"\s*\}")
_DECODER = json.JSONDecoder()
_LINE_BREAKS = b"\r\n"

Form = Literal["pairs", "export", "none"]


@dataclass(frozen=True)
class Series:
    """One series of an answer.

    ``text`` is its JSON object on one line. ``form`` says how samples stand in it: ``pairs`` ([seconds,
    "value"], also the single pair of a vector), ``export`` (values and timestamps in milliseconds side by
    side) or ``none`` (a native histogram). ``first`` and ``last`` are the first and last timestamp in
    seconds, None without samples.
    """

    text: bytes
    labels: dict[str, str]
    form: Form
    first: float | None
    last: float | None


def read_outline(piece: bytes, *, name: str, number: int) -> tuple[Series, int]:
    """The series at the start of ``piece`` and where its object ends.

    Args:
        piece: bytes that start with ``{"metric":``.
        name: how messages call the file.
        number: of the series in the file, from 1.

    Raises:
        DeliveryError: truncated or damaged.
    """
    labels, at = _labels(piece, name=name, number=number)
    found = _pairs(piece, at) or _export(piece, at)
    if found is None:
        document, end = _decode(piece, name=name, number=number)
        form, first, last = _from_document(document)
    else:
        form, first, last, end = found
    text = piece[:end]
    if b"\n" in text or b"\r" in text:
        text = text.translate(None, _LINE_BREAKS)
    return Series(text, labels, form, first, last), end


def _labels(piece: bytes, *, name: str, number: int) -> tuple[dict[str, str], int]:
    opened = _OPEN.match(piece)
    at = opened.end() if opened else 0
    text = piece[at : at + _LABEL_BYTES].decode("utf-8", errors="ignore")
    try:
        labels, length = _DECODER.raw_decode(text)
    except (json.JSONDecodeError, RecursionError):
        document, _ = _decode(piece, name=name, number=number)
        labels, text, length = document["metric"], "", 0
        at = len(piece)
    return labels, at + len(text[:length].encode())


def _pairs(piece: bytes, at: int) -> tuple[Form, float | None, float | None, int] | None:
    array = _ARRAY.match(piece, at)
    if array is None:
        return None
    if array[1] == b"value":
        end, first = piece.find(b"]", array.end()), _number(piece, array.end())
        closed = _CLOSE.match(piece, end + 1) if end >= 0 else None
        return ("pairs", first, first, closed.end()) if closed and first is not None else None
    if not piece.startswith(b"[", array.end()):
        return None
    inside = _last_pair_end(piece, array.end())
    closed = _CLOSE.match(piece, piece.find(b"]", inside + 1) + 1) if inside >= 0 else None
    if closed is None:
        return None
    first = _number(piece, array.end() + 1)
    last = _number(piece, piece.rfind(b"[", 0, inside) + 1)
    return ("pairs", first, last, closed.end()) if first is not None and last is not None else None


def _last_pair_end(piece: bytes, at: int) -> int:
    """Where the last [seconds, "value"] of the series closes; looking from the end is what is fast."""
    if piece.endswith(b"]]}"):
        return len(piece) - 3
    found = _PAIRS_END.search(piece, at)
    return found.start() if found else -1


def _export(piece: bytes, at: int) -> tuple[Form, float | None, float | None, int] | None:
    array = _ARRAY.match(piece, at)
    stamps = _STAMPS.match(piece, piece.find(b"]", array.end()) + 1) if array else None
    end = piece.find(b"]", stamps.end()) if stamps else -1
    closed = _CLOSE.match(piece, end + 1) if end >= 0 else None
    if stamps is None or closed is None:
        return None
    first = _number(piece, stamps.end())
    last = _number(piece, max(piece.rfind(b",", stamps.end(), end) + 1, stamps.end()))
    if first is None or last is None:
        return None
    return "export", first / 1000, last / 1000, closed.end()


def _number(piece: bytes, at: int) -> float | None:
    while piece[at : at + 1].isspace():
        at += 1
    found = _NUMBER.match(piece, at)
    return float(found[0]) if found else None


def _decode(piece: bytes, *, name: str, number: int) -> tuple[dict[str, Any], int]:
    """The slow, complete way: series that are written in an unusual manner, or damaged."""
    try:
        text = piece.decode("utf-8")
        document, length = _DECODER.raw_decode(text)
    except (ValueError, RecursionError) as error:
        raise DeliveryError(
            "the JSON is truncated or damaged",
            where={"file": name, "series": number},
            found=str(error),
            expected="a complete series object",
            fix="export or fetch the file again",
        ) from error
    return document, len(text[:length].encode())


def _from_document(document: dict[str, Any]) -> tuple[Form, float | None, float | None]:
    values = document.get("values") or ([document["value"]] if document.get("value") else [])
    if document.get("timestamps"):
        return "export", document["timestamps"][0] / 1000, document["timestamps"][-1] / 1000
    if values and isinstance(values[0], list):
        return "pairs", float(values[0][0]), float(values[-1][0])
    return "none", None, None
