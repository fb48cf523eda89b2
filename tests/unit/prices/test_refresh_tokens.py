"""The token part of the refresh on a copy of the real seeds: what it prints, keeps and writes."""

from __future__ import annotations

import shutil
import sys
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from token_pricing import SEEDS

from ingest.errors import ConfigError
from ingest.prices.refresh import refresh_prices
from ingest.prices.token_prices import TokenPrice, read_token_prices, write_token_prices

TODAY = date(2026, 11, 25)
PRICES = "prices/token_prices.csv"


@pytest.fixture
def seeds(tmp_path: Path) -> Path:
    shutil.copytree(SEEDS, tmp_path / "seeds")
    return tmp_path / "seeds"


def all_bytes(seeds: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((seeds / "prices").iterdir())}


def is_row(row: TokenPrice, model: str, usage_type: str, price_class: str = "standard") -> bool:
    return (row.key.model, row.key.usage_type, row.key.price_class) == (model, usage_type, price_class)


def test_seed_in_the_tree_is_what_a_refresh_writes(seeds: Path) -> None:
    before = all_bytes(seeds)
    result = refresh_prices(seeds, what={"tokens"}, today=TODAY)
    assert (result.added, result.changed, result.closed, result.removed, result.files) == (0, 0, 0, 0, ())
    assert all_bytes(seeds) == before
    assert any("google/gemma-3n" in note for note in result.notes), "models without a price are named"


def test_moved_price_is_printed_and_the_believed_one_kept(seeds: Path) -> None:
    rows = read_token_prices(seeds / PRICES)
    believed = [
        replace(r, price_usd=Decimal("2")) if is_row(r, "gpt-4o", "uncached_input") else r for r in rows
    ]
    write_token_prices(seeds / PRICES, rows=believed)
    result = refresh_prices(seeds, what={"tokens"}, today=TODAY)
    assert [c.line for c in result.changes] == [
        "changed openai/gpt-4o standard uncached_input: 2 -> 2.5 USD from 2026-11-25 (+25.0 %)"
    ]
    after = [r for r in read_token_prices(seeds / PRICES) if is_row(r, "gpt-4o", "uncached_input")]
    assert [(str(r.price_usd), r.valid_to, r.retrieved_on) for r in after] == [
        ("2", TODAY, date(2026, 11, 21)),
        ("2.5", None, TODAY),
    ]


def test_model_that_left_the_catalogue_is_closed_not_deleted(seeds: Path) -> None:
    rows = read_token_prices(seeds / PRICES)
    gone = [replace(r, key=replace(r.key, model="gpt-gone")) for r in rows if is_row(r, "gpt-4o", "output")]
    write_token_prices(seeds / PRICES, rows=[*rows, *gone])
    result = refresh_prices(seeds, what={"tokens"}, today=TODAY)
    assert [c.line for c in result.changes] == [
        "closed openai/gpt-gone standard output: 10 USD ends on 2026-11-25"
    ]


def test_new_model_gets_prices_a_model_row_and_aliases(seeds: Path) -> None:
    for name in ("token_prices.csv", "models.csv", "model_aliases.csv"):
        path = seeds / "prices" / name
        path.write_text("".join(line for line in path.open() if "gpt-6-astra" not in line))
    result = refresh_prices(seeds, what={"tokens"}, today=TODAY)
    lines = "\n".join(result.lines)
    assert result.added and not (result.changed or result.closed or result.removed)
    assert "added openai/gpt-6-astra standard output: " in lines
    assert "added model openai/gpt-6-astra (gpt-6, OpenAI)" in lines
    assert "added alias openai gpt-6-astra -> openai/gpt-6-astra" in lines


def test_name_seen_in_usage_becomes_an_alias(seeds: Path) -> None:
    seen = [("openai", "gpt-6-astra-2026-10-01"), ("openai", "my-new-model")]
    result = refresh_prices(seeds, what={"tokens"}, today=TODAY, seen_models=seen)
    assert [c.line for c in result.changes] == [
        "added alias openai gpt-6-astra-2026-10-01 -> openai/gpt-6-astra"
    ]


def test_overlapping_rows_stop_the_refresh_before_it_writes(seeds: Path) -> None:
    rows = read_token_prices(seeds / PRICES)
    foreign = next(replace(r, key=replace(r.key, provider="elsewhere")) for r in rows if r.valid_to is None)
    again = replace(foreign, valid_from=date(2026, 11, 1))
    write_token_prices(seeds / PRICES, rows=[*rows, foreign, again])
    before = all_bytes(seeds)
    with pytest.raises(ConfigError, match="overlap"):
        refresh_prices(seeds, what={"tokens"}, today=TODAY)
    assert all_bytes(seeds) == before


def test_broken_number_names_its_place(seeds: Path) -> None:
    path = seeds / PRICES
    lines = path.read_text().splitlines(keepends=True)
    lines[41] = lines[41].replace(",1000000,", ",1000000,oops", 1)
    path.write_text("".join(lines))
    with pytest.raises(ConfigError, match=r"token_prices.csv line 42, column price_usd"):
        refresh_prices(seeds, what={"tokens"}, today=TODAY)


def test_unknown_part_is_refused(seeds: Path) -> None:
    with pytest.raises(ConfigError, match="tokens, aws, gcp"):
        refresh_prices(seeds, what={"tokns"})


def test_missing_catalogue_says_how_to_install_it(seeds: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [n for n in sys.modules if n.startswith(("genai_prices", "ingest.prices.token_catalogue"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delitem(sys.modules, "ingest.prices.model_aliases", raising=False)
    monkeypatch.setitem(sys.modules, "genai_prices", None)
    with pytest.raises(ConfigError, match=r"inference-tco\[prices\]"):
        refresh_prices(seeds, what={"tokens"})
