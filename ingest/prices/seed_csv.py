"""Reading and writing seed files: CSV with a header, LF line ends, the fewest quotes, rows in a fixed order.

The same rows always give the same bytes, so a refresh without changes leaves the file (and the git diff)
untouched, and a reader never meets half a file: the text is written beside the target and renamed over it.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path

from ingest.errors import ConfigError, Mismatch


def read_seed(path: Path, *, columns: Sequence[str]) -> list[dict[str, str]]:
    """Read a seed as text rows.

    Args:
        path: the CSV file; a missing file reads as no rows, so a first refresh can create it.
        columns: the columns that must be there (others are kept as they are).

    Raises:
        ConfigError: a column is missing or a row is longer or shorter than the header.
    """
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as stream:
        reader = csv.DictReader(stream)
        missing = [name for name in columns if name not in (reader.fieldnames or ())]
        if missing:
            raise ConfigError(
                "A seed file lacks columns",
                where={"file": path.name},
                found=", ".join(reader.fieldnames or ()),
                expected=", ".join(columns),
                fix=f"restore the column(s) {', '.join(missing)} or take the file from version control",
            )
        rows = list(reader)
    uneven = [number for number, row in enumerate(rows, 2) if None in row or None in row.values()]
    if uneven:
        raise ConfigError(
            "A seed file has rows with the wrong number of fields",
            where={"file": path.name, "line": uneven[0]},
            fix="quote fields that contain commas; each row needs as many fields as the header",
        )
    return rows


def write_seed(path: Path, *, columns: Sequence[str], rows: Iterable[Mapping[str, str]]) -> bool:
    """Write rows atomically; returns whether the bytes differ from what was there."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, fieldnames=list(columns), lineterminator="\n", extrasaction="raise")
    writer.writeheader()
    writer.writerows(rows)
    data = buffer.getvalue().encode("utf-8")
    if path.exists() and path.read_bytes() == data:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    with partial.open("wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    partial.replace(path)
    return True


def decimal_text(value: Decimal) -> str:
    """Plain decimal text without exponent and without trailing zeros: 1E+1 becomes 10, 0.50 becomes 0.5."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def parse_decimal(text: str, *, file: str, line: int, column: str) -> Decimal:
    """A number of a seed cell; raises ConfigError with the place when it is none."""
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite():
        mismatch = Mismatch(
            file=file,
            line=line,
            column=column,
            found=repr(text),
            expected="a number",
            fix="write a plain number",
        )
        raise ConfigError(
            "A seed holds text where a number belongs", mismatches=(mismatch,), fix=mismatch.fix
        )
    return value
