"""Google Cloud's detailed billing export from files: newline JSON, also gzip, or Parquet.

Format and rules: billing.md 3.1 and 6. The partition is ``invoice.month``, whatever folder a file lies in;
a path that names it (``invoice_month=202605/``) saves the scan, and the file's rows are then held to it.
The export only appends: late usage and corrections arrive as new rows, often under a later invoice month,
and land there. So all files of a month are added up; only the same bytes twice, or the same export batch
(account and export time with the same rows) in two files, is a month exported twice and refused.

JSON is typed into the lake schema (``gcp_billing_rows``); Parquet is landed byte for byte, or filtered when
a file holds several months. Money per currency: ``billed_cost`` = cost + sum of the row's credits.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import duckdb

from ingest.duckdb_session import file_list, session
from ingest.errors import DeliveryError
from ingest.lake import Landed
from ingest.landing import COPY_OPTIONS, count_and_money, describe_parquet, unpack
from ingest.manifest import SourceFile
from ingest.sources import gcp_billing_rows as rows
from ingest.sources.delivered_files import DeliveredFile, compression_of
from ingest.sources.file_memory import Contents
from ingest.sources.folder_source import FolderSource
from ingest.sources.gcp_billing_parquet import land_billing_parquet, money_of, months_of_parquet
from ingest.sources.json_lines import malformed, row_findings, unknown_keys
from ingest.sources.scan_room import ScanRoom
from ingest.sql_casts import literal

_INVOICE_MONTH = re.compile(r"(?:^|[/_-])invoice_month=(\d{4})-?(\d{2})(?=[/._-]|$)")
_PARQUET = ".parquet"


class GcpBillingExportSource(FolderSource):
    """Data set ``gcp_billing_detailed``: one partition per invoice month."""

    dataset = "gcp_billing_detailed"
    suffixes = (".json", ".jsonl", ".ndjson", ".json.gz", ".jsonl.gz", ".ndjson.gz", _PARQUET)
    has_whole_statements = False

    def scan(self, path: Path, *, name: str, room: ScanRoom) -> Contents:
        """Invoice months of a file; only a path that does not name the month is opened."""
        compression = compression_of(path)
        named = _INVOICE_MONTH.search(name)
        if named:
            return {f"{named[1]}-{named[2]}": ()}
        if path.suffix.lower() == _PARQUET:
            months = months_of_parquet(room.connection, path)
        else:
            months = _months_of_json(room, path, compression, name=name)
        bad = [month for month in months if not re.fullmatch(r"\d{4}(0[1-9]|1[0-2])", month)]
        if bad:
            raise DeliveryError(
                "rows without a readable invoice month",
                where={"file": name, "column": "invoice.month"},
                found=", ".join(repr(month) for month in bad[:5]),
                expected="YYYYMM in every row",
                fix="export the rows again with their invoice.month",
            )
        return {f"{month[:4]}-{month[4:]}": () for month in sorted(months)}

    def land(self, partition: str, files: tuple[DeliveredFile, ...], folder: Path) -> Landed:
        """Type and check the month's rows of all files; one Parquet file for each."""
        parts: list[Path] = []
        sources: list[SourceFile] = []
        notes: list[str] = []
        hashes: dict[Path, str] = {}
        with session(**asdict(self.limits), scratch=folder / "spill") as connection:
            for number, file in enumerate(files):
                target = folder / f"part-{number:05d}.parquet"
                if file.path.suffix.lower() == _PARQUET:
                    source, is_copy = land_billing_parquet(connection, file, target, partition=partition)
                    hashes |= {target: source.sha256} if is_copy else {}
                else:
                    source, remarks = _land_json(connection, file, target, partition=partition)
                    notes += remarks
                parts.append(target)
                sources.append(source)
            if not parts:
                parts.append(_empty(connection, folder / "part-00000.parquet"))
            refuse_repeated_batches(connection, parts, [file.name for file in files])
            money = {"billed_cost": money_of(dict(describe_parquet(connection, parts)))}
            count, totals = count_and_money(connection, parts, money, "currency")
        return Landed(tuple(parts), tuple(sources), count, totals, tuple(notes), hashes)


