"""Telemetry as Prometheus, VictoriaMetrics and exporters write it, for the tests of the telemetry sources."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

DAY = 1_772_409_600  # 2026-03-02T00:00:00Z
GPU = {
    "__name__": "DCGM_FI_DEV_GPU_UTIL",
    "UUID": "GPU-1",
    "gpu": "0",
    "modelName": "NVIDIA L4",
    "Hostname": "node-1",
}
COLUMNS = "epoch_us(ts), metric, value"

Pairs = Sequence[tuple[float, str | None]]


def series(values: Pairs, **labels: str) -> dict[str, Any]:
    """A series of a matrix; labels change those of one GPU."""
    return {"metric": {**GPU, **labels}, "values": [list(pair) for pair in values]}


def answer(*found: Mapping[str, Any], kind: str = "matrix", **more: Any) -> dict[str, Any]:
    """An answer of /api/v1/query_range or /api/v1/query."""
    return {"status": "success", "data": {"resultType": kind, "result": list(found)}, **more}


def matrix(*found: Mapping[str, Any]) -> str:
    """The text of a matrix answer."""
    return json.dumps(answer(*found))


def export_line(values: Sequence[Any], seconds: Sequence[float], **labels: str) -> str:
    """One line of VictoriaMetrics' /api/v1/export."""
    stamps = [round(at * 1000) for at in seconds]
    return json.dumps({"metric": {**GPU, **labels}, "values": list(values), "timestamps": stamps}) + "\n"
