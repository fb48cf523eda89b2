"""Google Cloud's detailed billing export: exact amounts, months from rows, corrections, what is refused."""

import gzip
import hashlib
import json
from decimal import Decimal

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.duckdb_session import connect
from ingest.lake import Lake
from ingest.sources import gcp_billing_rows
from ingest.sources.gcp_billing_parquet import money_of
from ingest.sources.registry import build_source
from tests.unit.ingest.folder_deliveries import Inbox, billing_row, json_lines


@pytest.fixture
def inbox(tmp_path):
    return Inbox.below(tmp_path, "gcp_billing_export")


def with_cost_text(cost: str, **changes) -> str:
    """A row whose cost is a JSON number with exactly these digits."""
    return json.dumps(billing_row(cost="@", **changes)).replace('"@"', cost)


def findings(report):
    return [(item["line"], item["column"], item["found"]) for item in report.quarantined[0].mismatches]


def test_eighteen_digits_of_a_json_number_survive(inbox):
    inbox.put("rows.json", json_lines(with_cost_text("3.123456789012345678"), with_cost_text("1e-7")))
    inbox.load()
    assert inbox.money() == {"2026-05": Decimal("3.123456889012345678")}
    assert inbox.rows("2026-05", "cost, usage.amount")[0] == (Decimal("3.123456789012345678"), Decimal(3600))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.decimals("-99999999", "99999999", places=18, allow_nan=False), min_size=1, max_size=30))
def test_any_amount_is_read_as_written(amounts):
    texts = [with_cost_text(f"{amount:f}") for amount in amounts]
    typed = gcp_billing_rows.typed_rows("(SELECT unnest($texts) AS json)")
    with connect() as connection:
        found = connection.execute(f"SELECT cost FROM ({typed})", {"texts": texts}).fetchall()
    assert found == [(amount,) for amount in amounts]


def test_credits_lower_the_total_and_a_row_without_credits_keeps_its_cost(inbox):
    credits = [{"type": "PROMOTION", "amount": -0.1}, {"type": "FREE_TIER", "amount": "-0.2"}]
    inbox.put("rows.json", json_lines(billing_row(cost=1, credits=credits), billing_row(cost=2)))
    inbox.load()
    assert inbox.money() == {"2026-05": Decimal("2.7")}
    assert inbox.rows("2026-05", "len(credits)") == [(2,), (0,)]


def test_text_that_looks_like_json_stays_text(inbox):
    nasty = '":5, "cost":7 \\ <b>é🙂</b>\n=1+1'
    inbox.put("rows.json", json_lines(billing_row(labels=[{"key": "team", "value": nasty}])))
    inbox.load()
    assert inbox.rows("2026-05", "labels[1].value") == [(nasty,)]


def test_a_correction_lands_in_the_month_that_invoices_it(inbox):
    late = billing_row("202606", cost=-4, usage_start_time="2026-05-02 00:00:00 UTC")
    inbox.put("may.json", json_lines(billing_row(cost=4)))
    inbox.put("later.ndjson.gz", gzip.compress(json_lines(late, billing_row("202606", cost=3)).encode()))
    assert inbox.loaded() == ["2026-05", "2026-06"]
    assert inbox.money() == {"2026-05": Decimal(4), "2026-06": Decimal(-1)}


def test_an_appended_file_changes_only_its_month_and_nothing_is_loaded_twice(inbox):
    inbox.put("invoice_month=202605/000000000000.json", json_lines(billing_row()))
    inbox.put("invoice_month=202606/000000000000.json", json_lines(billing_row("202606")))
    assert inbox.loaded() == ["2026-05", "2026-06"]
    inbox.put("invoice_month=202606/000000000001.json", json_lines(billing_row("202606", cost=2)))
    assert inbox.loaded() == ["2026-06"]
    assert inbox.loaded() == []
    assert inbox.money() == {"2026-05": Decimal("1.5"), "2026-06": Decimal("3.5")}


