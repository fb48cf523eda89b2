"""Rows of Google Cloud's detailed billing export: the lake schema, and SQL that types newline JSON into it.

Format: billing.md 3.1 (BigQuery table ``gcp_billing_export_resource_v1_<ACCOUNT>`` exported as newline
JSON). BigQuery writes NUMERIC as JSON text and FLOAT64 as JSON numbers; both reach DECIMAL(38,18) digit by
digit. This module holds SQL only; reading, checking and committing files is ``ingest.sources.gcp``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from ingest.sources.json_lines import RowRule, guarded, quoted_numbers
from ingest.sql_casts import decimal_from_text

MONEY: Final = "DECIMAL(38,18)"
_LABELS: Final = [{"key": "VARCHAR", "value": "VARCHAR"}]

#: Lake column -> DuckDB type; a mapping is a STRUCT, a one-element list is an array of that element.
LAKE_SCHEMA: Final[Mapping[str, Any]] = {
    "billing_account_id": "VARCHAR",
    "invoice": {"month": "VARCHAR"},
    "cost_type": "VARCHAR",
    "service": {"id": "VARCHAR", "description": "VARCHAR"},
    "sku": {"id": "VARCHAR", "description": "VARCHAR"},
    "usage_start_time": "TIMESTAMP",
    "usage_end_time": "TIMESTAMP",
    "project": {
        "id": "VARCHAR",
        "number": "VARCHAR",
        "name": "VARCHAR",
        "labels": _LABELS,
        "ancestry_numbers": "VARCHAR",
    },
    "labels": _LABELS,
    "system_labels": _LABELS,
    "location": {"location": "VARCHAR", "country": "VARCHAR", "region": "VARCHAR", "zone": "VARCHAR"},
    "resource": {"name": "VARCHAR", "global_name": "VARCHAR"},
    "tags": [{"key": "VARCHAR", "value": "VARCHAR", "inherited": "BOOLEAN", "namespace": "VARCHAR"}],
    "price": {
        "effective_price": MONEY,
        "tier_start_amount": MONEY,
        "unit": "VARCHAR",
        "pricing_unit_quantity": MONEY,
    },
    "cost": MONEY,
    "cost_at_list": MONEY,
    "currency": "VARCHAR",
    "currency_conversion_rate": MONEY,
    "usage": {
        "amount": MONEY,
        "unit": "VARCHAR",
        "amount_in_pricing_units": MONEY,
        "pricing_unit": "VARCHAR",
    },
    "credits": [
        {"id": "VARCHAR", "full_name": "VARCHAR", "type": "VARCHAR", "name": "VARCHAR", "amount": MONEY}
    ],
    "adjustment_info": {"id": "VARCHAR", "description": "VARCHAR", "mode": "VARCHAR", "type": "VARCHAR"},
    "export_time": "TIMESTAMP",
    "transaction_type": "VARCHAR",
    "seller_name": "VARCHAR",
}

#: Top-level keys that Google documents; the last four are not kept. Any other key is worth a note.
KNOWN_KEYS: Final = frozenset(LAKE_SCHEMA) | {
    "subscription",
    "consumption_model",
    "cost_at_effective_price_default",
    "cost_at_list_consumption_model",
}
REQUIRED_COLUMNS: Final = (
    "billing_account_id",
    "invoice",
    "service",
    "sku",
    "usage_start_time",
    "usage_end_time",
    "cost",
    "currency",
    "credits",
)

_MONTH: Final = r"\d{4}(0[1-9]|1[0-2])"
_A_TIME: Final = "a time such as 2026-05-01 00:00:00 UTC"


def sql_type(schema: Any) -> str:
    """The DuckDB type text of a schema entry."""
    if isinstance(schema, Mapping):
        return "STRUCT(" + ", ".join(f'"{name}" {sql_type(entry)}' for name, entry in schema.items()) + ")"
    if isinstance(schema, list):
        return f"{sql_type(schema[0])}[]"
    return schema


def month_text(partition: str) -> str:
    """``invoice.month`` of a partition: '2026-05' -> '202605'."""
    return partition.replace("-", "")


def typed_rows(source: str) -> str:
    """A SELECT of the lake columns, ``json``, ``kinds`` (JSON kinds of nested columns) and ``raw`` texts.

    What cannot be cast is NULL in the lake column and text in ``raw``; ``rules`` find it.

    Args:
        source: SQL relation with one column ``json`` holding one row's text.
    """
    shape = json.dumps({name: _as_text(entry) for name, entry in LAKE_SCHEMA.items()})
    paths = ", ".join(f"'$.{name}'" for name in _nested())
    columns = ", ".join(f'{_typed(f"raw.{name}", entry)} AS "{name}"' for name, entry in LAKE_SCHEMA.items())
    return (
        f"SELECT json, kinds, raw, {columns} FROM (SELECT json, json_type(json, [{paths}]) AS kinds,"
        f" json_transform({quoted_numbers('json')}, '{shape}') AS raw FROM {source})"
    )


def checked_columns(*, month: str | None) -> str:
    """The select list from ``typed_rows`` to the lake schema; a row with a problem raises an error."""
    first, *others = (f'"{name}"' for name in LAKE_SCHEMA)
    return ", ".join([guarded(first, rules(month=month)), *others])


def rules(*, month: str | None) -> list[RowRule]:
    """The rules of a row of ``typed_rows``.

    Args:
        month: the invoice month ('202605') every row must carry; None accepts any well-formed month.
    """
    month_rule = (
        f"raw.invoice.month IS DISTINCT FROM '{month}'" if month else _not("raw.invoice.month", _MONTH)
    )
    credit_rule = 'coalesce(len(list_filter("credits", lambda c: c.amount IS NULL)), 0) > 0'
    return [
        RowRule(
            "billing_account_id",
            "raw.billing_account_id",
            "coalesce(raw.billing_account_id, '') = ''",
            "an account id",
        ),
        RowRule("invoice.month", "raw.invoice.month", month_rule, month or "YYYYMM"),
        RowRule("currency", "raw.currency", _not("raw.currency", "[A-Z]{3}"), "a three-letter currency code"),
        RowRule("cost", "raw.cost", '"cost" IS NULL', "a number"),
        RowRule("usage_start_time", "raw.usage_start_time", '"usage_start_time" IS NULL', _A_TIME),
        RowRule("usage_end_time", "raw.usage_end_time", '"usage_end_time" IS NULL', _A_TIME),
        *(_kind_rule(index, name) for index, name in enumerate(_nested())),
        *(_leaf_rule(path, expected) for path, expected in _leaves()),
        RowRule(
            "credits[].amount", "json_extract(json, '$.credits')", credit_rule, "a number in every credit"
        ),
    ]


def _nested() -> list[str]:
    return [name for name, entry in LAKE_SCHEMA.items() if not isinstance(entry, str)]


def _as_text(schema: Any) -> Any:
    if isinstance(schema, Mapping):
        return {name: _as_text(entry) for name, entry in schema.items()}
    if isinstance(schema, list):
        return [_as_text(schema[0])]
    return "VARCHAR"


def _typed(value: str, schema: Any) -> str:
    """SQL of ``value`` (leaves as text) in the lake's type; what cannot be cast is NULL."""
    if isinstance(schema, list):
        changes = any(kind in sql_type(schema) for kind in ("DECIMAL", "BOOLEAN"))
        return f"list_transform({value}, lambda item: {_typed('item', schema[0])})" if changes else value
    if isinstance(schema, Mapping):
        if "DECIMAL" not in sql_type(schema) and "BOOLEAN" not in sql_type(schema):
            return value
        leaves = ", ".join(f"'{name}': {_typed(f'{value}.{name}', entry)}" for name, entry in schema.items())
        return f"CASE WHEN {value} IS NOT NULL THEN {{{leaves}}} END"
    if schema == "TIMESTAMP":
        return _utc(value)
    if schema == MONEY:
        return decimal_from_text(value)
    return value if schema == "VARCHAR" else f"TRY_CAST({value} AS {schema})"


