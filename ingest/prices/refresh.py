"""``tco prices refresh``: rewrite the price seeds from their catalogues and say what changed.

Parts: ``tokens`` (genai-prices, offline), ``aws`` (Price List API, spot history), ``gcp`` (Cloud Billing
Catalog). Each part merges into the rows believed so far (``price_history``), so history stays and a refresh
without news writes the same bytes. Nothing here runs in the daily pipeline: the seeds are reviewed as a diff
and committed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ingest.errors import ConfigError
from ingest.prices.gpu_names import read_gpu_names
from ingest.prices.gpu_offers import (
    GPU_OFFERS_FILE,
    GpuOffer,
    OfferKey,
    read_gpu_offers,
    read_instance_types,
    write_gpu_offers,
)
from ingest.prices.models import MODELS_FILE, add_models, read_models, release_dates
from ingest.prices.price_history import DatedPrice, PriceChange, merge_history, overlapping_keys
from ingest.prices.token_prices import (
    OPEN_START,
    TOKEN_PRICES_FILE,
    TokenPrice,
    read_token_prices,
    write_token_prices,
)

if TYPE_CHECKING:
    import boto3
    from google.cloud import billing_v1

PARTS = ("tokens", "aws", "gcp")
AWS_REGIONS = ("us-east-1",)
GCP_REGIONS = ("us-central1",)


@dataclass(frozen=True, kw_only=True)
class PriceChanges:
    """What a refresh did: every change, notes worth printing, and the seed files whose bytes changed."""

    changes: tuple[PriceChange, ...] = ()
    notes: tuple[str, ...] = ()
    files: tuple[str, ...] = ()

    @property
    def added(self) -> int:
        """New prices, models and aliases."""
        return self._count("added")

    @property
    def changed(self) -> int:
        """Prices that moved: the old row is closed, a new one follows."""
        return self._count("changed")

    @property
    def closed(self) -> int:
        """Prices that ended without a successor."""
        return self._count("closed")

    @property
    def removed(self) -> int:
        """Announced prices that were withdrawn before they held."""
        return self._count("removed")

    @property
    def needs_review(self) -> int:
        """Changes by more than half, or from zero."""
        return sum(change.needs_review for change in self.changes)

    @property
    def lines(self) -> tuple[str, ...]:
        """One line per change, notes last."""
        return (*(change.line for change in self.changes), *self.notes)

    def _count(self, kind: str) -> int:
        return Counter(change.kind for change in self.changes)[kind]


def refresh_prices(
    seeds_dir: Path,
    *,
    what: Collection[str],
    today: date | None = None,
    seen_models: Iterable[tuple[str, str]] = (),
    aws_regions: Collection[str] = AWS_REGIONS,
    gcp_regions: Collection[str] = GCP_REGIONS,
    aws_session: boto3.Session | None = None,
    gcp_client: billing_v1.CloudCatalogClient | None = None,
) -> PriceChanges:
    """Refresh the chosen parts of ``<seeds_dir>/prices``.

    Args:
        seeds_dir: the folder that holds ``prices/`` and ``gpu/``.
        what: any of ``PARTS``.
        today: day of the refresh (UTC); default now.
        seen_models: (provider, raw model name) met in usage without an alias, resolved by the catalogue.
        aws_regions: regions whose machines are fetched; gcp_regions likewise.
        aws_session: boto3 session (default chain if omitted). gcp_client: catalogue client (default
            credentials).

    Raises:
        ConfigError: unknown part, package or credentials missing, a seed that cannot be read.
        TransientError: a price API did not answer. DeliveryError: it answered nothing usable.
    """
    day = today or datetime.now(UTC).date()
    parts = _known_parts(what)
    results: list[PriceChanges] = []
    if "tokens" in parts:
        results.append(_refresh_tokens(seeds_dir, day, seen_models))
    for region in aws_regions if "aws" in parts else ():
        results.append(_refresh_aws(seeds_dir, day, region, aws_session))
    for region in gcp_regions if "gcp" in parts else ():
        results.append(_refresh_gcp(seeds_dir, day, region, gcp_client))
    return PriceChanges(
        changes=tuple(change for result in results for change in result.changes),
        notes=tuple(note for result in results for note in result.notes),
        files=tuple(sorted({file for result in results for file in result.files})),
    )


def _known_parts(what: Collection[str]) -> set[str]:
    unknown = sorted(set(what) - set(PARTS))
    if unknown:
        raise ConfigError(
            "Unknown part of the prices",
            found=", ".join(unknown),
            expected=", ".join(PARTS),
            fix="name only these",
        )
    return set(what)


def _refresh_tokens(seeds_dir: Path, today: date, seen_models: Iterable[tuple[str, str]]) -> PriceChanges:
    try:
        from ingest.prices.model_aliases import MODEL_ALIASES_FILE, add_aliases, catalogue_aliases
        from ingest.prices.token_catalogue import EXPORTED_PROVIDERS, exported_providers, read_catalogue
    except ModuleNotFoundError as error:
        raise ConfigError(
            "The token price catalogue is not installed",
            found=str(error),
            fix="pip install 'inference-tco[prices]'",
        ) from error
    files = {name: seeds_dir / name for name in (TOKEN_PRICES_FILE, MODELS_FILE, MODEL_ALIASES_FILE)}
    before = {name: path.read_bytes() if path.exists() else b"" for name, path in files.items()}
    released = release_dates(read_models(files[MODELS_FILE]))
    catalogue = read_catalogue(retrieved_on=today, released=released)
    merged = merge_history(
        read_token_prices(files[TOKEN_PRICES_FILE]),
        catalogue.rows,
        today=today,
        undated=OPEN_START,
        subject=lambda key: (key.provider, key.model),
        covered=lambda key: key.provider in EXPORTED_PROVIDERS,
    )
    _refuse_overlaps(merged.rows, TOKEN_PRICES_FILE)
    rows, deprecated = _mark_deprecated(merged.rows, catalogue.rows)
    write_token_prices(files[TOKEN_PRICES_FILE], rows=rows)
    models = add_models(files[MODELS_FILE], catalogue_models=catalogue.models, prices=merged.rows)
    names = [*catalogue_aliases(exported_providers()), *seen_models]
    aliases = add_aliases(files[MODEL_ALIASES_FILE], names=names)
    return PriceChanges(
        changes=(*merged.changes, *models, *aliases),
        notes=(*deprecated, *(f"no price in the catalogue: {p}/{m}" for p, m in catalogue.without_price)),
        files=tuple(name for name, path in files.items() if path.read_bytes() != before[name]),
    )


def _mark_deprecated(
    rows: Iterable[TokenPrice], catalogue: Iterable[TokenPrice]
) -> tuple[list[TokenPrice], list[str]]:
    """Open rows take the catalogue's word on whether the model is being retired; no price moves by it."""
    flags = {(row.key.provider, row.key.model): row.is_deprecated for row in catalogue}
    marked, notes = [], set()
    for row in rows:
        model = (row.key.provider, row.key.model)
        flag = flags.get(model, row.is_deprecated)
        if row.valid_to is None and flag != row.is_deprecated:
            row = replace(row, is_deprecated=flag)
            notes.add(f"{'deprecated' if flag else 'no longer deprecated'}: {'/'.join(model)}")
        marked.append(row)
    return marked, sorted(notes)


