"""Rounding of a list of amounts to cents by largest remainder: the parts always add up to the rounded whole.

Belongs here: one-dimensional rounding and the smallest unit of each currency. Tables, where rows and
columns must both add up, are `controlled_rounding`. Everything is computed on exact fractions: no float, no
decimal context.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import TypeVar

Key = TypeVar("Key", str, tuple[str, ...])

# ISO 4217 minor units other than 2 for currencies cloud providers bill in.
_MINOR_UNITS = {
    "BHD": 3, "CLP": 0, "IDR": 2, "ISK": 0, "JOD": 3, "JPY": 0, "KRW": 0, "KWD": 3, "OMR": 3, "PYG": 0,
    "TND": 3, "UGX": 0, "VND": 0,
}  # fmt: skip


def currency_places(currency: str) -> int:
    """Decimal places a currency is printed with (ISO 4217 minor unit; 2 when the code is not listed)."""
    return _MINOR_UNITS.get(currency.upper(), 2)


def in_units(amount: Decimal, *, places: int) -> Fraction:
    """The amount as an exact number of smallest units (cents for `places` = 2)."""
    return Fraction(amount) * 10**places


def from_units(units: int, *, places: int) -> Decimal:
    """A whole number of smallest units back as an amount with exactly `places` decimals."""
    digits = tuple(int(digit) for digit in str(abs(units)))
    return Decimal((1 if units < 0 else 0, digits, -places))


def floor_units(units: Fraction) -> int:
    """Largest whole number not above `units`, for negative amounts too."""
    return units.numerator // units.denominator


def nearest_units(units: Fraction) -> int:
    """Nearest whole number; halves go away from zero, so a credit rounds as the charge it cancels."""
    size = floor_units(abs(units) + Fraction(1, 2))
    return size if units >= 0 else -size


def round_amount(amount: Decimal, *, places: int = 2) -> Decimal:
    """Round one amount to `places` decimals, halves away from zero."""
    return from_units(nearest_units(in_units(amount, places=places)), places=places)


def round_parts(
    parts: Mapping[Key, Decimal], *, places: int = 2, whole: Decimal | None = None
) -> dict[Key, Decimal]:
    """Round each part to `places` decimals so that the results sum to the rounded whole.

    Every part is taken down to its floor; the units still missing go one each to the parts with the largest
    remainders, equal remainders in key order (the largest-remainder or Hamilton method). Parts that are
    already whole units never change, and no part moves by a full unit.

    Args:
        parts: exact amounts by key; negative amounts are allowed.
        places: decimals of the result.
        whole: the rounded sum the parts must reach; the floor or the ceiling of the exact sum at `places`
        decimals.
            Default: the exact sum rounded to nearest.

    Raises:
        ValueError: `whole` cannot be reached by moving every part less than one unit.
    """
    units = {key: in_units(amount, places=places) for key, amount in parts.items()}
    floors = {key: floor_units(value) for key, value in units.items()}
    total = sum(units.values(), Fraction(0))
    goal = nearest_units(total) if whole is None else nearest_units(in_units(whole, places=places))
    missing = goal - sum(floors.values())
    ranked = sorted(
        (key for key in units if units[key] != floors[key]), key=lambda key: (floors[key] - units[key], key)
    )
    if not 0 <= missing <= len(ranked):
        raise ValueError(
            f"parts that sum to {float(total)} units cannot be rounded to {goal} units by less than one each"
        )
    for key in ranked[:missing]:
        floors[key] += 1
    return {key: from_units(value, places=places) for key, value in floors.items()}


def exact_sum(amounts: Iterable[Decimal]) -> Decimal:
    """Sum without the default context's 28 digits: amounts of DECIMAL(38, 18) add up exactly."""
    with localcontext(prec=100):
        return sum(amounts, Decimal(0))
