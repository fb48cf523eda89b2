"""Reads a sample's deliveries and truth files back, independently of the pipeline's adapters."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb


def truth(sample: Path, name: str) -> list[dict[str, str]]:
    """Rows of ``truth/<name>.csv``."""
    with (sample / "truth" / f"{name}.csv").open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def cur(sample: Path, month: str, sql: str) -> list[tuple[Any, ...]]:
    """Result of a query over ``lines``: the month's CUR files, as the manifest names them."""
    exports = sample / "aws_cur" / "northwind-billing" / "exports" / "nw-cur2"
    manifest = json.loads((exports / "metadata" / f"BILLING_PERIOD={month}" / "nw-cur2-Manifest.json").read_text())
    files = [str(sample / "aws_cur" / item["s3Uri"].removeprefix("s3://")) for item in manifest["dataFiles"]]
    con = duckdb.connect()
    con.execute("create view lines as select * from read_parquet($files)".replace("$files", repr(files)))
    return con.execute(sql).fetchall()


def focus_rows(sample: Path, month: str) -> list[dict[str, str]]:
    """Rows of the month's FOCUS chunks."""
    exports = sample / "aws_focus" / "northwind-apps-billing" / "exports" / "nw-focus"
    manifest = json.loads((exports / "metadata" / f"BILLING_PERIOD={month}" / "nw-focus-Manifest.json").read_text())
    rows: list[dict[str, str]] = []
    for item in manifest["dataFiles"]:
        path = sample / "aws_focus" / item["s3Uri"].removeprefix("s3://")
        assert path.stat().st_size == item["size"]
        with gzip.open(path, "rt", newline="", encoding="utf-8") as stream:
            rows += csv.DictReader(stream)
    return rows


def gcp_rows(sample: Path, month: str) -> list[dict[str, Any]]:
    """Rows of the invoice month's export, numbers as Decimal."""
    folder = sample / "gcp" / f"invoice_month={month.replace('-', '')}"
    rows: list[dict[str, Any]] = []
    for path in sorted(folder.glob("*.json.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as stream:
            rows += [json.loads(line, parse_float=Decimal) for line in stream]
    return rows


def pages(sample: Path, pattern: str) -> list[dict[str, Any]]:
    """Saved API pages in order, numbers as Decimal."""
    return [json.loads(path.read_text(encoding="utf-8"), parse_float=Decimal) for path in sorted(sample.glob(pattern))]


def results(sample: Path, pattern: str) -> Iterator[dict[str, Any]]:
    """All results of all buckets of the pages."""
    for page in pages(sample, pattern):
        for bucket in page["data"]:
            yield from bucket["results"]


def series(sample: Path, month: str, name: str) -> Iterator[tuple[dict[str, str], list[tuple[int, str]]]]:
    """(labels, samples) of every series of the month's query_range answers called ``name``, day by day."""
    for path in sorted((sample / "prometheus").glob(f"{month}-*/{name}")):
        answer = json.loads(path.read_text(encoding="utf-8"))
        assert (answer["status"], answer["data"]["resultType"]) == ("success", "matrix")
        for item in answer["data"]["result"]:
            yield item["metric"], [(int(at), value) for at, value in item["values"]]
