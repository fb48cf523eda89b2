"""Largest remainder and controlled rounding: parts always sum to the rounded whole, in both directions of a
table.
"""

from collections import defaultdict
from decimal import Decimal
from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reporting.controlled_rounding import round_leaves, round_table
from reporting.min_cost_flow import FlowNetwork
from reporting.rounding import currency_places, round_amount, round_parts

# Wide range, both signs, many decimals; halves and whole cents are frequent so that ties and fixed cells
# occur.
amounts = st.one_of(
    st.decimals(min_value=-(10**12), max_value=10**12, places=18, allow_nan=False),
    st.decimals(min_value=-3, max_value=3, places=3, allow_nan=False),
    st.sampled_from(
        [
            Decimal(text)
            for text in ("0", "0.005", "-0.005", "0.01", "-0.01", "0.0025", "0.003333333333333333")
        ]
    ),
)
keys = st.sampled_from("abcdefghij")
tables = st.dictionaries(st.tuples(keys, keys), amounts, min_size=1, max_size=40)
places = st.sampled_from([0, 2, 3])


def cents(text: str) -> Decimal:
    return Decimal(text)


def exact_sum(values) -> Fraction:
    return sum((Fraction(value) for value in values), Fraction(0))


def test_round_amount_takes_halves_away_from_zero_for_charges_and_credits():
    assert round_amount(Decimal("2.675")) == cents("2.68")
    assert round_amount(Decimal("-2.675")) == cents("-2.68")
    assert str(round_amount(Decimal("0"))) == "0.00"
    assert str(round_amount(Decimal("1234567890123456789.125"))) == "1234567890123456789.13"


def test_currency_places_follow_iso_4217():
    assert [currency_places(code) for code in ("USD", "eur", "JPY", "KWD")] == [2, 2, 0, 3]


def test_round_parts_gives_the_missing_cents_to_the_largest_remainders():
    third = Decimal("33.333333333333333333")
    assert round_parts({"a": third, "b": third, "c": Decimal("33.333333333333333334")}) == {
        "a": cents("33.33"), "b": cents("33.33"), "c": cents("33.34"),
    }  # fmt: skip


def test_round_parts_breaks_ties_in_key_order_whatever_the_insertion_order():
    parts = {"b": Decimal("0.005"), "a": Decimal("0.005")}
    assert (
        round_parts(parts)
        == round_parts(dict(reversed(parts.items())))
        == {"a": cents("0.01"), "b": cents("0.00")}
    )


def test_round_parts_refuses_a_whole_that_is_out_of_reach():
    with pytest.raises(ValueError, match="cannot be rounded"):
        round_parts({"a": Decimal("1.00")}, whole=Decimal("1.01"))


@given(st.dictionaries(keys, amounts), places)
def test_round_parts_sum_to_the_rounded_whole(parts, decimals):
    rounded = round_parts(parts, places=decimals)
    unit = Fraction(1, 10**decimals)
    total = exact_sum(parts.values())
    assert abs(exact_sum(rounded.values()) - total) <= unit / 2
    assert all(abs(Fraction(rounded[key]) - Fraction(parts[key])) < unit for key in parts)
    assert all(
        value == value.quantize(Decimal(1).scaleb(-decimals))
        for value in rounded.values()
        if abs(value) < 10**9
    )


@settings(max_examples=1000, deadline=None)
@given(tables, places)
def test_round_table_adds_up_in_rows_columns_and_total(cells, decimals):
    table = round_table(cells, places=decimals)
    unit = Fraction(1, 10**decimals)
    rows, columns = defaultdict(list), defaultdict(list)
    for key, amount in cells.items():
        rows[key[0]].append((amount, table.cells[key]))
        columns[key[1]].append((amount, table.cells[key]))
        change = Fraction(table.cells[key]) - Fraction(amount)
        assert abs(change) < unit
        assert (Fraction(table.cells[key]) / unit).denominator == 1
        assert change == 0 or (Fraction(amount) / unit).denominator != 1, "whole amounts stay as they are"
    for margins, printed in ((rows, table.rows), (columns, table.columns)):
        for key, pairs in margins.items():
            assert Fraction(printed[key]) == exact_sum(after for _, after in pairs)
            assert abs(Fraction(printed[key]) - exact_sum(before for before, _ in pairs)) < unit
    assert exact_sum(table.rows.values()) == exact_sum(table.columns.values()) == Fraction(table.total)
    assert abs(Fraction(table.total) - exact_sum(cells.values())) <= unit / 2
    assert Fraction(table.total) == Fraction(round_amount_exactly(exact_sum(cells.values()), decimals))


