"""Assets of what readers see: the published snapshot and the statements made from it."""

from collections.abc import Sequence

import dagster as dg

from ingest.errors import ConfigError, GateError
from orchestration.close.chain import Event
from orchestration.close.month_close import close_once
from orchestration.notes import RunNotes
from orchestration.partitions import MONTHLY, month_of
from orchestration.publish.publisher import Publication
from orchestration.resources import Company
from orchestration.steps import publish_marts, write_statements

PUBLISHED = dg.AssetKey(["published", "marts"])
STATEMENTS = dg.AssetKey(["published", "statements"])
CLOSED = dg.AssetKey(["published", "closed_statement"])


def build_published_assets(marts: Sequence[dg.AssetKey]) -> list[dg.AssetsDefinition]:
    """The assets downstream of the marts."""

    @dg.asset(
        key=PUBLISHED,
        deps=list(marts),
        group_name="published",
        kinds={"duckdb", "parquet"},
        description="The snapshot readers see: marts.duckdb and Parquet, in place in one atomic step.",
    )
    def published_marts(company: Company, notes: dg.ResourceParam[RunNotes]) -> dg.MaterializeResult:
        return dg.MaterializeResult(metadata=publication_metadata(publish_marts(company.settings, notes)))

    @dg.asset(
        key=STATEMENTS,
        deps=[PUBLISHED],
        group_name="published",
        kinds={"html", "csv"},
        description="The monthly statements of every published period; changed ones are written anew.",
    )
    def statements(company: Company, notes: dg.ResourceParam[RunNotes]) -> dg.MaterializeResult:
        changed = notes.publication.changed_periods if notes.publication else ()
        pages = write_statements(company.settings, notes, changed=changed)
        return dg.MaterializeResult(metadata={"pages": [str(page) for page in pages], "changed": list(changed)})

    return [published_marts, statements]


@dg.asset(
    key=CLOSED,
    partitions_def=MONTHLY,
    group_name="published",
    kinds={"html", "csv"},
    description="A closed month: its statement and marts, frozen for good and chained by hash to the close before.",
)
def closed_statement(context: dg.AssetExecutionContext, company: Company) -> dg.MaterializeResult:
    """Close the month as `tco close` does; refused while gates or reconciliation fail, and never forced."""
    try:
        event = close_once(company.settings, month_of(context.partition_key))
    except (GateError, ConfigError) as error:
        raise dg.Failure(description=str(error), allow_retries=False) from error
    return dg.MaterializeResult(metadata=closing_metadata(event))


def closing_metadata(event: Event) -> dict[str, dg.MetadataValue]:
    """Event, hash and folder of a close, and the month's money by currency and basis."""
    return {
        "event": dg.MetadataValue.int(event.manifest.sequence),
        "hash": dg.MetadataValue.text(event.hash),
        "folder": dg.MetadataValue.path(str(event.folder)),
        "files": dg.MetadataValue.int(len(event.manifest.files)),
        "money_out": dg.MetadataValue.json(event.manifest.facts["totals"]),
    }


def publication_metadata(publication: Publication) -> dict[str, dg.MetadataValue]:
    """Snapshot, rows, money out per billing period, load ids of what went in."""
    record = publication.record
    document = record.model_dump(mode="json")
    return {
        "snapshot": dg.MetadataValue.text(record.snapshot_id),
        "is_new": dg.MetadataValue.bool(publication.is_new),
        "content_hash": dg.MetadataValue.text(record.content_hash),
        "dagster/row_count": dg.MetadataValue.int(sum(mart.rows for mart in record.marts.values())),
        "money_out": dg.MetadataValue.json(document["totals"]),
        "changed_periods": dg.MetadataValue.json(list(publication.changed_periods)),
        "load_ids": dg.MetadataValue.json(sorted({item.load_id for item in record.inputs})),
    }
