"""The text of a delivered log file as SQL: unpacked when it must be, its layout, and its rows.

Layouts: one object a line, a JSON array, objects over several lines, or pages of the spend API. A plain file
is read where it lies; gzip is unpacked first, bounded, and a byte order mark is cut off. Parquet of any
schema is read as JSON.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from ingest.duckdb_session import file_list
from ingest.landing import unpack
from ingest.sources.json_lines import quoted_numbers

PARQUET = ".parquet"
HEAD_BYTES = 64 * 1024
LARGEST_ROW_BYTES = 64 * 1024**2
USUAL_ROW_BYTES = 4 * 1024**2
READ_BLOCK_BYTES = 2 * USUAL_ROW_BYTES
_PAGE_HEAD = re.compile(rb'\{\s*("(total|page|page_size|total_pages)"\s*:\s*\d+\s*,\s*)*"data"\s*:\s*\[')
_NOT_PLAIN = (b"\x1f\x8b", b"\xef\xbb\xbf")
_AS_IT_LIES = "hive_partitioning = false, compression = 'uncompressed'"


@dataclass(frozen=True)
class LogText:
    """A readable file's rows as SQL that reads the file bound as ``$path``.

    Attributes:
        path: the delivered file, or its unpacked text.
        relation: one column ``json``, a row each.
        has_lines: every line is a row.
    """

    path: Path
    relation: str
    has_lines: bool = False

    @property
    def bound(self) -> dict[str, str]:
        """What the SQL needs."""
        return {"path": file_list([self.path])[0]}

    @property
    def quick_relation(self) -> str:
        """``relation`` for a file of plain lines of at most 4 MiB, read in small blocks by all threads.

        Lines come as text that nobody has parsed yet.
        """
        if not self.has_lines:
            return self.relation
        return (
            "SELECT json FROM read_csv($path, columns = {'json': 'VARCHAR'}, header = false, auto_detect = false,"
            " delim = '\x01', quote = '', escape = '', comment = '',"
            f" max_line_size = {USUAL_ROW_BYTES}, buffer_size = {READ_BLOCK_BYTES}, {_AS_IT_LIES})"
            " WHERE json IS NOT NULL"
        )

    @property
    def quick_starts(self) -> str:
        """One column ``startTime`` of a file of lines, as text; what is no JSON object raises an error."""
        return (
            "SELECT startTime FROM read_json($path, format = 'newline_delimited', records = true,"
            " columns = {'startTime': 'VARCHAR'},"
            f" maximum_object_size = {USUAL_ROW_BYTES}, {_AS_IT_LIES})"
        )


def is_parquet(path: Path) -> bool:
    """By the name."""
    return path.suffix.lower() == PARQUET


def log_text(path: Path, unpacked: Path, *, name: str) -> LogText:
    """The rows of a delivered file.

    Args:
        path: the delivered file.
        unpacked: where its text goes when it cannot be read where it lies.
        name: how messages call it.

    Raises:
        DeliveryError: empty, truncated, damaged or exploding.
    """
    if is_parquet(path):
        return LogText(path, "SELECT to_json(line) AS json FROM read_parquet($path) AS line")
    head = _head(path)
    if not head or head.startswith(_NOT_PLAIN):
        unpack(path, unpacked, name=name)
        path, head = unpacked, _head(unpacked)
    head = head.lstrip()
    layout = _layout(head)
    largest = path.stat().st_size + 1024 if layout == "unstructured" else LARGEST_ROW_BYTES
    objects = f"SELECT json FROM read_json_objects($path, format = '{layout}', maximum_object_size = {largest}, {_AS_IT_LIES})"
    if _PAGE_HEAD.match(head):
        # taken out of its page, a number would be written anew from a double
        pages = f"SELECT unnest(from_json({quoted_numbers('json')} -> '$.data', '[\"JSON\"]')) AS json FROM ({objects})"
        return LogText(path, pages)
    return LogText(path, objects, has_lines=layout == "newline_delimited")


def _head(path: Path) -> bytes:
    with path.open("rb") as handle:
        return handle.read(HEAD_BYTES)


def _layout(head: bytes) -> str:
    """DuckDB's name of the JSON layout: an array, one object a line, or objects over several lines."""
    if head.startswith(b"["):
        return "array"
    line, has_more, _ = head.partition(b"\n")
    try:
        json.loads(line)
    except ValueError:
        return "unstructured" if has_more and line.rstrip().endswith((b"{", b",")) else "newline_delimited"
    return "newline_delimited"
