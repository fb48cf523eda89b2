"""Ten faults, one for each cause, in a clean month of API deliveries: found, named and valued; and nothing found without one.

The dollars that must be found are the injector's own, computed from the generator's facts.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from ingest.synthetic.api_month import ApiMonth, write_api_month
from ingest.synthetic.billed_faults import BILLED_FAULTS
from ingest.synthetic.faults import FAULTS, Fault
from tests.dbt.reconciled_month import CompiledMonth, Lake, build, compile_month, load
from tests.integration.shared_data import SHARED_DATA, deliver, needs_shared_data

BREAKS = "warehouse.marts.fct_reconciliation_breaks"
PERCENT = Decimal("0.01")
Reconcile = Callable[[Sequence[Fault]], tuple[ApiMonth, duckdb.DuckDBPyConnection]]
MODEL_IDS = {
    "gpt-4o-2024-08-06": "openai/gpt-4o",
    "gpt-4o-mini-2024-07-18": "openai/gpt-4o-mini",
    "text-embedding-3-small": "openai/text-embedding-3-small",
    "claude-sonnet-4-6": "anthropic/claude-sonnet-4-6",
    "claude-haiku-4-5-20251001": "anthropic/claude-haiku-4-5",
}


@pytest.fixture(scope="module")
def clean_month(tmp_path_factory: pytest.TempPathFactory) -> tuple[ApiMonth, Lake]:
    """A month without a fault, the log as JSON lines, all of it ingested."""
    folder = tmp_path_factory.mktemp("clean")
    month = write_api_month(folder / "month")
    return month, load(month.out, folder / "home")


@pytest.fixture(scope="module")
def compiled(clean_month: tuple[ApiMonth, Lake], tmp_path_factory: pytest.TempPathFactory) -> CompiledMonth:
    """The models, compiled against the lake of the clean month."""
    return compile_month(clean_month[1], tmp_path_factory.mktemp("dbt"))


@pytest.fixture
def reconcile(compiled: CompiledMonth, tmp_path: Path) -> Reconcile:
    """Writes a month with faults, ingests it and builds the mart."""

    def run(faults: Sequence[Fault]) -> tuple[ApiMonth, duckdb.DuckDBPyConnection]:
        month = write_api_month(tmp_path / "month", faults=faults, is_log_parquet=True)
        return month, build(compiled, load(month.out, tmp_path / "home"), month.invoices)

    return run


def found(con: duckdb.DuckDBPyConnection, fault: Fault) -> Decimal:
    """Dollars of a fault's cause at its target; what moves between days counts as it differs by day."""
    amount = "abs(gap)" if fault.cause == "time_zone_cut" else "gap"
    rows = con.execute(
        f"select sum({amount}) from {BREAKS} where cause = ? and coalesce(model_id, lower(service_provider_name)) = ?",
        [fault.cause, MODEL_IDS.get(fault.target, fault.target)],
    ).fetchall()
    return rows[0][0] or Decimal(0)


def others(con: duckdb.DuckDBPyConnection, faults: Sequence[Fault]) -> list[tuple]:
    """Breaks with another cause than the injected ones, and what nobody explains."""
    return con.execute(
        f"""select compared, cause, model_id, token_type, charge_date, gap from {BREAKS}
        where (is_break and not list_contains(?, cause)) or not is_explained""",
        [[fault.cause for fault in faults]],
    ).fetchall()


def test_a_clean_month_has_no_break(clean_month: tuple[ApiMonth, Lake], compiled: CompiledMonth) -> None:
    """Invoices are in cents, which is no break."""
    month, lake = clean_month
    con = build(compiled, lake, month.invoices)
    assert others(con, ()) == []
    rows = con.execute(f"select compared, cause, max(abs(gap)), bool_or(is_break) from {BREAKS} group by all").fetchall()
    assert [row[:2] for row in rows] == [("cost~invoice", "rounding")]
    assert rows[0][2] <= Decimal("0.005") and not rows[0][3]
    # the two sides were compared, and are not empty
    cells = con.execute("select count(*), sum(provider_cost), sum(original_cost) from warehouse.intermediate.int_gateway_cells")
    count, provider_cost, gateway_cost = cells.fetchall()[0]
    assert count > 300 and provider_cost == gateway_cost > 500


