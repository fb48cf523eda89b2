"""One billing period of an AWS data export: exactly the files its manifest names, checked and landed."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ingest.aws_cur_table import AWS_CUR_TABLE
from ingest.bill_landing import land_bill_csv, land_bill_parquet, land_empty_bill, refuse_duplicates
from ingest.csv_table import UnpackedCsv, read_header
from ingest.duckdb_session import EngineLimits
from ingest.errors import DeliveryError, TransientError
from ingest.focus_table import FOCUS_TABLE
from ingest.lake import Landed
from ingest.landing import land_parquet, unpack
from ingest.manifest import SourceFile
from ingest.quarantine import UNKNOWN_DATASET
from ingest.sources.aws_manifest import (
    CUR_DATASET,
    FOCUS_DATASET,
    AwsManifest,
    dataset_of_file,
    fingerprint_of,
    read_manifest,
)
from ingest.sources.delivery_store import DeliveryStore, StoredFile

TABLES = {CUR_DATASET: AWS_CUR_TABLE, FOCUS_DATASET: FOCUS_TABLE, UNKNOWN_DATASET: FOCUS_TABLE}


class AwsPeriod:
    """One billing period of the export as its manifest describes it now."""

    def __init__(self, store: DeliveryStore, manifest: AwsManifest, limits: EngineLimits) -> None:
        self.store, self.manifest, self.limits = store, manifest, limits
        self.keys = [store.key_of(item.uri, export_root=manifest.export_root) for item in manifest.data_files]
        self.files = [self._stat(key) for key in self.keys]
        self.fingerprint = fingerprint_of(manifest, self.files)
        self.dataset = manifest.dataset or self._dataset_of_files()

    def renewed(self) -> AwsPeriod:
        """The same period as it is described now."""
        return AwsPeriod(self.store, read_manifest(self.store, self.manifest.file), self.limits)

    def land(self, folder: Path, *, dataset: str) -> Landed:
        """Copy or convert exactly the files of the manifest.

        Raises:
            DeliveryError: the manifest or a file is malformed.
            TransientError: the delivery changed meanwhile.
        """
        if self.manifest.error is not None:
            raise self.manifest.error
        files = self._checked_files()
        spec = TABLES[dataset]
        partition = self.manifest.partition
        if not files:
            return land_empty_bill(folder, spec=spec)
        if all(file.key.endswith(".parquet") for file in files):
            targets = [folder / f"part-{number:05d}.parquet" for number in range(len(files))]
            sources = self._copied(files, targets)
            landed = land_bill_parquet(targets, sources, spec=spec, partition=partition, limits=self.limits)
        else:
            texts = [folder / f"unpacked-{number:05d}.csv" for number in range(len(files))]
            sources = self._copied(files, texts)
            refuse_duplicates(sources)
            chunks = [
                UnpackedCsv(source, text, read_header(text, name=source.path, spec=spec))
                for source, text in zip(sources, texts, strict=True)
            ]
            landed = land_bill_csv(chunks, folder, spec=spec, partition=partition, limits=self.limits)
        self._check_unchanged()
        return landed

    def _copied(self, files: Sequence[StoredFile], targets: Sequence[Path]) -> list[SourceFile]:
        """Copy several files at a time; hashing keeps one core busy per file."""
        with ThreadPoolExecutor(max_workers=self.limits.threads) as pool:
            return list(pool.map(self._copy, files, targets))

    def _copy(self, file: StoredFile, target: Path) -> SourceFile:
        name = self._uri(file)
        with self.store.open(file) as stream:
            if target.suffix == ".parquet":
                return land_parquet(stream, target, name=name)
            return unpack(stream, target, name=name)

    def _uri(self, file: StoredFile) -> str:
        return self.manifest.data_files[self.keys.index(file.key)].uri

    def _stat(self, key: str | None) -> StoredFile | None:
        try:
            return self.store.stat(key) if key else None
        except DeliveryError:
            return None  # a name that leads outside; landing refuses it with the reason

    def _dataset_of_files(self) -> str | None:
        first = next((file for file in self.files if file), None)
        return dataset_of_file(self.store, first.key, first.size) if first else None

    def _checked_files(self) -> list[StoredFile]:
        where = {"file": self.manifest.file.key}
        fix = "let AWS deliver the period again, or copy the whole delivery; the last good load stays"
        checked: list[StoredFile] = []
        for item, key, file in zip(self.manifest.data_files, self.keys, self.files, strict=True):
            if key is None or (file is None and self._leads_outside(key)):
                expected = f"a file of this export below {self.store.describe()}"
                raise DeliveryError(
                    "the manifest names a file outside the delivery",
                    where=where,
                    found=item.uri,
                    expected=expected,
                    fix="correct the manifest; nothing outside the configured location is ever read",
                )
            if file is None:
                raise DeliveryError(
                    "the manifest names a file that is missing", where=where, found=item.uri, fix=fix
                )
            if item.size is not None and item.size != file.size:
                raise DeliveryError(
                    "a file has not the size its manifest states",
                    where={"file": item.uri},
                    found=f"{file.size} bytes",
                    expected=f"{item.size} bytes",
                    fix=fix,
                )
            checked.append(file)
        return checked

    def _leads_outside(self, key: str) -> bool:
        try:
            self.store.stat(key)
        except DeliveryError:
            return True
        return False

    def _check_unchanged(self) -> None:
        now = read_manifest(self.store, self.manifest.file)
        if fingerprint_of(now, [self._stat(key) for key in self.keys]) != self.fingerprint:
            raise TransientError(
                "the delivery changed while it was read",
                where={"file": self.manifest.file.key},
                fix="ingest again",
            )
