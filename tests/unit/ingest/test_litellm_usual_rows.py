"""LiteLLM's usual rows are read quickly: the same cells and the same digits as by the reading for any shape."""

import json
from decimal import Decimal

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.duckdb_session import connect
from ingest.sources import litellm_rows
from ingest.sources.litellm_usual_rows import usual_rows
from tests.unit.ingest.folder_deliveries import Inbox, json_lines
from tests.unit.ingest.test_litellm import DAY, log_row

LONG_NUMBERS = (
    "1234567.123456789012345678",
    "0.1000000000000000055511151231257827",
    "1234567890123456789012345.5",
    "7.32E-7",
    "12345678901234567890e-18",
    "0.0100000000",
)


@pytest.fixture
def inbox(tmp_path):
    return Inbox.below(tmp_path, "litellm")


@pytest.fixture(scope="module")
def connection():
    with connect() as opened:
        opened.execute("CREATE TABLE rows (json VARCHAR)")
        yield opened


def with_spend(text: str, **changes) -> str:
    """A row whose spend is written as ``text``."""
    return json.dumps(log_row(**changes)).replace('"spend": 0.029', f'"spend": {text}')


def cells(connection, row_text: str) -> tuple[tuple | None, tuple, bool]:
    """A row's cells by the reading for any shape (None: refused) and by the quick one, and whether it is unusual."""
    connection.execute("DELETE FROM rows")
    connection.execute("INSERT INTO rows VALUES (?)", [row_text])
    columns = ", ".join(litellm_rows.LAKE_SCHEMA)
    typed, usual = (make("(SELECT json FROM rows)", file="log") for make in (litellm_rows.typed_rows, usual_rows))
    try:
        exact = connection.execute(f"SELECT {columns} FROM ({typed})").fetchone()
    except duckdb.Error:
        exact = None
    *quick, is_unusual = connection.execute(f"SELECT {columns}, is_unusual FROM ({usual})").fetchone()
    return exact, tuple(quick), is_unusual


def rounded(text: str) -> Decimal:
    return Decimal(text).quantize(Decimal("1e-18")) if abs(Decimal(text)) < 10**20 else None


@pytest.mark.parametrize("text", LONG_NUMBERS)
@pytest.mark.parametrize(
    "order",
    [
        lambda row: row,
        lambda row: row.replace('"metadata": {', '"metadata": {"spend": 5, '),
        lambda row: '{"metadata": {"spend": 5}, ' + row[1:],
        lambda row: r'{"a \"spend": 7, ' + row[1:],
        lambda row: r'{"note": ", \"spend\": 7, {", ' + row[1:],
        lambda row: "{" + row[row.index('"spend"') :],
        lambda row: row.replace('"spend"', r'"\u0073pend"'),
        lambda row: row.replace('"spend": ', '"spend" :\t'),
    ],
    ids=["usual", "nested behind", "nested before", "key with quote", "in a text", "first", "escaped", "spaced"],
)
def test_spend_is_taken_digit_by_digit_wherever_it_stands(connection, text, order):
    exact, quick, is_unusual = cells(connection, order(with_spend(text)))
    spend = list(litellm_rows.LAKE_SCHEMA).index("spend")
    assert not is_unusual
    assert quick == exact
    assert quick[spend] == rounded(text)


@pytest.mark.parametrize("text", [number for number in LONG_NUMBERS if rounded(number) is not None])
def test_landed_spend_keeps_its_digits(inbox, text):
    inbox.put("log.jsonl", json_lines(log_row(1), with_spend(text, number=2)))
    inbox.load()
    assert inbox.money(column="spend") == {DAY: rounded(text) + Decimal("0.029")}


@pytest.mark.parametrize(
    "changes",
    [
        {"end_user": 1.50},
        {"session_id": {"id": 1}},
        {"model": ["a", {"b": 1}]},
        {"prompt_tokens": 1e3},
        {"request_tags": [{"env": 1}]},
        {"request_tags": '[{"env": 1}]'},
        {"request_tags": 7},
        {"metadata": json.dumps({"status": "failure", "attempted_retries": 3})},
        {"metadata": ["a"]},
        {"metadata": {"attempted_retries": 1.5}},
        {"metadata": {"usage_object": {"cache_read_input_tokens": 12.0}}},
    ],
    ids=str,
)
def test_a_row_of_another_shape_is_unusual_and_lands_as_before(connection, inbox, changes):
    row = json.dumps(log_row(2, **changes))
    exact, _, is_unusual = cells(connection, row)
    assert is_unusual
    inbox.put("log.jsonl", json_lines(log_row(1), row))
    inbox.load()
    landed = sorted(inbox.rows(DAY, ", ".join(litellm_rows.LAKE_SCHEMA)))[1]
    assert landed[:-1] == exact[:-1]


@pytest.mark.parametrize(
    "changes",
    [
        {"metadata": None},
        {"metadata": {}},
        {"request_tags": None},
        {"request_tags": "[]"},
        {"end_user": 42, "team_id": None},
        {"end_user": 12345678901234567890123456789},
        {"spend": "0.10"},
        {"cache_hit": True},
        {"endTime": f"{DAY}T12:00:00+02:00"},
        {"model": 'é\n"x": 1'},
        {"api_key": "12e4" * 16, "end_user": "4.1"},
    ],
    ids=str,
)
def test_rows_without_some_keys_or_with_other_texts_are_the_same_by_both_readings(connection, changes):
    exact, quick, is_unusual = cells(connection, json.dumps(log_row(**changes)))
    assert is_unusual or quick == exact


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**24), 10**24)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=6)
    | st.sampled_from(["1.5", "-0", "1e5", "success", "[1]", '{"a": 1}', f"{DAY}T23:30:00-05:00", "4.", ""]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["spend", "status", "attempted_retries", "x"]), inner, max_size=2)
    ),
    max_leaves=4,
)


@settings(max_examples=150, deadline=None)
@given(changes=st.dictionaries(st.sampled_from(sorted(log_row())), JSON_VALUES, max_size=4))
def test_a_row_of_any_cells_is_unusual_or_the_same_by_both_readings(connection, changes):
    exact, quick, is_unusual = cells(connection, json.dumps(log_row(**changes)))
    assert is_unusual or quick == exact


def test_a_file_of_usual_rows_is_read_by_the_quick_reading_alone(inbox, monkeypatch):
    def never(*_, **__):
        raise AssertionError("the reading for any shape")

    monkeypatch.setattr(litellm_rows, "typed_rows", never)
    monkeypatch.setattr(litellm_rows, "started_at", lambda: "error('the scan for any shape')")
    inbox.put("log.jsonl", json_lines(log_row(1), with_spend(LONG_NUMBERS[0], number=2)))
    assert inbox.loaded() == [DAY]
