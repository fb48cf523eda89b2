"""AWS Data Exports: CUR 2.0 and FOCUS, Parquet or gzip CSV, from a folder or from S3, driven by manifests.

One source is one export. A billing period is replaced whole by what its partition-level manifest names; files
that lie beside them are never read.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath

from ingest.bill_landing import land_empty_bill
from ingest.duckdb_session import EngineLimits
from ingest.errors import ConfigError
from ingest.lake import Delivery, Lake, Landed
from ingest.quarantine import UNKNOWN_DATASET
from ingest.settings import Settings
from ingest.source_config import SourceConfig
from ingest.sources.aws_manifest import CUR_DATASET, FOCUS_DATASET, is_partition_folder, read_manifest
from ingest.sources.aws_period import TABLES, AwsPeriod
from ingest.sources.delivery_store import DeliveryStore, FolderStore, StoredFile

FORMAT_VERSION = 1
PARALLEL_LOOKUPS = 8


class AwsDataExportsSource:
    """One Data Export: ``<export>/metadata/BILLING_PERIOD=YYYY-MM/<export>-Manifest.json`` and its files."""

    def __init__(self, config: SourceConfig, *, settings: Settings) -> None:
        self.config, self.settings = config, settings
        self._export: str | None = config.options.get("export")

    def discover(self) -> Iterator[Delivery]:
        """One delivery per billing period, oldest first."""
        store = self._store()
        limits = EngineLimits(memory_limit=self.settings.memory_limit, threads=self.settings.threads)
        with ThreadPoolExecutor(max_workers=PARALLEL_LOOKUPS) as pool:
            manifests = pool.map(lambda file: read_manifest(store, file), self._manifests(store))
            by_time = sorted(manifests, key=lambda manifest: manifest.partition)
            periods = list(pool.map(lambda manifest: AwsPeriod(store, manifest, limits), by_time))
        known = next((period.dataset for period in reversed(periods) if period.dataset), None)
        for period in periods:
            dataset = period.dataset or known or UNKNOWN_DATASET
            yield self._delivery(period, dataset)
            if period.dataset and not period.manifest.error:
                yield from self._superseded(period, dataset)

    def _delivery(self, period: AwsPeriod, dataset: str) -> Delivery:
        def land(folder: Path) -> Landed:
            """Land what lies there now: AWS may have refreshed the period since it was discovered."""
            return period.renewed().land(folder, dataset=dataset)

        return Delivery(
            source=self.config.name,
            dataset=dataset,
            partition=period.manifest.partition,
            fingerprint=period.fingerprint,
            delivered_at=period.manifest.delivered_at,
            files=(period.manifest.file.key, *(item.uri for item in period.manifest.data_files)),
            land=land,
            format_version=FORMAT_VERSION,
        )

    def _superseded(self, period: AwsPeriod, dataset: str) -> Iterator[Delivery]:
        """Empty what an earlier export of another table left for the same period: it is the same cost."""
        lake, partition = Lake(self.settings.lake_dir), period.manifest.partition
        for other in {CUR_DATASET, FOCUS_DATASET} - {dataset}:
            left = lake.current(self.config.name, other, partition)
            if left is not None and left.rows:
                yield Delivery(
                    source=self.config.name,
                    dataset=other,
                    partition=partition,
                    fingerprint=f"superseded by {dataset}",
                    delivered_at=period.manifest.delivered_at,
                    files=(period.manifest.file.key,),
                    land=lambda folder, other=other: land_empty_bill(folder, spec=TABLES[other]),
                    format_version=FORMAT_VERSION,
                )

    def check(self) -> list[str]:
        """What is there: export, periods, table."""
        store = self._store()
        files = self._manifests(store)
        newest = read_manifest(store, max(files, key=lambda file: PurePosixPath(file.key).parent.name))
        period = AwsPeriod(store, newest, EngineLimits())
        return [
            f"export {newest.export}: {len(files)} billing periods up to {newest.partition}",
            f"{period.dataset or 'table unknown'}, {len(newest.data_files)} data files in {newest.partition}",
        ]

    def _store(self) -> DeliveryStore:
        location = self.config.location
        if location.startswith("s3://"):
            from ingest.sources.s3_store import S3Store  # boto3 takes a third of a second to import

            options = self.config.options
            return S3Store(location, endpoint_url=options.get("endpoint_url"), region=options.get("region"))
        return FolderStore(self.config.path)

    def _manifests(self, store: DeliveryStore) -> list[StoredFile]:
        """The partition-level manifests of the one export.

        Raises:
            ConfigError: no export, or several without a choice.
        """
        by_export: dict[tuple[str, str], list[StoredFile]] = {}
        for file in store.find_manifests():
            if is_partition_folder(file.key):
                by_export.setdefault(_export_of(file), []).append(file)
        chosen = [export for export in by_export if self._export in (None, export[1])]
        if len(chosen) == 1:
            return by_export[chosen[0]]
        where = {"source": self.config.name, "location": store.describe()}
        found = ", ".join(f"{name} in {root}" for root, name in sorted(chosen or by_export)) or "no manifest"
        if chosen:
            raise ConfigError(
                "several AWS data exports are there, and adding them could count the same cost twice",
                where=where,
                found=found,
                expected="one export per source",
                fix="name one with `export`, or narrow `location`; other exports get their own [[sources]]",
            )
        name = self._export or "<export>"
        raise ConfigError(
            "no AWS data export is there",
            where=where,
            found=found,
            expected=f"metadata/BILLING_PERIOD=YYYY-MM/{name}-Manifest.json below the location",
            fix="correct `location` or `export`; AWS first delivers up to a day after an export is created",
        )


def _export_of(file: StoredFile) -> tuple[str, str]:
    """(folder of the export, its name)."""
    path = PurePosixPath(file.key)
    return path.parents[2].as_posix(), path.name.removesuffix("-Manifest.json")
