"""Evidence grades: how much of a figure stands on a bill, and how much on a model or an assumption.

A amount's grade is that of its charge; a statement shows its mix by cost and its worst grade.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from reporting.rounding import exact_sum

LEGEND = (
    ("A", "invoiced", "stands on a bill"),
    ("B", "metered", "reported by the vendor or measured, not invoiced yet"),
    ("C", "modelled", "computed from prices and measurements"),
    ("D", "assumed", "from the assumptions file"),
)
_GRADES = {evidence: grade for grade, evidence, _ in LEGEND}
UNGRADED = "D"


@dataclass(frozen=True)
class GradeShare:
    """Printed amount of one grade."""

    grade: str
    evidence: str
    amount: Decimal


@dataclass(frozen=True)
class EvidenceMix:
    """Amounts by grade, best first; `whole` is the sum of their sizes, so that credits do not hide cost."""

    shares: tuple[GradeShare, ...]
    whole: Decimal

    @property
    def worst(self) -> GradeShare | None:
        """The lowest grade that carries money."""
        carrying = [share for share in self.shares if share.amount]
        return carrying[-1] if carrying else None

    @property
    def grade(self) -> str:
        """Grade of the whole: the lowest grade down to which at least 95 % of the cost is covered."""
        covered = Decimal(0)
        for share in self.shares:
            covered += abs(share.amount)
            if covered * 100 >= self.whole * 95:
                return share.grade
        return self.shares[-1].grade if self.shares else "A"


def grade_of(evidence: str) -> str:
    """The letter of an evidence word; what has no word counts as assumed."""
    return _GRADES.get(evidence, UNGRADED)


def mix_of(amounts: Iterable[tuple[str, Decimal]]) -> EvidenceMix:
    """The mix of (evidence, printed amount) pairs."""
    sums: dict[str, list[Decimal]] = defaultdict(list)
    for evidence, amount in amounts:
        sums[evidence].append(amount)
    shares = [GradeShare(grade_of(evidence), evidence, exact_sum(parts)) for evidence, parts in sums.items()]
    shares.sort(key=lambda share: (share.grade, share.evidence))
    return EvidenceMix(tuple(shares), exact_sum(abs(share.amount) for share in shares))