def refuse_repeated_batches(
    connection: duckdb.DuckDBPyConnection, parts: Sequence[Path], names: Sequence[str]
) -> None:
    """Check that no export batch stands in two files with the same rows.

    Args:
        connection: from ``connect``.
        parts: landed Parquet files of one month.
        names: what each was delivered as, in the same order.

    Raises:
        DeliveryError: naming both files and the batch.
    """
    if len(parts) < 2:
        return
    batches = " UNION ALL ".join(
        f"SELECT {number} AS part, billing_account_id, export_time, count(*) AS n,"
        " sum(CAST(hash(line) AS HUGEINT)) AS lines_hash"
        f" FROM read_parquet($part_{number}) AS line GROUP BY ALL"
        for number in range(len(parts))
    )
    query = (
        f"WITH batches AS ({batches})"
        " SELECT min(part), max(part), billing_account_id, export_time, n FROM batches"
        " WHERE export_time IS NOT NULL GROUP BY billing_account_id, export_time, n, lines_hash"
        " HAVING count(*) > 1 ORDER BY ALL LIMIT 1"
    )
    bound = {f"part_{number}": file_list([path])[0] for number, path in enumerate(parts)}
    for first, second, account, export_time, count in connection.execute(query, bound).fetchall():
        raise DeliveryError(
            "two files hold the same export batch",
            where={"file": names[second], "column": "export_time"},
            found=f"{count} rows of account {account} exported at {export_time}, also in {names[first]}",
            expected="every exported row once",
            fix="remove the older export of the month, so that its rows are not counted twice",
        )


def _months_of_json(room: ScanRoom, path: Path, compression: str, *, name: str) -> list[str]:
    query = (
        "SELECT DISTINCT coalesce(json ->> '$.invoice.month', '') AS month"
        f" FROM read_ndjson_objects($path, compression = {literal(compression)}) ORDER BY 1"
    )
    try:
        return [row[0] for row in room.connection.execute(query, {"path": file_list([path])[0]}).fetchall()]
    except duckdb.Error as error:
        text = room.scratch / "rows.ndjson"
        unpack(path, text, name=name)
        raise malformed(text, name=name, error=error) from error


def _land_json(
    connection: duckdb.DuckDBPyConnection, file: DeliveredFile, target: Path, *, partition: str
) -> tuple[SourceFile, list[str]]:
    """One JSON file to one Parquet file; what was read, and remarks on keys the lake does not know."""
    text = target.with_suffix(".ndjson")
    source = unpack(file.path, text, name=file.name)
    has_other_months = len(file.facts.contents) > 1
    month = rows.month_text(partition)
    typed = rows.typed_rows("read_ndjson_objects($path)")
    if has_other_months:
        typed += f" WHERE raw.invoice.month = {literal(month)}"
    bound = {"path": file_list([text])[0]}
    try:
        query = f"SELECT {rows.checked_columns(month=month)} FROM ({typed})"
        connection.execute(f"COPY ({query}) TO {literal(str(target))} ({COPY_OPTIONS})", bound)
    except duckdb.Error as error:
        findings = row_findings(
            connection,
            rows.typed_rows("read_ndjson_objects($path)"),
            rows.rules(month=None if has_other_months else month),
            path=text,
            name=file.name,
        )
        if not findings:
            raise malformed(text, name=file.name, error=error) from error
        raise DeliveryError(
            f"{len({finding.line for finding in findings})} rows break the rules of the detailed export",
            mismatches=findings,
            fix="export the rows again; nothing of the invoice month was loaded",
        ) from error
    unknown = unknown_keys(connection, text, known=rows.KNOWN_KEYS)
    text.unlink()
    return source, [f"{file.name}: new column {key} is not kept" for key in unknown]


def _empty(connection: duckdb.DuckDBPyConnection, target: Path) -> Path:
    """A month that was restated to nothing: the lake schema without rows."""
    nulls = ", ".join(
        f'CAST(NULL AS {rows.sql_type(kind)}) AS "{name}"' for name, kind in rows.LAKE_SCHEMA.items()
    )
    connection.execute(f"COPY (SELECT {nulls} LIMIT 0) TO {literal(str(target))} ({COPY_OPTIONS})")
    return target
