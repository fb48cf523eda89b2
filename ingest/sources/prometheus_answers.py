"""Series out of Prometheus JSON, streamed: answers of /api/v1/query and query_range, VictoriaMetrics exports.

An answer is one JSON object that may have gigabytes, so it is never parsed as a whole. Every series starts
with ``{"metric":{``; that text cannot stand inside a JSON string, where quotes are escaped, so cutting
there is safe. What is left when the series are taken out
(``{"status":"success","data":{"resultType":"matrix","result":[`` … ``]}}``) is the envelope, which is
parsed and checked. Samples stay bytes; only labels and the first and last timestamp are looked at.

Accepted: matrix and vector answers, several answers in one file (one after the other or in an array),
VictoriaMetrics lines ``{"metric":{…},"values":[…],"timestamps":[…]}``, also without any envelope. Formats:
gpu_and_tco.md 1.5 and 1.6.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from ingest.errors import DeliveryError
from ingest.sources.prometheus_series import Series, read_outline

BLOCK_BYTES = 8 * 1024**2
MAX_SERIES_BYTES = 1024**3
MAX_HEADER_BYTES = 64 * 1024**2
_CONTEXT = 512
_KEY = b'"metric"'
_BEFORE = re.compile(rb"([,\[\n])\s*\{\s*\Z")
_AFTER = re.compile(rb'"metric"\s*:\s*\{')
_DECODER = json.JSONDecoder()


class NotTelemetry(DeliveryError):
    """A JSON file that is no answer of Prometheus and no VictoriaMetrics export."""


def read_series(stream: BinaryIO, *, name: str) -> Iterator[Series]:
    """All series of a file, in order; the envelope is checked when the last one has been given.

    Args:
        stream: plain (not gzip) bytes.
        name: how messages call the file.

    Raises:
        NotTelemetry: valid JSON of another kind.
        DeliveryError: truncated or damaged, or an answer that reports an error.
    """
    envelope: list[bytes] = []
    number = 0
    for piece, ended_by in _pieces(stream, name):
        is_last = ended_by in (b"[", b"")
        if number == 0:
            envelope.append(piece + ended_by.replace(b",", b""))
        else:
            series, end = read_outline(piece, name=name, number=number)
            if is_last or piece[end:].strip():
                envelope.append(piece[end:] + ended_by)
            yield series
        number += 1
    _check_envelope(b"".join(envelope), name=name, has_series=number > 1)


def _pieces(stream: BinaryIO, name: str) -> Iterator[tuple[bytes, bytes]]:
    """(text up to the next series, the byte that ended it): first the header, then one piece a series."""
    buffer, searched, is_header = bytearray(b"\n"), 0, True
    while block := stream.read(BLOCK_BYTES):
        buffer += block
        start = 0
        while (at := buffer.find(_KEY, searched)) >= 0 and at + _CONTEXT < len(buffer):
            searched = at + len(_KEY)
            if boundary := _boundary(buffer, at, start):
                yield bytes(buffer[start : boundary.begin]), boundary.byte
                start, is_header = boundary.series, False
        del buffer[:start]
        searched = max(0, (searched if at >= 0 else len(buffer) + start - _CONTEXT) - start)
        _refuse_endless(len(buffer), is_header, name)
    start = 0
    while (at := buffer.find(_KEY, searched)) >= 0:
        searched = at + len(_KEY)
        if boundary := _boundary(buffer, at, start):
            yield bytes(buffer[start : boundary.begin]), boundary.byte
            start = boundary.series
    yield bytes(buffer[start:]), b""


@dataclass(frozen=True)
class _Boundary:
    begin: int
    byte: bytes
    series: int


def _boundary(buffer: bytearray, at: int, start: int) -> _Boundary | None:
    window = max(start, at - _CONTEXT)
    before = _BEFORE.search(bytes(buffer[window:at]))
    if before is None or not _AFTER.match(buffer, at):
        return None
    brace = buffer.rindex(b"{", window, at)
    return _Boundary(window + before.start(), before[1].replace(b"\n", b","), brace)


def _refuse_endless(size: int, is_header: bool, name: str) -> None:
    if is_header and size > MAX_HEADER_BYTES:
        raise NotTelemetry(
            "the file is no Prometheus answer",
            where={"file": name},
            found=f"no series in the first {MAX_HEADER_BYTES} bytes",
            expected='series objects that start with {"metric":{',
            fix="keep other files out of the telemetry folder",
        )
    if size > MAX_SERIES_BYTES:
        raise DeliveryError(
            "one series is larger than can be read",
            where={"file": name},
            found=f"more than {MAX_SERIES_BYTES} bytes",
            expected="shorter time ranges per file",
            fix="export by the day",
        )


def _check_envelope(envelope: bytes, *, name: str, has_series: bool) -> None:
    """What is left without the series must be nothing, or answers that succeeded."""
    text, at, answers = envelope.decode("utf-8", errors="replace").strip(" \r\n\t,\ufeff"), 0, []
    try:
        while at < len(text):
            document, at = _DECODER.raw_decode(text, at)
            answers += document if isinstance(document, list) else [document]
            at += len(text[at:]) - len(text[at:].lstrip(" \r\n\t,"))
    except (json.JSONDecodeError, RecursionError) as error:
        raise DeliveryError(
            "the JSON is truncated or damaged",
            where={"file": name},
            found=str(error),
            expected="a complete answer that ends with ]}}",
            fix="export or fetch the file again",
        ) from error
    for answer in answers:
        _check_answer(answer, name=name)
    if not answers and not has_series:
        raise NotTelemetry("the file is empty", where={"file": name}, found="nothing", fix="export it again")


def _check_answer(answer: Any, *, name: str) -> None:
    data = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(answer, dict) or "status" not in answer:
        raise NotTelemetry(
            "the file is no Prometheus answer",
            where={"file": name},
            found=f"a JSON {type(answer).__name__} of another kind",
            expected='{"status":"success","data":{"resultType":…}} or VictoriaMetrics export lines',
            fix="keep other files out of the telemetry folder",
        )
    if answer["status"] != "success" or not isinstance(data, dict):
        raise DeliveryError(
            "the saved answer reports an error",
            where={"file": name},
            found=f"{answer.get('errorType', answer['status'])}: {answer.get('error', 'no data')}",
            expected="status success",
            fix="run the query again",
        )
    if data.get("resultType") not in ("matrix", "vector"):
        raise DeliveryError(
            "the answer holds no series",
            where={"file": name},
            found=f"resultType {data.get('resultType')}",
            expected="matrix or vector",
            fix="query series, not a scalar",
        )