def test_a_file_that_lost_a_month_leaves_it_empty(inbox):
    inbox.put("rows.json", json_lines(billing_row(), billing_row("202606")))
    inbox.load()
    inbox.put("rows.json", json_lines(billing_row("202606")))
    assert inbox.loaded() == ["2026-05", "2026-06"]
    assert inbox.rows("2026-05") == []
    assert inbox.loaded() == []


def test_a_file_that_is_gone_is_not_a_deletion(inbox):
    inbox.put("rows.json", json_lines(billing_row())).unlink()
    inbox.put("rows.json", json_lines(billing_row()))
    inbox.load()
    (inbox.folder / "rows.json").unlink()
    assert inbox.loaded() == []
    assert inbox.money() == {"2026-05": Decimal("1.5")}


def test_every_wrong_row_is_named_by_line_and_column(inbox):
    rows = [
        billing_row(cost="abc"),
        billing_row(currency=""),
        billing_row(credits={"amount": 1}),
        billing_row(credits=[{"amount": "x"}]),
        billing_row(labels=5),
        billing_row(usage={"amount": "1,5"}),
        billing_row(usage_start_time="yesterday"),
        billing_row(billing_account_id=None),
    ]
    inbox.put("rows.json", json_lines(billing_row(), "", *rows))
    report = inbox.load()
    assert report.committed == ()
    assert [(line, column) for line, column, _ in findings(report)] == [
        (3, "cost"),
        (4, "currency"),
        (5, "credits"),
        (6, "credits[].amount"),
        (7, "labels"),
        (8, "usage.amount"),
        (9, "usage_start_time"),
        (10, "billing_account_id"),
    ]


def test_rows_of_another_month_than_the_path_says_are_refused(inbox):
    inbox.put("invoice_month=202606/rows.json", json_lines(billing_row("202606"), billing_row("202605")))
    report = inbox.load()
    assert report.quarantined[0].partition == "2026-06"
    assert findings(report) == [(2, "invoice.month", "'202605'")]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "the file is empty"),
        (gzip.compress(json_lines(*[billing_row()] * 900).encode())[:-9], "truncated"),
        ((json_lines(billing_row()) + '{"cost": 1').encode(), "line 2"),
    ],
)
def test_a_broken_file_holds_back_the_months_it_fed_and_no_others(inbox, content, words):
    inbox.put("rows.json.gz", json_lines(billing_row(cost=7)))
    inbox.put("other.json", json_lines(billing_row("202606")))
    inbox.load()
    inbox.put("rows.json.gz", content)
    inbox.put("other.json", json_lines(billing_row("202606", cost=2)))
    report = inbox.load()
    assert [entry.partition for entry in report.quarantined] == ["2026-05"]
    assert words in report.quarantined[0].message
    assert inbox.money() == {"2026-05": Decimal(7), "2026-06": Decimal(2)}


def test_the_same_bytes_twice_are_refused(inbox):
    inbox.put("a.json", json_lines(billing_row()))
    inbox.put("b.json", json_lines(billing_row()))
    assert "delivered twice" in inbox.load().quarantined[0].message


def test_a_month_exported_twice_is_refused(inbox):
    first = [billing_row(cost=1), billing_row(cost=2)]
    inbox.put("monday.json", json_lines(*first))
    inbox.put("tuesday.json", json_lines(*first, billing_row(cost=5, export_time="2026-05-09 00:00:00 UTC")))
    entry = inbox.load().quarantined[0]
    assert "same export batch" in entry.message
    assert "monday.json" in entry.found


def test_shards_of_one_export_are_added_up(inbox):
    inbox.put("x_000000000000.json", json_lines(billing_row(cost=1), billing_row(cost=2)))
    inbox.put("x_000000000001.json", json_lines(billing_row(cost=4)))
    inbox.load()
    assert inbox.money() == {"2026-05": Decimal(7)}


