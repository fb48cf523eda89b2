"""What a mart holds, as numbers that can be compared: rows, money and a content hash per billing period.

The hash of a period is additive over rows and blind to their order: two independent 64-bit row hashes, each
summed. It covers every column by name and value and nothing else (no load time, no file order), so equal
inputs give equal hashes. It is DuckDB's own row hash, a hundred times faster than a text digest;
`ALGORITHM` names the version it belongs to, and a snapshot hashed by another one is rebuilt instead of
compared.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import duckdb

from ingest.sql_casts import literal, quoted

ALGORITHM = "duckdb-1.5 hash, two sums"
WHOLE = "all"
PERIOD_COLUMN = "billing_period"
CURRENCY_COLUMN = "billing_currency"
UNKNOWN_CURRENCY = "unknown"
MONEY_COLUMNS = ("billed_cost", "effective_cost", "list_cost", "contracted_cost", "amount", "cost")
LIST_PRICE_CURRENCY = "USD"

Money = dict[str, dict[str, Decimal]]


@dataclass(frozen=True)
class Column:
    """A mart column: name and DuckDB type."""

    name: str
    type: str


@dataclass(frozen=True)
class PeriodContent:
    """One billing period of one mart: rows, content hash, sums as {currency: {column or basis: amount}}."""

    rows: int
    content_hash: str
    money: Money


def mart_columns(con: duckdb.DuckDBPyConnection, *, catalog: str, schema: str) -> dict[str, tuple[Column, ...]]:
    """Columns of every table of a schema, by table name in order of their position."""
    # constants, not bound values: binding makes DuckDB import pandas, which costs more than a run without news
    rows = con.execute(
        f"""
        SELECT table_name, column_name, data_type
        FROM duckdb_columns()
        WHERE database_name = {literal(catalog)} AND schema_name = {literal(schema)} AND NOT internal
        ORDER BY table_name, column_index
        """
    ).fetchall()
    found: dict[str, list[Column]] = {}
    for table, name, type_name in rows:
        found.setdefault(table, []).append(Column(name=name, type=type_name))
    return {table: tuple(columns) for table, columns in found.items()}


def row_counts(con: duckdb.DuckDBPyConnection, *, table: str, columns: Sequence[Column]) -> dict[str, int]:
    """Rows per billing period (or under `all` for a table without one)."""
    period = _period_expression(columns)
    rows = con.execute(f"SELECT {period}, count(*) FROM {table} GROUP BY ALL").fetchall()
    return {key: int(count) for key, count in rows}


def period_contents(
    con: duckdb.DuckDBPyConnection,
    *,
    table: str,
    columns: Sequence[Column],
    periods: Sequence[str] | None = None,
) -> dict[str, PeriodContent]:
    """Rows, hash and money of each billing period of a table, in one pass.

    Args:
        con: connection that sees the table.
        table: qualified and quoted table name.
        columns: the table's columns; their order does not influence the hash.
        periods: only these billing periods; all when None. Ignored for a table without the column.

    Returns:
        {billing_period: PeriodContent}; a period without rows is missing. A table without a period is one
        entry, `all`.
    """
    names = {column.name for column in columns}
    restricted = periods is not None and PERIOD_COLUMN in names
    hashed = ", ".join(quoted(name) for name in sorted(names))
    sums = "".join(f", sum({quoted(name)})" for name in _money_columns(columns))
    query = f"""
        SELECT {_period_expression(columns)}, {_currency_expression(names)}, {_basis_expression(names)},
            count(*), sum(hash({hashed})), sum(hash('salt', {hashed})){sums}
        FROM {table}
        {f"WHERE {PERIOD_COLUMN} IN {bound(periods or ())}" if restricted else ""}
        GROUP BY ALL
    """
    rows = con.execute(query, list(periods or ()) if restricted else []).fetchall()
    return _by_period(rows, _money_columns(columns))


def bound(values: Sequence[str]) -> str:
    """The SQL list `(?, ?, ...)` with a place for each value; a constant list lets DuckDB skip row groups."""
    return f"({', '.join('?' for _ in values) or 'NULL'})"


def combined_hash(parts: dict[str, str]) -> str:
    """One hash over named hashes, independent of their order."""
    lines = "\n".join(f"{name}={value}" for name, value in sorted(parts.items()))
    return hashlib.sha256(lines.encode()).hexdigest()[:32]


def schema_hash(columns: Sequence[Column]) -> str:
    """Hash of a mart's column names and types."""
    return combined_hash({column.name: column.type for column in columns})


def _by_period(rows: Sequence[tuple], money_columns: Sequence[str]) -> dict[str, PeriodContent]:
    sums: dict[str, list[int]] = {}
    money: dict[str, Money] = {}
    for period, currency, basis, count, first, second, *amounts in rows:
        total = sums.setdefault(period, [0, 0, 0])
        for position, value in enumerate((count, first, second)):
            total[position] += int(value)
        if currency is None and all(amount is None for amount in amounts):
            continue  # rows without a price have no currency either: GPU time that no bill names
        by_column = money.setdefault(period, {}).setdefault(currency or UNKNOWN_CURRENCY, {}) if money_columns else {}
        for name, amount in zip(money_columns, amounts, strict=True):
            if amount is not None:
                by_column[basis or name] = by_column.get(basis or name, Decimal(0)) + amount
    return {
        period: PeriodContent(
            rows=total[0],
            content_hash=hashlib.sha256(":".join(map(str, total)).encode()).hexdigest()[:32],
            money=money.get(period, {}),
        )
        for period, total in sums.items()
    }


def _money_columns(columns: Sequence[Column]) -> list[str]:
    return [column.name for column in columns if column.name in MONEY_COLUMNS and column.type.startswith("DECIMAL")]


def _period_expression(columns: Sequence[Column]) -> str:
    has_period = any(column.name == PERIOD_COLUMN for column in columns)
    return PERIOD_COLUMN if has_period else f"'{WHOLE}'"


def _currency_expression(names: set[str]) -> str:
    return CURRENCY_COLUMN if CURRENCY_COLUMN in names else f"'{LIST_PRICE_CURRENCY}'"


def _basis_expression(names: set[str]) -> str:
    return "cost_basis" if "cost_basis" in names else "CAST(NULL AS VARCHAR)"