def _refresh_aws(seeds_dir: Path, today: date, region: str, session: boto3.Session | None) -> PriceChanges:
    from ingest.prices.aws_pricing import PROVIDER, fetch_aws_offers

    known = read_instance_types(seeds_dir, provider=PROVIDER)
    names = read_gpu_names(seeds_dir)
    offers = fetch_aws_offers(region=region, today=today, known=known, names=names, session=session)
    return _merge_offers(seeds_dir, offers, today, PROVIDER, region)


def _refresh_gcp(
    seeds_dir: Path, today: date, region: str, client: billing_v1.CloudCatalogClient | None
) -> PriceChanges:
    from ingest.prices.gcp_catalog import PROVIDER, fetch_gcp_offers

    known = read_instance_types(seeds_dir, provider=PROVIDER)
    offers = fetch_gcp_offers(region=region, today=today, known=known, client=client)
    return _merge_offers(seeds_dir, offers, today, PROVIDER, region)


def _merge_offers(
    seeds_dir: Path, offers: list[GpuOffer], today: date, provider: str, region: str
) -> PriceChanges:
    """Merge one region's offers; ways of buying that the answer lacks altogether are left as they are."""
    channels = {offer.key.channel for offer in offers}

    def covered(key: OfferKey) -> bool:
        return key.provider == provider and key.region == region and key.channel in channels

    path = seeds_dir / GPU_OFFERS_FILE
    merged = merge_history(
        read_gpu_offers(path),
        offers,
        today=today,
        undated=OPEN_START,
        subject=lambda key: (key.provider, key.sku),
        covered=covered,
    )
    _refuse_overlaps(merged.rows, GPU_OFFERS_FILE)
    written = write_gpu_offers(path, offers=merged.rows)
    return PriceChanges(changes=merged.changes, files=(GPU_OFFERS_FILE,) if written else ())


def _refuse_overlaps(rows: Iterable[DatedPrice], file: str) -> None:
    """Two prices for one day would price usage twice: stop before the seed is written."""
    overlaps = overlapping_keys(rows)
    if overlaps:
        raise ConfigError(
            "Prices of one key overlap in time",
            where={"file": file},
            found="; ".join(overlaps[:3]),
            expected="at most one price per key and day",
            fix="correct valid_from and valid_to of these rows in the seed, then refresh again",
        )
