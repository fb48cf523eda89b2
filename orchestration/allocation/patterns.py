"""Whether two matchers of rules can take the same value.

A matcher is a row of tokens: a character, ONE (any character) or MANY (any text). Two rows meet when some text satisfies both.
"""

from __future__ import annotations

ONE, MANY = object(), object()
Tokens = tuple[object, ...]


def tokens(match_type: str, value: str | None, *, ignores_case: bool) -> Tokens:
    """The tokens of a matcher; `*` and `?` mean something in a wildcard only."""
    text = (value or "").lower() if ignores_case else value or ""
    if match_type in ("any", "passthrough"):
        return (MANY,)
    if match_type == "wildcard":
        return tuple(MANY if sign == "*" else ONE if sign == "?" else sign for sign in text)
    return (*text, MANY) if match_type == "prefix" else tuple(text)


def can_meet(left: Tokens, right: Tokens) -> bool:
    """Whether some text satisfies both."""
    # literal heads are compared at once: the table is for the patterns behind them
    shared = 0
    while shared < min(len(left), len(right)) and MANY not in (left[shared], right[shared]):
        if not _same(left[shared], right[shared]):
            return False
        shared += 1
    left, right = left[shared:], right[shared:]
    # meets[j]: whether left from the current position and right from j can be the same text; positions from the end on
    meets = [all(token is MANY for token in right[j:]) for j in range(len(right) + 1)]
    for i in range(len(left) - 1, -1, -1):
        below = meets
        meets = [False] * len(right) + [left[i] is MANY and below[len(right)]]
        for j in range(len(right) - 1, -1, -1):
            if left[i] is MANY or right[j] is MANY:
                meets[j] = below[j] or meets[j + 1]
            else:
                meets[j] = below[j + 1] and _same(left[i], right[j])
    return meets[0]


def _same(left: object, right: object) -> bool:
    return ONE in (left, right) or left == right
