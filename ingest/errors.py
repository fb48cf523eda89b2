"""The errors of the whole project: what happened, where, what was found and what was expected, and the fix.

``ConfigError``, ``DeliveryError`` and ``GateError`` are permanent: trying again without a change fails again.
``TransientError`` is worth a retry. Messages are built from the fields and carry no credentials.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

MAX_LISTED = 20


@dataclass(frozen=True, kw_only=True)
class Mismatch:
    """One place in a delivered file that breaks a rule.

    ``line`` counts from 1 and the header of a CSV is line 1; ``row`` counts the rows of a Parquet file from
    1.
    """

    file: str
    column: str
    found: str
    expected: str
    fix: str
    line: int | None = None
    row: int | None = None

    def __str__(self) -> str:
        number = (
            f" line {self.line}"
            if self.line is not None
            else f" row {self.row}"
            if self.row is not None
            else ""
        )
        place = f"{self.file}{number}"
        return f"{place}, column {self.column}: found {self.found}, expected {self.expected}"


class TcoError(Exception):
    """Base error.

    Args:
        what: what went wrong, one sentence without a full stop.
        where: file, line, column, key, source, partition … whatever locates it.
        found: what was there.
        expected: what should have been there.
        fix: what the reader does next.
        mismatches: every single finding when there are several (the message lists the first 20).
    """

    def __init__(
        self,
        what: str,
        *,
        where: Mapping[str, object] | None = None,
        found: str = "",
        expected: str = "",
        fix: str = "",
        mismatches: tuple[Mismatch, ...] = (),
    ) -> None:
        self.what = what
        self.where = dict(where or {})
        self.found = found
        self.expected = expected
        self.fix = fix
        self.mismatches = mismatches
        super().__init__(self._message())

    def _message(self) -> str:
        place = ", ".join(f"{key} {value}" for key, value in self.where.items() if value not in (None, ""))
        lines = [f"{self.what} ({place})" if place else self.what]
        lines += [f"  found: {self.found}"] if self.found else []
        lines += [f"  expected: {self.expected}"] if self.expected else []
        lines += [f"  - {mismatch}" for mismatch in self.mismatches[:MAX_LISTED]]
        if len(self.mismatches) > MAX_LISTED:
            lines.append(f"  - and {len(self.mismatches) - MAX_LISTED} more")
        lines += [f"  fix: {self.fix}"] if self.fix else []
        return "\n".join(lines)


class ConfigError(TcoError):
    """The configuration is wrong: a key, a value, a path or a missing credential."""


class DeliveryError(TcoError):
    """A delivery is malformed and will stay so until the provider delivers again: it goes to quarantine."""


class TransientError(TcoError):
    """The network, a throttle or a file that is being rewritten: try again."""


class GateError(TcoError):
    """A quality gate refused what was built; the published marts stay as they are."""