def round_amount_exactly(total: Fraction, decimals: int) -> Fraction:
    """Nearest, halves away from zero, written a second way."""
    shifted = abs(total) * 10**decimals
    size, rest = divmod(shifted, 1)
    size += rest >= Fraction(1, 2)
    return Fraction(size, 10**decimals) * (1 if total >= 0 else -1)


@given(tables)
def test_round_table_does_not_depend_on_the_order_of_its_cells(cells):
    assert round_table(cells) == round_table(dict(sorted(cells.items(), reverse=True)))


@given(st.dictionaries(keys, amounts, min_size=1))
def test_round_table_of_one_row_is_as_close_as_largest_remainder(parts):
    table = round_table({("row", key): amount for key, amount in parts.items()})
    by_remainder = round_parts(parts)

    def distance(rounded):
        return sum((Fraction(rounded[key]) - Fraction(parts[key])) ** 2 for key in parts)

    assert distance({key: table.cells["row", key] for key in parts}) == distance(by_remainder)
    assert table.total == sum(by_remainder.values())


small_tables = st.dictionaries(
    st.tuples(st.sampled_from("ab"), st.sampled_from("xyz")),
    st.decimals(min_value=-2, max_value=2, places=1, allow_nan=False),
    min_size=1,
)


@given(small_tables)
def test_round_table_is_the_closest_of_all_controlled_roundings(cells):
    def margins(values):
        rows, columns = defaultdict(Fraction), defaultdict(Fraction)
        for (row, column), value in values.items():
            rows[row] += Fraction(value)
            columns[column] += Fraction(value)
        return [
            *(((0, key), value) for key, value in rows.items()),
            *(((1, key), value) for key, value in columns.items()),
        ]

    exact = dict(margins(cells))
    goal = round_amount_exactly(exact_sum(cells.values()), 0)

    def distance(values):
        return sum((Fraction(values[key]) - Fraction(cells[key])) ** 2 for key in cells) + sum(
            (value - exact[key]) ** 2 for key, value in margins(values)
        )

    best = None
    choices = [sorted({Fraction(cells[key].__floor__()), Fraction(cells[key].__ceil__())}) for key in cells]
    for choice in product(*choices):
        candidate = dict(zip(cells, choice, strict=True))
        fits = all(abs(value - exact[key]) < 1 for key, value in margins(candidate))
        if fits and sum(choice) == goal:
            best = distance(candidate) if best is None else min(best, distance(candidate))
    assert best is not None
    assert distance(round_table(cells, places=0).cells) == best


@settings(deadline=None)
@given(
    st.dictionaries(
        st.tuples(st.sampled_from("abc"), st.sampled_from("xyz"), keys), amounts, min_size=1, max_size=40
    )
)
def test_round_leaves_sum_to_the_cells_of_their_table(leaves):
    cells = defaultdict(Fraction)
    for (row, column, _), amount in leaves.items():
        cells[row, column] += Fraction(amount)
    exact = {
        key: Decimal(int(value * 10**18)).scaleb(-18) for key, value in cells.items() if abs(value) < 10**9
    }
    kept = {key: amount for key, amount in leaves.items() if key[:2] in exact}
    table = round_table(exact)
    rounded = round_leaves(kept, table)
    sums = defaultdict(Fraction)
    for key, amount in rounded.items():
        assert abs(Fraction(amount) - Fraction(kept[key])) < Fraction(1, 100)
        sums[key[:2]] += Fraction(amount)
    assert sums == {key: Fraction(value) for key, value in table.cells.items()}


def test_round_table_keeps_the_diagonal_case_that_independent_margins_cannot_solve():
    table = round_table({("a", "x"): Decimal("0.005"), ("b", "y"): Decimal("0.005")})
    assert table.total == cents("0.01")
    assert sorted(table.cells.values()) == [cents("0.00"), cents("0.01")]


def test_flow_network_says_when_it_cannot_carry_the_units():
    network = FlowNetwork()
    network.add_arc("s", "t", capacity=1, cost=3)
    with pytest.raises(ValueError, match="carries 1 units, not 2"):
        network.send(2, source="s", sink="t")