def test_an_unknown_key_is_noted(inbox):
    inbox.put("rows.json", json_lines(billing_row(brand_new=1, subscription={"instance_id": "x"})))
    assert inbox.load().committed[0].manifest.notes == ("rows.json: new column brand_new is not kept",)


def export_parquet(inbox: Inbox, name: str, rows: str) -> bytes:
    """Rows as BigQuery exports them to Parquet: FLOAT64 is DOUBLE."""
    path = inbox.put(name, "")
    with duckdb.connect() as connection:
        connection.execute(
            f"""COPY (SELECT 'A' AS billing_account_id, {{'month': month}} AS invoice,
            {{'id': 's', 'description': 'x'}} AS service, {{'id': 'k', 'description': 'x'}} AS sku,
            TIMESTAMPTZ '2026-05-02 00:00:00+00' AS usage_start_time,
            TIMESTAMPTZ '2026-05-02 01:00:00+00' AS usage_end_time, cost::DOUBLE AS cost, 'USD' AS currency,
            [{{'type': 'PROMOTION', 'amount': credit::DOUBLE}}] AS credits,
            TIMESTAMPTZ '2026-05-03 00:00:00+00' AS export_time
            FROM (VALUES {rows}) AS t(month, cost, credit)) TO '{path}' (FORMAT parquet)"""
        )
    return path.read_bytes()


def test_parquet_of_one_month_lands_byte_for_byte(inbox):
    delivered = export_parquet(inbox, "a.parquet", "('202605', 0.1, -0.03), ('202605', 0.2, 0)")
    manifest = inbox.load().committed[0].manifest
    landed = Lake(inbox.settings.lake_dir).root / manifest.files[0].path
    assert landed.read_bytes() == delivered
    assert manifest.files[0].sha256 == hashlib.sha256(delivered).hexdigest()
    assert inbox.money() == {"2026-05": Decimal("0.27")}


def test_parquet_of_two_months_is_split(inbox):
    export_parquet(inbox, "a.parquet", "('202605', 0.1, 0), ('202606', 0.2, 0)")
    inbox.load()
    assert inbox.money() == {"2026-05": Decimal("0.1"), "2026-06": Decimal("0.2")}


def test_parquet_without_a_required_column_is_refused(inbox):
    with duckdb.connect() as connection:
        connection.execute(
            f"COPY (SELECT {{'month': '202605'}} AS invoice, 'x' AS cost) TO '{inbox.folder}/a.parquet'"
        )
    columns = [item["column"] for item in inbox.load().quarantined[0].mismatches]
    assert {"currency", "credits", "cost"} <= set(columns)


def test_wrong_rows_of_parquet_are_named_by_row(inbox):
    export_parquet(inbox, "a.parquet", "('202605', '1', '0'), ('202605', 'NaN', '0'), ('202605', '1', 'inf')")
    found = [(item["row"], item["column"]) for item in inbox.load().quarantined[0].mismatches]
    assert found == [(2, "cost"), (3, "credits[].amount")]


def test_a_truncated_parquet_is_refused(inbox):
    inbox.put("a.parquet", export_parquet(inbox, "a.parquet", "('202605', 0.1, 0)")[:-20])
    assert inbox.load().committed == ()


def test_net_cost_of_exact_parquet_is_exact():
    kinds = {"cost": "DECIMAL(38,18)", "credits": "STRUCT(amount DECIMAL(38,18))[]"}
    with duckdb.connect() as connection:
        row = (
            "SELECT 1.000000000000000001::DECIMAL(38,18) AS cost, [{'amount': -1::DECIMAL(38,18)}] AS credits"
        )
        assert connection.execute(f"SELECT {money_of(kinds)} FROM ({row})").fetchall() == [
            (Decimal("1e-18"),)
        ]


def test_check_counts_files_without_opening_them(inbox):
    inbox.put("a.json", "not json")
    source = build_source(inbox.settings.sources[0], inbox.settings)
    assert source.check() == [f"1 files, 0.0 MB below {inbox.folder}"]
