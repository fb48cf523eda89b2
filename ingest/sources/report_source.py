"""Usage and cost reports of an LLM provider: saved pages in a folder, or pulled live and read the same way.

One source lands two data sets, one partition per month of the buckets' start. Files are told apart by
content. Another provider's reports are left alone with a notice. JSON that is no report goes to quarantine
under the partition ``unknown``, where it holds back nothing else. A file that cannot be read holds back the
months it fed before and those that its path names.
"""

from __future__ import annotations

import logging
import shutil
import zlib
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime
from decimal import Context, Decimal
from functools import partial
from pathlib import Path
from weakref import finalize

from ingest.billing_period import BillingPeriod
from ingest.duckdb_session import session
from ingest.http_api import HttpApi
from ingest.lake import Delivery, Lake, Landed
from ingest.lake_workspace import Workspace
from ingest.landing import count_and_money, parquet_rows, unpack
from ingest.quarantine import UNKNOWN_DATASET, UNKNOWN_PARTITION
from ingest.settings import Settings
from ingest.source_config import SourceConfig
from ingest.sources.delivered_files import BrokenFile, DeliveredFile, months_in, refuse_moving
from ingest.sources.file_memory import Contents, FileMemory
from ingest.sources.folder_source import FolderSource
from ingest.sources.pulled_pages import pulled_delivery, pulled_page
from ingest.sources.report_live import admin_key, recent_months, span
from ingest.sources.report_pages import Envelope, NotAReport, load_pages
from ingest.sources.report_rows import ReportSpec, write_rows
from ingest.sources.report_scan import months_by_dataset, refuse_all
from ingest.sources.scan_room import ScanRoom

log = logging.getLogger(__name__)


