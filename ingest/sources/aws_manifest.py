"""AWS Data Exports manifests: the files of a billing period and the table they hold (billing.md 2.6).

Only the partition-level manifest counts: it names the newest refresh and is written last.
"""

from __future__ import annotations

import hashlib
import json
import re
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any

from ingest.billing_period import BillingPeriod
from ingest.errors import DeliveryError
from ingest.sources.delivery_store import DeliveryStore, StoredFile

CUR_DATASET, FOCUS_DATASET = "aws_cur_2_0", "aws_focus"
_CUR_MARK, _FOCUS_MARK = "line_item_unblended_cost", "BilledCost"
_EXECUTION = re.compile(r"(\d{8}T\d{6})Z")
_FIX = "let AWS deliver the period again; the partition keeps its last good load"
_HEAD_BYTES = 65536


@dataclass(frozen=True)
class DataFile:
    """A file a manifest names: as named, and its size in bytes where the manifest states it."""

    uri: str
    size: int | None


@dataclass(frozen=True)
class AwsManifest:
    """One partition-level manifest."""

    file: StoredFile
    export: str
    export_root: str
    partition: str
    content_hash: str
    data_files: tuple[DataFile, ...]
    table_words: str
    delivered_at: datetime
    error: DeliveryError | None = None

    @property
    def dataset(self) -> str | None:
        """The data set the manifest itself tells, by its columns or table name."""
        return dataset_of_words(self.table_words)


def read_manifest(store: DeliveryStore, file: StoredFile) -> AwsManifest:
    """Read one manifest; a malformed one carries the error that its landing will raise."""
    content = store.read(file.key)
    path = PurePosixPath(file.key)
    data_files, words, execution, error = (), "", "", None
    try:
        document = _document(content, file.key)
        words = _table_words(document)
        execution = str(document.get("executionId", ""))
        _check_period(document, path.parent.name, file.key)
        data_files = _data_files(document, file.key)
    except DeliveryError as fault:
        error = fault
    root = path.parents[2].as_posix()
    return AwsManifest(
        file=file,
        export=path.name.removesuffix("-Manifest.json"),
        export_root="" if root == "." else root,
        partition=path.parent.name.removeprefix("BILLING_PERIOD="),
        content_hash=hashlib.sha256(content).hexdigest(),
        data_files=data_files,
        table_words=words,
        delivered_at=_delivered_at(execution, file),
        error=error,
    )


def is_partition_folder(key: str) -> bool:
    """Whether the manifest lies in ``BILLING_PERIOD=YYYY-MM``."""
    name = PurePosixPath(key).parent.name
    try:
        BillingPeriod.parse(name.removeprefix("BILLING_PERIOD="))
    except ValueError:
        return False
    return name.startswith("BILLING_PERIOD=")


def dataset_of_words(words: str) -> str | None:
    """The data set that column or table names stand for."""
    if _CUR_MARK in words or "COST_AND_USAGE_REPORT" in words:
        return CUR_DATASET
    return FOCUS_DATASET if _FOCUS_MARK in words or "FOCUS_" in words else None


def dataset_of_file(store: DeliveryStore, key: str, size: int) -> str | None:
    """The data set a data file's own header shows: the head of a CSV, the footer of a Parquet file."""
    if size == 0:
        return None
    if key.endswith(".parquet"):
        tail = store.read(key, start=-min(8, size))
        length = int.from_bytes(tail[:4], "little") + 8 if tail[4:] == b"PAR1" else _HEAD_BYTES
        return dataset_of_words(store.read(key, start=-min(length, size)).decode("latin-1"))
    head = store.read(key, length=_HEAD_BYTES)
    if head[:2] == b"\x1f\x8b":
        try:
            head = zlib.decompressobj(wbits=31).decompress(head, _HEAD_BYTES)
        except zlib.error:
            return None
    return dataset_of_words(head.decode("utf-8", errors="replace").split("\n")[0])


def fingerprint_of(manifest: AwsManifest, files: Iterable[StoredFile | None]) -> str:
    """Changes when the manifest or any file it names changes (name, size, ETag or modification time)."""
    seen = [[file.key, file.size, file.token] if file else None for file in files]
    return hashlib.sha256(json.dumps([manifest.content_hash, seen]).encode()).hexdigest()


def _document(content: bytes, key: str) -> Mapping[str, Any]:
    try:
        document = json.loads(content.decode("utf-8-sig"))
    except ValueError as error:
        raise DeliveryError(
            "the manifest is not JSON",
            where={"file": key},
            found=str(error),
            expected="a JSON object",
            fix=_FIX,
        ) from error
    if not isinstance(document, dict):
        raise DeliveryError(
            "the manifest is not a JSON object",
            where={"file": key},
            found=type(document).__name__,
            expected='{"dataFiles": [...]}',
            fix=_FIX,
        )
    return document


def _check_period(document: Mapping[str, Any], folder: str, key: str) -> None:
    stated = document.get("billingPeriod")
    if stated and not folder.endswith(f"={stated}"):
        raise DeliveryError(
            "the manifest is of another billing period",
            where={"file": key, "key": "billingPeriod"},
            found=str(stated),
            expected=folder,
            fix="move the manifest to the folder of its period, or let AWS deliver it again",
        )


def _data_files(document: Mapping[str, Any], key: str) -> tuple[DataFile, ...]:
    listed = document.get("dataFiles")
    found = listed if isinstance(listed, list) else None
    files = [_data_file(item) for item in found or ()]
    if found is None or None in files:
        raise DeliveryError(
            "the manifest does not list its data files",
            where={"file": key, "key": "dataFiles"},
            found=repr(listed)[:200],
            expected="a list of s3:// texts, or of objects with s3Uri and size",
            fix=_FIX,
        )
    return tuple(file for file in files if file)


def _data_file(item: Any) -> DataFile | None:
    if isinstance(item, str):
        return DataFile(item, None)
    if isinstance(item, dict) and isinstance(item.get("s3Uri"), str):
        size = item.get("size")
        return DataFile(item["s3Uri"], size if isinstance(size, int) else None)
    return None


def _table_words(document: Mapping[str, Any]) -> str:
    columns = document.get("columns")
    names = [str(item.get("name", "") if isinstance(item, dict) else item) for item in columns or ()]
    tables = [str(document.get(name, "")) for name in ("table", "tableName", "queryStatement")]
    return " ".join(names) or " ".join(tables)


def _delivered_at(execution: str, file: StoredFile) -> datetime:
    """The refresh time AWS writes into the execution id, else the manifest's own."""
    match = _EXECUTION.match(execution)
    return datetime.strptime(match[1], "%Y%m%dT%H%M%S").replace(tzinfo=UTC) if match else file.modified_at
