"""BigQuery's result envelope (``schema.fields[]``, ``rows[].f[].v``), turned into rows of text by DuckDB.

Scalars arrive as JSON strings and stay text; TIMESTAMP (microseconds since 1970) becomes ISO 8601 text in
UTC; RECORD becomes a JSON object with snake_case keys, REPEATED a JSON array. Source: BigQuery REST
reference, ``jobs.query`` with ``formatOptions.useInt64Timestamp``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from ingest.duckdb_session import file_list
from ingest.errors import DeliveryError
from ingest.sql_casts import literal, quoted

ROW_NUMBER = "x_row"
_WORD_START = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_MICROSECONDS = r"-?[0-9]{1,17}"


@dataclass(frozen=True)
class Field:
    """A column of the envelope, or a member of a record."""

    name: str
    type: str
    is_repeated: bool
    members: tuple[Field, ...]

    @classmethod
    def from_json(cls, field: dict[str, Any]) -> Field:
        """Read one entry of ``fields``."""
        members = tuple(cls.from_json(member) for member in field.get("fields", ()))
        return cls(field["name"], field["type"].upper(), field.get("mode") == "REPEATED", members)


def read_fields(connection: duckdb.DuckDBPyConnection, path: Path, *, name: str) -> tuple[Field, ...]:
    """The columns of an unpacked envelope.

    Raises:
        DeliveryError: not one JSON object with ``schema.fields`` and ``rows``, or a row of another width.
    """
    query = (
        "SELECT count(*), any_value(schema -> '$.fields'), any_value(json_type(rows)),"
        f" any_value(list_filter({_cells('rows')}, lambda r: len(r.f) IS DISTINCT FROM"
        " json_array_length(schema, '$.fields'))[1])"
        f" FROM {_document(path)}"
    )
    try:
        count, fields, kind, odd = connection.execute(query, _bound(path)).fetchall()[0]
        parsed = tuple(Field.from_json(field) for field in json.loads(fields)) if fields else ()
    except (duckdb.Error, KeyError, TypeError, AttributeError) as error:
        raise _not_an_envelope(name, str(error)) from error
    if count != 1 or not parsed or kind not in ("ARRAY", "NULL", None):
        raise _not_an_envelope(name, f"{count} documents, {len(parsed)} columns, rows: {kind}")
    if odd is not None:
        raise _not_an_envelope(name, f"a row with {len(odd['f'] or ())} cells for {len(parsed)} columns")
    return parsed


def text_rows(fields: Sequence[Field], path: Path) -> str:
    """SQL of the envelope's rows (bound ``$path``): each column as text under its name, and ``x_row``."""
    columns = ", ".join(
        f"{_column(field, f'r.f[{position}].v')} AS {quoted(field.name)}"
        for position, field in enumerate(fields, 1)
    )
    return (
        f"SELECT {columns}, {ROW_NUMBER} FROM (SELECT unnest(cells) AS r, generate_subscripts(cells, 1) AS"
        f" {ROW_NUMBER} FROM (SELECT {_cells('rows')} AS cells FROM {_document(path)}))"
    )


def _document(path: Path) -> str:
    size = max(path.stat().st_size + 1024, 16 * 1024**2)
    return (
        "read_json($path, format = 'unstructured', columns = {schema: 'JSON', rows: 'JSON'},"
        f" maximum_object_size = {size})"
    )


def _bound(path: Path) -> dict[str, str]:
    return {"path": file_list([path])[0]}


def _cells(rows: str) -> str:
    return f"""from_json({rows}, '[{{"f":[{{"v":"JSON"}}]}}]')"""


def _column(field: Field, value: str) -> str:
    """SQL of a column as text; ``value`` is its JSON."""
    if field.is_repeated or field.type == "RECORD":
        return f"CAST({_nested(field, value)} AS VARCHAR)"
    return _scalar(field, value)


def _scalar(field: Field, value: str) -> str:
    text = f"({value} ->> '$')"
    if field.type != "TIMESTAMP":
        return text
    instant = f"make_timestamp(CAST({text} AS BIGINT))"
    return (
        f"CASE WHEN regexp_full_match({text}, '{_MICROSECONDS}')"
        f" THEN strftime({instant}, '%Y-%m-%dT%H:%M:%S.%fZ') ELSE {text} END"
    )


def _nested(field: Field, value: str) -> str:
    """SQL of a record or an array as JSON; null stays null."""
    if field.is_repeated:
        item = _record(field, "item.v") if field.members else "item.v"
        array = f"""from_json({value}, '[{{"v":"JSON"}}]')"""
        return f"to_json(list_transform({array}, lambda item: {item}))"
    return _record(field, value)


def _record(field: Field, value: str) -> str:
    entries = ", ".join(
        f"{literal(_snake_case(member.name))}, {_member(member, f'json_extract({value}, {path})')}"
        for member, path in zip(field.members, _paths(len(field.members)), strict=True)
    )
    return f"CASE WHEN coalesce(json_type({value}), 'NULL') <> 'NULL' THEN json_object({entries}) END"


def _paths(count: int) -> list[str]:
    return [literal(f"$.f[{position}].v") for position in range(count)]


def _member(member: Field, value: str) -> str:
    if member.is_repeated or member.type == "RECORD":
        return _nested(member, value)
    return f"({value} ->> '$')"


def _snake_case(name: str) -> str:
    return _WORD_START.sub("_", name.removeprefix("x_")).lower()


def _not_an_envelope(name: str, found: str) -> DeliveryError:
    return DeliveryError(
        "the file is not a BigQuery result",
        where={"file": name},
        found=found[:500],
        expected="one JSON object with schema.fields and rows[].f[].v",
        fix="save the result of the query again, with formatOptions.useInt64Timestamp",
    )
