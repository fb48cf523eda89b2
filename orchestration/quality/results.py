"""What a gate rule is and what came of it; knows neither Great Expectations nor Dagster.

Every rule is a truth about one number per row of a small frame: it must be 0 (violating rows of a
partition, a difference between two sums). So one failed row already says where and by how much.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Literal

Severity = Literal["error", "warn"]
Status = Literal["passed", "failed", "errored"]
EXAMPLES = 3


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One truth.

    Attributes:
        name: name of the check, a fact in snake_case.
        title: the truth as a sentence.
        fix: what the reader of a failure does next.
        severity: `error` blocks the run, `warn` only tells.
    """

    name: str
    title: str
    fix: str
    severity: Severity = "error"


@dataclass(frozen=True)
class Finding:
    """The number of one place.

    Attributes:
        place: where, in words.
        value: rows that break the rule (int) or an exact difference (Decimal); None when there is no value.
        said: what is wrong there: a sentence, or example rows.
    """

    place: str
    value: int | Decimal | None
    said: str | tuple[str, ...] = ()


@dataclass(frozen=True)
class Observation:
    """All numbers of one rule in one suite, or why there are none (`error`)."""

    suite: str
    rule: Rule
    findings: tuple[Finding, ...] = ()
    error: str = ""

    @property
    def name(self) -> str:
        """Suite and rule."""
        return f"{self.suite}.{self.rule.name}"


@dataclass(frozen=True, kw_only=True)
class RuleResult:
    """Outcome of one rule on one suite.

    Attributes:
        suite: what was checked: a lake data set or `marts`.
        rule: the rule's name.
        title: the rule's truth.
        status: `errored` means the rule could not be evaluated, which is not the same as failed.
        severity: the rule's severity.
        rows: rows that break the rule (for a difference: places where it is not 0).
        examples: up to three places, readable.
        message: one line: what is wrong, where, by how much; empty when passed.
        fix: what to do next.
    """

    suite: str
    rule: str
    title: str
    status: Status
    severity: Severity
    rows: int = 0
    examples: tuple[str, ...] = ()
    message: str = ""
    fix: str = ""

    @property
    def is_blocking(self) -> bool:
        """Whether this outcome stops the run."""
        return self.status != "passed" and self.severity == "error"

    @property
    def check(self) -> str:
        """Full name: suite and rule."""
        return f"{self.suite}.{self.rule}"


@dataclass(frozen=True, kw_only=True)
class GateReport:
    """All results of one border at one moment.

    Attributes:
        border: which gate.
        results: one per rule and suite.
        checked: partitions, billing periods or tests that were looked at.
        library_seconds: wall seconds the expectations library took, its import included; not in the record.
    """

    border: str
    results: tuple[RuleResult, ...]
    checked: int
    library_seconds: float = field(default=0.0, compare=False)
    at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def blocking(self) -> tuple[RuleResult, ...]:
        """Results that stop the run."""
        return tuple(result for result in self.results if result.is_blocking)

    @property
    def warnings(self) -> tuple[RuleResult, ...]:
        """Results that only tell."""
        return tuple(r for r in self.results if r.status != "passed" and not r.is_blocking)

    @property
    def is_passed(self) -> bool:
        """True when nothing blocks."""
        return not self.blocking

    def to_json(self) -> dict[str, Any]:
        """The JSON document of the report."""
        return {
            "border": self.border,
            "at": self.at.isoformat(),
            "checked": self.checked,
            "results": [asdict(result) | {"examples": list(result.examples)} for result in self.results],
        }

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> GateReport:
        """Read back what `to_json` wrote."""
        results = tuple(RuleResult(**item | {"examples": tuple(item["examples"])}) for item in document["results"])
        return cls(
            border=document["border"],
            results=results,
            checked=document["checked"],
            at=datetime.fromisoformat(document["at"]),
        )