@pytest.mark.parametrize("cause", sorted(FAULTS))
def test_a_fault_is_named_and_valued(reconcile: Reconcile, cause: str) -> None:
    fault = FAULTS[cause]
    month, con = reconcile([fault])
    (injected,) = month.injected
    assert abs(injected) > Decimal("0.05")
    assert abs(found(con, fault) - injected) <= PERCENT * abs(injected)
    assert con.execute(f"select count(*) > 0 from {BREAKS} where is_break and cause = ?", [cause]).fetchall() == [(True,)]
    assert others(con, [fault]) == []
    assert inexact(con) == []


@pytest.mark.parametrize(
    "names",
    [
        ("bypassed_traffic", "double_recorded_call", "hidden_tokens", "cached_token_semantics"),
        ("failed_but_billed", "time_zone_cut", "service_tier_or_batch", "fx"),
        ("stale_price", "more_tokens_billed", "billed_as_batch", "rounding"),
        ("reads_priced_as_input", "uneven_output_billed", "billed_at_old_price", "billed_a_day_late"),
    ],
)
def test_faults_at_once_on_different_models_are_told_apart(reconcile: Reconcile, names: tuple[str, ...]) -> None:
    faults = [(FAULTS | BILLED_FAULTS)[name] for name in names]
    month, con = reconcile(faults)
    for fault, injected in zip(faults, month.injected, strict=True):
        assert abs(found(con, fault) - injected) <= PERCENT * abs(injected), fault.cause
    assert others(con, faults) == []
    assert inexact(con) == []


def test_samples_name_the_rows_behind_a_gap(reconcile: Reconcile) -> None:
    _, con = reconcile([FAULTS["double_recorded_call"], FAULTS["bypassed_traffic"]])
    rows = con.execute(f"select cause, any_value(sample_rows) from {BREAKS} where gap != 0 group by cause").fetchall()
    samples = {cause: json.loads(text) for cause, text in rows}
    assert all(1 <= len(sample) <= 3 for sample in samples.values())
    first, second = samples["double_recorded_call"][0]["request_id"].split(" = ")
    assert second == f"{first}-again"
    assert {"account", "api_key", "tokens"} <= set(samples["bypassed_traffic"][0])


def test_a_model_without_a_price_is_unpriced_and_no_break(compiled: CompiledMonth, tmp_path: Path) -> None:
    month = write_api_month(tmp_path / "month", has_unknown_model=True, is_log_parquet=True)
    con = build(compiled, load(month.out, tmp_path / "home"), month.invoices)
    rows = con.execute(
        f"""select model_id, cause, compared, count(gap), count(left_amount), min(right_amount) > 0, bool_or(is_break),
            bool_or(is_explained) from {BREAKS} where compared != 'cost~invoice' group by all"""
    ).fetchall()
    assert rows == [("openai/aurora-preview-1", "unpriced", "usage~cost", 0, 0, True, False, False)]


@needs_shared_data
def test_published_report_pages_reconcile(compiled: CompiledMonth, tmp_path: Path) -> None:
    """Pages as vendors document them: 52.00 and 18.90 USD of tokens at list price are what their cost reports say."""
    pages = {
        "openai": (
            "openai_usage_completions_grouped_page1", "openai_usage_completions_grouped_page2", "openai_costs_by_line_item",
        ),
        "anthropic": ("anthropic_usage_report_grouped", "anthropic_cost_report_by_description"),
        "litellm": ("litellm_spend_logs",),
    }
    for folder, names in pages.items():
        for name in names:
            deliver(SHARED_DATA / "llm" / "payloads" / f"{name}.json", tmp_path / "month" / folder / f"{name}.json")
    con = build(compiled, load(tmp_path / "month", tmp_path / "home"))
    computed = con.execute(
        "select service_provider_name, sum(list_cost) from warehouse.intermediate.int_provider_token_costs group by 1 order by 1"
    ).fetchall()
    assert computed == [("Anthropic", Decimal("18.9")), ("OpenAI", Decimal("52"))]
    causes = con.execute(f"select distinct compared, cause from {BREAKS} order by all").fetchall()
    assert causes == [("gateway~provider", "bypassed_traffic"), ("gateway~provider", "unpriced")]
    assert inexact(con) == []


def inexact(con: duckdb.DuckDBPyConnection) -> list[tuple]:
    """Cells whose causes do not sum exactly to their gap."""
    return con.execute(
        f"""select compared, charge_date, service_provider_name, account_id, model_id, token_type from {BREAKS}
        where cause != 'unpriced' group by all having any_value(right_amount) - any_value(left_amount) != sum(gap)"""
    ).fetchall()