def _utc(text: str) -> str:
    """A time text as naive UTC. BigQuery writes ``… UTC``; other zones take the slower zone-aware cast."""
    return (
        f"CASE WHEN suffix({text}, 'UTC') OR suffix({text}, 'Z') THEN TRY_CAST({text} AS TIMESTAMP)"
        f" ELSE CAST(TRY_CAST({text} AS TIMESTAMPTZ) AS TIMESTAMP) END"
    )


def _not(value: str, pattern: str) -> str:
    return f"NOT regexp_full_match(coalesce({value}, ''), '{pattern}')"


def _kind_rule(index: int, name: str) -> RowRule:
    kind = "ARRAY" if isinstance(LAKE_SCHEMA[name], list) else "OBJECT"
    bad = f"coalesce(kinds[{index + 1}], 'NULL') NOT IN ('{kind}', 'NULL')"
    return RowRule(name, f"json_extract(json, '$.{name}')", bad, f"a JSON {kind.lower()}")


def _leaves() -> list[tuple[str, str]]:
    """Numbers and times that may be missing but, when there, must be readable; with what is expected."""
    found = [("export_time", _A_TIME)]
    for name, schema in LAKE_SCHEMA.items():
        if isinstance(schema, Mapping):
            found += [(f"{name}.{leaf}", "a number") for leaf, kind in schema.items() if kind == MONEY]
        elif schema == MONEY and name != "cost":
            found.append((name, "a number"))
    return found


def _leaf_rule(path: str, expected: str) -> RowRule:
    typed = ".".join(f'"{part}"' for part in path.split("."))
    return RowRule(path, f"raw.{path}", f"raw.{path} IS NOT NULL AND {typed} IS NULL", expected)
