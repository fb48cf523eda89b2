"""The quick reading of usual SpendLogs rows: one parse of a row's text gives all its cells.

``litellm_rows.typed_rows`` quotes every number of a row before it parses it three times: right for every
shape, and three times slower. A usual row holds metadata as an object, tags as a list of texts, whole
counts, and texts where texts belong; its cells are the same whether or not its numbers were quoted, except
``spend``, whose digits are taken from the row's text. Any other row is marked ``is_unusual``: its file is to
be read by ``typed_rows``, so what is unusual costs time and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from ingest.sources import litellm_rows as rows
from ingest.sources.json_lines import RowRule, quoted_numbers
from ingest.sql_casts import literal

USUAL = RowRule("row", "NULL", "is_unusual", "a row of the usual shape")

_TAGS: Final = "request_tags"
_META: Final = "metadata"
_SPEND: Final = r'[,\s]"spend"\s*:\s*(-?[0-9][0-9.eE+-]*)'
_COUNTS: Final = re.compile("_tokens$|attempted_")
_FREE: Final = ("spend", "startTime", "endTime", "cache_hit")
_FRACTION: Final = "-0|-?[0-9]+[.eE][0-9.eE+-]*"


def usual_rows(relation: str, *, file: str) -> str:
    """A SELECT as ``typed_rows`` makes it, and ``is_unusual``: the row must be read by ``typed_rows``.

    Args:
        relation: SQL relation with one column ``json`` holding one row's text.
        file: the delivered file's name.
    """
    cells = {path: f"cells[{number}]" for number, path in enumerate(_paths(), 1)}
    listed = ", ".join(literal(f"$.{path}") for path in cells)
    parsed = f"SELECT json, json ->> [{listed}] AS cells FROM {relation}"
    raw = {name: cells[name] for name in rows.SHAPE if name not in (_TAGS, _META)} | {"spend": _spend()}
    opened = (
        f"SELECT json, {_struct(raw)} AS raw, {_struct(_nested(rows.METADATA_SHAPE, _META, cells))} AS meta,"
        f" {cells[_TAGS]} AS request_tags FROM ({parsed})"
    )
    return f"SELECT raw, meta, {_is_unusual()} AS is_unusual, {rows.lake_columns(file)} FROM ({opened})"


def _paths() -> Iterator[str]:
    """JSON paths of a row's cells."""
    yield from (name for name in rows.SHAPE if name != _META)
    yield from _leaves(rows.METADATA_SHAPE, _META)


def _leaves(shape: Mapping[str, Any], parent: str) -> Iterator[str]:
    for name, kind in shape.items():
        path = f"{parent}.{name}"
        yield from _leaves(kind, path) if isinstance(kind, Mapping) else (path,)


def _nested(shape: Mapping[str, Any], parent: str, cells: Mapping[str, str]) -> dict[str, Any]:
    """``shape`` with the SQL of its cells."""
    return {
        name: _nested(kind, f"{parent}.{name}", cells) if isinstance(kind, Mapping) else cells[f"{parent}.{name}"]
        for name, kind in shape.items()
    }


def _struct(fields: Mapping[str, Any]) -> str:
    pairs = (f"'{name}': {_struct(value) if isinstance(value, Mapping) else value}" for name, value in fields.items())
    return f"{{{', '.join(pairs)}}}"


def _spend() -> str:
    """SQL of the spend's digits.

    What stands between a row's first and second brace is not nested: a number behind the key is the row's own.
    Elsewhere (behind an object, in quotes) all numbers are quoted first.
    """
    digits = f"regexp_extract(split_part(json, '{{', 2), {literal(_SPEND)}, 1)"
    return f"coalesce(nullif({digits}, ''), {quoted_numbers('json')} ->> '$.spend')"


def _is_unusual() -> str:
    """SQL that is true where quoting the row's numbers might change a cell, or JSON stands in a text."""
    texts, counts = [], []
    for path in _paths():
        if path not in (*_FREE, _TAGS):
            cell = path.replace(_META, "meta") if path.startswith(_META) else f"raw.{path}"
            (counts if _COUNTS.search(path) else texts).append(cell)
    metadata = ", ".join(f"meta.{name}" for name in rows.METADATA_SHAPE if name != "usage_object")
    tests = (
        *(f"contains({cell}, '.') OR contains({cell}, 'e') OR contains({cell}, 'E')" for cell in counts),
        *(f"{cell} < ':' AND regexp_full_match({cell}, '{_FRACTION}')" for cell in texts),
        *(f"{cell} >= '{{' OR ({cell} >= '[' AND {cell} < '\\')" for cell in texts),
        "NOT coalesce(json_valid(request_tags) AND request_tags[1] = '[' AND NOT contains(request_tags, '{'),"
        " request_tags IS NULL)",
        f"CASE WHEN coalesce({metadata}) IS NULL"
        f" THEN coalesce(json_type(json, '$.{_META}'), 'NULL') NOT IN ('OBJECT', 'NULL') ELSE false END",
    )
    return f"CASE WHEN {' OR '.join(f'({test})' for test in tests)} THEN true ELSE false END"
