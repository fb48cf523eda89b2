"""Freshly landed files: flushed, hashed, counted and described before a manifest names them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb

from ingest.duckdb_session import metadata_session
from ingest.durable_files import sync_file
from ingest.errors import DeliveryError, TransientError
from ingest.landing import describe_parquet, parquet_rows
from ingest.manifest import Column, LakeFile


def file_sha256(path: Path) -> str:
    """SHA-256 of a file in hex."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def described_files(
    paths: Sequence[Path], *, home: Path, hashes: Mapping[Path, str], rows: int
) -> tuple[tuple[LakeFile, ...], tuple[Column, ...]]:
    """Flush the files and describe them as the lake will hold them.

    Args:
        paths: landed Parquet files of one schema.
        home: the folder they will lie in, relative to the lake.
        hashes: SHA-256 of the files that are already known.
        rows: the rows the adapter read; the files must hold exactly these.

    Raises:
        DeliveryError: the files differ in columns or do not hold the rows.
    """
    with metadata_session() as connection:
        counts = parquet_rows(connection, paths)
        columns = describe_parquet(connection, paths)
    if sum(counts.values()) != rows:
        raise DeliveryError(
            "the landed files do not hold the rows that were read",
            found=f"{sum(counts.values())} rows",
            expected=f"{rows} rows",
            fix="ingest again; if it stays, report the delivery",
        )
    files = []
    for path in paths:
        sync_file(path)
        stat = path.stat()
        name = (home / path.name).as_posix()
        digest = hashes.get(path) or file_sha256(path)
        files.append(LakeFile(name, stat.st_size, stat.st_mtime_ns, counts[path], digest))
    return tuple(files), tuple(Column(name, kind) for name, kind in columns)


@contextmanager
def reported_faults(key: tuple[str, str, str]) -> Iterator[None]:
    """Turn engine errors about unreadable input into DeliveryError, resource faults into TransientError.

    Args:
        key: (source, dataset, partition); empty texts where there is none.
    """
    where: dict[str, object] = {"source": key[0], "dataset": key[1], "partition": key[2]}
    fix = "deliver the files again, or correct them; the partition keeps its last good load"
    try:
        yield
    except (duckdb.OutOfMemoryException, duckdb.HTTPException, MemoryError) as error:
        what = "landing ran out of resources"
        raise TransientError(what, where=where, found=str(error), fix="ingest again") from error
    except (duckdb.Error, UnicodeError, ValueError, KeyError) as error:
        if "No space left" in str(error):
            what = "the disk is full"
            raise TransientError(
                what, where=where, found=str(error), fix="free some space; ingest again"
            ) from error
        raise DeliveryError("the delivery cannot be read", where=where, found=str(error), fix=fix) from error
    except OSError as error:
        what = "reading or writing failed"
        raise TransientError(what, where=where, found=str(error), fix="ingest again") from error
