"""The billing period value type."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from ingest.billing_period import BillingPeriod


def test_period_parses_and_prints_its_own_text():
    assert str(BillingPeriod.parse("2026-05")) == "2026-05"


@pytest.mark.parametrize("text", ["2026-13", "2026-5", "2026-05-01", "", "26-05", "2026-00"])
def test_period_refuses_other_texts(text):
    with pytest.raises(ValueError, match="YYYY-MM"):
        BillingPeriod.parse(text)


def test_period_is_half_open_over_the_year_end():
    december = BillingPeriod.parse("2026-12")
    assert december.end == BillingPeriod.parse("2027-01").start == datetime(2027, 1, 1, tzinfo=UTC)
    assert december.next().previous() == december
    assert datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC) in december
    assert december.end not in december


def test_period_of_an_aware_instant_is_taken_in_utc():
    new_york = timezone(timedelta(hours=-5))
    assert str(BillingPeriod.of(datetime(2026, 5, 31, 20, 0, tzinfo=new_york))) == "2026-06"
    assert str(BillingPeriod.of(date(2026, 5, 31))) == "2026-05"


def test_period_lists_its_days():
    days = BillingPeriod.parse("2028-02").days
    assert (len(days), days[-1]) == (29, date(2028, 2, 29))
