"""FOCUS CSV (1.0 to 1.4, gzip or not) to checked Parquet, for every source that delivers FOCUS as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from ingest.bill_landing import DEFAULT_LIMITS, land_bill_csv
from ingest.csv_table import UnpackedCsv, read_header
from ingest.duckdb_session import EngineLimits, connect, file_list
from ingest.focus_table import FOCUS_TABLE
from ingest.lake import Landed
from ingest.landing import csv_relation, unpack


def convert_focus_csv(
    paths: Sequence[Path],
    dst_dir: Path,
    *,
    partition: str | None,
    names: Mapping[Path, str],
    only_partition: bool = False,
    limits: EngineLimits = DEFAULT_LIMITS,
) -> Landed:
    """Convert delivered FOCUS CSV files to ``part-*.parquet`` in ``dst_dir``; rows and money per currency.

    Args:
        paths: delivered files, gzip or plain, each with its own header.
        dst_dir: an empty folder; also holds the unpacked text for a while.
        partition: billing period 'YYYY-MM' all rows must belong to; None accepts any.
        names: how messages and the manifest call each path.
        only_partition: files hold several periods, take the rows of ``partition`` (see ``billing_months``).
        limits: memory and threads.

    Raises:
        DeliveryError: unreadable, duplicated or wrong rows; all findings, nothing is kept.
    """
    chunks = _unpacked(paths, dst_dir, names)
    return land_bill_csv(
        chunks,
        dst_dir,
        spec=FOCUS_TABLE,
        partition=partition,
        only_partition=only_partition,
        limits=limits,
    )


def billing_months(paths: Sequence[Path], scratch_dir: Path, *, names: Mapping[Path, str]) -> dict[str, int]:
    """Billing period 'YYYY-MM' -> rows in the files. Rows whose period cannot be read count under ''.

    Raises:
        DeliveryError: a file is unreadable.
    """
    start = FOCUS_TABLE.text_expression(FOCUS_TABLE.period_start)
    months: dict[str, int] = {}
    for chunk in _unpacked(paths, scratch_dir, names):
        month = f"coalesce(strftime({start}, '%Y-%m'), '')"
        query = f"SELECT {month}, count(*) FROM {csv_relation(chunk.header)} GROUP BY 1"
        with connect() as connection:
            rows = connection.execute(query, {"path": file_list([chunk.path])[0]}).fetchall()
        for month, count in rows:
            months[month] = months.get(month, 0) + count
        chunk.path.unlink()
    return dict(sorted(months.items()))


def _unpacked(paths: Sequence[Path], folder: Path, names: Mapping[Path, str]) -> list[UnpackedCsv]:
    chunks = []
    for number, path in enumerate(paths):
        target = folder / f"unpacked-{number:05d}.csv"
        source = unpack(path, target, name=names[path])
        chunks.append(UnpackedCsv(source, target, read_header(target, name=source.path, spec=FOCUS_TABLE)))
    return chunks