class ReportSource(FolderSource):
    """Discovery and landing shared by the providers; a provider gives its data sets, clock and requests.

    Inside this class a partition is ``<dataset>/<YYYY-MM>``; deliveries carry the two apart.
    """

    dataset = UNKNOWN_DATASET
    suffixes = (".json", ".jsonl", ".ndjson", ".json.gz", ".jsonl.gz", ".ndjson.gz")
    has_whole_statements = False
    provider: str
    key_variable: str
    envelope: Envelope
    foreign_key: str
    specs: tuple[ReportSpec, ...]

    def __init__(
        self,
        config: SourceConfig,
        *,
        settings: Settings,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        super().__init__(config, settings=settings)
        self._now = now
        if organization := config.options.get("organization"):
            # the option stands in the rows: another value reads the same files anew
            self.format_version = self.format_version + zlib.crc32(organization.encode())
        self._unrecognised: set[str] = set()
        self.workspace = Workspace(settings.lake_dir / "_tmp")
        finalize(self, shutil.rmtree, self.workspace.session, ignore_errors=True)

    @abstractmethod
    def api(self) -> HttpApi:
        """The provider's server, with the key from the environment."""

    @abstractmethod
    def pull(self, api: HttpApi, first: datetime, end: datetime, folder: Path) -> Mapping[str, list[Path]]:
        """Save all pages of [first, end) below ``folder``; data set -> files."""

    @abstractmethod
    def probe(self, api: HttpApi) -> None:
        """One small request that shows that the key works."""

    def check(self) -> list[str]:
        """What lies in the folder, or whether the server accepts the key.

        Raises:
            ConfigError, TransientError: it cannot be used as configured.
        """
        if not self.config.is_url:
            return super().check()
        with self.api() as api:
            self.probe(api)
        months = ", ".join(str(month) for month in self._months())
        return [f"{self.config.location} accepts the key in {self.key_variable}; months {months}"]

    def discover(self) -> Iterator[Delivery]:
        """One delivery per data set and month that the files hold, or of the last months of the server."""
        if not self.config.is_url:
            yield from super().discover()
            return
        with self.api() as api:
            for month in self._months():
                yield from self._live_month(api, month)

    def named_partitions(self, name: str) -> set[str]:
        """Data sets and months that a path names; a file that is no report feeds none."""
        if name in self._unrecognised:
            return set()
        hinted = self._hinted(name)
        datasets = hinted if len(hinted) == 1 else (UNKNOWN_DATASET, *hinted)
        return {f"{dataset}/{month}" for dataset in datasets for month in months_in(name)}

    def scan(self, path: Path, *, name: str, room: ScanRoom) -> Contents:
        """The data sets and months of a file; nothing for another provider's report.

        Raises:
            DeliveryError: not JSON, or no report.
        """
        text = room.scratch / "report.json"
        unpack(path, text, name=name)
        load_pages(room.connection, {text: name}, envelope=self.envelope)
        try:
            found = months_by_dataset(
                room.connection,
                self.specs,
                envelope=self.envelope,
                foreign_key=self.foreign_key,
                hinted=self._hinted(name),
                provider=self.provider,
            )
        except NotAReport:
            self._unrecognised.add(name)
            raise
        return {f"{dataset}/{month}": () for dataset, months in found.items() for month in months}

    def land(self, partition: str, files: tuple[DeliveredFile, ...], folder: Path) -> Landed:
        """Type, check and merge the lines of one data set and month."""
        dataset, month = partition.split("/")
        spec = next(spec for spec in self.specs if spec.dataset == dataset)
        target, aside = folder / "part-00000.parquet", folder / "pages"
        aside.mkdir()
        texts = {aside / f"{number}.json": file for number, file in enumerate(files)}
        sources = tuple(unpack(file.path, text, name=file.name) for text, file in texts.items())
        organization = self.config.options.get("organization")
        with session(**asdict(self.limits), scratch=folder / "spill") as connection:
            load_pages(connection, {text: file.name for text, file in texts.items()}, envelope=self.envelope)
            notes = write_rows(connection, spec, target, month=month, organization=organization)
            rows, money = parquet_rows(connection, [target])[target], {}
            if spec.money_column is not None:
                total = {"billed_cost": spec.money_column}
                rows, money = count_and_money(connection, [target], total, "currency")
        return Landed((target,), sources, rows, _shifted(money, spec.money_shift), notes)

    def key(self) -> str:
        """The admin key from the environment.

        Raises:
            ConfigError: it is not set.
        """
        return admin_key(self.key_variable, source=self.config.name, provider=self.provider)

    def _months(self) -> list[BillingPeriod]:
        return recent_months(self._now(), months_back=self.config.options.get("months_back", 1))

    def _live_month(self, api: HttpApi, period: BillingPeriod) -> Iterator[Delivery]:
        folder, pulled_at = self.workspace.folder(), self._now()
        first, end = span(period, pulled_at)
        for dataset, paths in self.pull(api, first, end, folder).items():
            partition = f"{dataset}/{period}"
            pages = tuple(pulled_page(path, folder=folder, contents={partition: ()}, pulled_at=pulled_at) for path in paths)
            yield pulled_delivery(
                self.config,
                dataset=dataset,
                partition=str(period),
                pages=pages,
                pulled_at=pulled_at,
                land=partial(self._land_checked, partition, pages),
                format_version=self.format_version,
            )

    def _hinted(self, name: str) -> tuple[str, ...]:
        """The data sets that a file name speaks of: usage, cost, or both."""
        base = name.rsplit("/", 1)[-1].lower()
        datasets = tuple(spec.dataset for spec in self.specs)
        hinted = tuple(name for name in datasets if name.rsplit("_", 1)[-1].rstrip("s") in base)
        return hinted if len(hinted) == 1 else datasets

    def _examine(self, path: Path, name: str, memory: FileMemory, room: ScanRoom) -> DeliveredFile | BrokenFile:
        file = super()._examine(path, name, memory, room)
        if isinstance(file, DeliveredFile) and not file.facts.contents:
            log.warning("%s: %s holds no %s report and is not loaded", self.config.name, name, self.provider)
        return file

    def _by_partition(self, files):
        """A broken file of unclear kind holds back what else feeds its months, else only the unknown set."""
        found, loaded = super()._by_partition(files), self._loaded_partitions()
        for unclear in [key for key in found if key.startswith(f"{UNKNOWN_DATASET}/")]:
            month = unclear.split("/")[1]
            keys = [key for spec in self.specs if (key := f"{spec.dataset}/{month}") in found]
            fed = [key for key in keys if found[key].files or key in loaded]
            for key in set(keys) - set(fed):
                if all(file in found[unclear].broken for file in found[key].broken):
                    del found[key]
            if fed:
                del found[unclear]
        return found

    def _loaded_partitions(self) -> dict[str, set[str]]:
        return {
            f"{manifest.dataset}/{manifest.partition}": {file.path for file in manifest.source_files}
            for manifest in Lake(self.settings.lake_dir).manifests(source=self.config.name)
        }

    def _delivery(self, partition: str, content) -> Delivery:
        delivery = super()._delivery(partition, content)
        if partition == UNKNOWN_PARTITION:
            return replace(delivery, land=partial(refuse_all, tuple(content.broken)))
        dataset, month = partition.split("/")
        return replace(delivery, dataset=dataset, partition=month)

    def _land_checked(self, partition: str, files: tuple[DeliveredFile, ...], folder: Path) -> Landed:
        landed = self.land(partition, files, folder)
        refuse_moving(files, landed.source_files)
        return landed


def _shifted(money: Mapping[str, Mapping[str, Decimal]], shift: int) -> dict[str, dict[str, Decimal]]:
    exact = Context(prec=100)
    return {
        currency: {name: amount.scaleb(shift, exact) for name, amount in columns.items()} for currency, columns in money.items()
    }
