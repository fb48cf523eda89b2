"""Text to exact decimals and UTC times, compared with Python's own arithmetic."""

import os
import subprocess
import sys
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.duckdb_session import connect
from ingest.sql_casts import decimal_from_text, money_from_double, utc_from_text

REPO = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def session():
    with connect() as connection:
        yield connection


def cast(session, expression, value, kind="VARCHAR"):
    query = f"SELECT {expression} FROM (SELECT CAST(? AS {kind}) AS x)"
    return session.execute(query, [value]).fetchall()[0][0]


def test_sessions_and_their_cursors_are_in_utc_wherever_the_machine_stands():
    script = (
        "from ingest.duckdb_session import connect\n"
        "session = connect()\n"
        "query = \"SELECT current_setting('TimeZone')\"\n"
        "print(session.execute(query).fetchall(), session.cursor().execute(query).fetchall())"
    )
    environment = {**os.environ, "TZ": "America/New_York", "PYTHONPATH": str(REPO)}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True)
    assert done.stdout.strip() == "[('UTC',)] [('UTC',)]", done.stderr


@given(value=st.decimals(-(10**15), 10**15, places=18, allow_nan=False), style=st.sampled_from(["f", "E"]))
@settings(max_examples=300, deadline=None)
def test_decimal_text_is_read_exactly(session, value, style):
    text = format(value, style)
    assert cast(session, decimal_from_text("x"), text) == value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1.23e1", "12.3"),
        ("7.32E-7", "0.000000732"),
        ("-2.5", "-2.5"),
        ("12.", "12"),
        (".5", "0.5"),
        ("999999.999999999999", "999999.999999999999"),
        ("1000000.0000000000001", "1000000.0000000000001"),
        ("139.7067890123456789", "139.7067890123456789"),
    ],
)
def test_decimal_forms(session, text, expected):
    assert cast(session, decimal_from_text("x"), text) == Decimal(expected)


@pytest.mark.parametrize(
    "text", ["12,34", "1_000", "$5", "NaN", "Infinity", "0x10", "1e999", "a", "--1", "1 2"]
)
def test_text_that_is_no_number_is_null_or_an_error(session, text):
    assert cast(session, decimal_from_text("x"), text) is None
    with pytest.raises(Exception, match=r"Conversion|not a number"):
        cast(session, decimal_from_text("x", strict=True), text)


def test_digits_behind_the_eighteenth_are_rounded(session):
    exact = Decimal("1.2345678901234567E-7")
    rounded = exact.quantize(Decimal(1).scaleb(-18), rounding=ROUND_HALF_UP)
    assert cast(session, decimal_from_text("x"), "1.2345678901234567E-7") == rounded


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-05-01T00:00:00Z", datetime(2026, 5, 1)),
        ("2026-05-01T00:00:00.000Z", datetime(2026, 5, 1)),
        ("2026-05-01 00:00:00 UTC", datetime(2026, 5, 1)),
        ("2026-05-01 00:00:00", datetime(2026, 5, 1)),
        ("2026-05-01T00:00Z", datetime(2026, 5, 1)),
        ("2026-05-04T00:00", datetime(2026, 5, 4)),
        ("2026-05-31T20:00-05:00", datetime(2026, 6, 1, 1)),
        ("2026-06-01T00:00:00+0000", datetime(2026, 6, 1)),
        ("2026-06-01T00:00:00+05:30", datetime(2026, 5, 31, 18, 30)),
        ("2026-06-01", datetime(2026, 6, 1)),
        ("2026-05-01T00:00:00 Europe/Berlin", None),
        ("01/05/2026", None),
        ("2026-13-01T00:00:00Z", None),
        ("", None),
    ],
)
def test_times_are_taken_to_utc(session, text, expected):
    assert cast(session, utc_from_text("x"), text) == expected


@pytest.mark.parametrize(
    "text", ["2.4192", "0.1", "-0.30000000000000004", "1e-9", "123456.789", "98765432.1"]
)
def test_doubles_lose_their_binary_noise(session, text):
    money = cast(session, money_from_double("x"), float(text), "DOUBLE")
    assert (
        abs(money - Decimal(text)) <= Decimal("5e-17") if text.startswith("-0.3") else money == Decimal(text)
    )
