"""Great Expectations in a process of its own answers as it does here, and a dead worker is no obstacle."""

from __future__ import annotations

from decimal import Decimal

from orchestration.quality.gx_bridge import judge
from orchestration.quality.gx_suite import Column, Outcome, evaluate
from orchestration.quality.gx_worker import GxWorker, current_worker, warm_worker
from orchestration.quality.results import Finding, Observation, Rule

COLUMNS = (
    Column("a.same", "error", (0, Decimal("0"), Decimal("0.000000000000000000"))),
    Column("a.differs", "error", (0, Decimal("-0.000000000000000001"))),
    Column("b.counts", "warn", (3, 0, 1)),
    Column("b.unknown", "error", (None, 0)),
)
OUTCOMES = [
    Outcome("a.same", "passed"),
    Outcome("a.differs", "failed", positions=(1,)),
    Outcome("b.counts", "failed", positions=(0, 2)),
    Outcome("b.unknown", "errored", message="no value", positions=(0,)),
]


def test_a_difference_in_the_last_digit_fails_and_a_missing_value_errs() -> None:
    assert evaluate(COLUMNS) == OUTCOMES


def test_the_worker_answers_the_same() -> None:
    worker = GxWorker()
    try:
        assert worker.evaluate(COLUMNS) == OUTCOMES
        assert worker.evaluate(COLUMNS[:1]) == OUTCOMES[:1]
    finally:
        worker.close()


def test_a_dead_worker_is_given_up_and_the_check_made_here() -> None:
    rule = Rule(name="r", title="t", fix="f")
    observation = Observation("s", rule, (Finding("2026-03", 2, ("row 1", "row 2")),))
    with warm_worker():
        worker = current_worker()
        assert worker is not None
        worker.close()
        results, _ = judge([observation])
    assert results[0].status == "failed"
    assert results[0].rows == 2
    assert results[0].examples == ("2026-03: row 1", "2026-03: row 2")
    assert current_worker() is None
