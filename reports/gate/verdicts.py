"""A verdict on one measure of one cell: what changed, whether it matters, and whether it is real."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from interpmark.reports.estimate import Estimate
from interpmark.reports.measures import MEASURES, Direction
from interpmark.reports.paired import Difference
from interpmark.reports.scorecard import Role

Verdict = Literal["improved", "unchanged", "regressed", "inconclusive", "incomparable", "missing", "new"]

FAILING: tuple[Verdict, ...] = ("regressed", "missing")
"""Verdicts that make a gated change fail."""

# Tolerances are decimal and differences are binary: 0.52 - 0.50 is no more than 0.02.
_SLACK = 1e-9


@dataclass(frozen=True)
class Change:
    """What became of one measure of a method on a fixture, or of the cell as a whole.

    Attributes:
        method: The configured method.
        kind: Its kind.
        fixture: The fixture's name.
        role: Part of the table that the method belongs to.
        measure: Name of the measure; None for what befell the whole cell (missing, new, failed, other content).
        verdict: The verdict.
        reason: Why, in one line.
        gated: Whether it counts for the outcome.
        seeds: The seeds that both runs have.
        before: The estimate before, over these seeds.
        after: The estimate after.
        difference: After minus before, paired by example; of the distances to 1 where close to 1 is good.
        p: Its p after Holm's correction.
        tolerance: How much worse it may become, in the measure's unit.
        detectable: The smallest worsening that the gate catches four times out of five, in the measure's unit.

    """

    method: str
    kind: str
    fixture: str
    role: Role
    measure: str | None
    verdict: Verdict
    reason: str
    gated: bool
    seeds: tuple[int, ...] = ()
    before: Estimate | None = None
    after: Estimate | None = None
    difference: Difference | None = None
    p: float | None = None
    tolerance: float | None = None
    detectable: float | None = None

    @property
    def fails(self) -> bool:
        """Whether this change turns the gate red."""
        return self.gated and self.verdict in FAILING

    @property
    def direction(self) -> Direction:
        """Which way is good for the measure."""
        return "context" if self.measure is None else MEASURES[self.measure].direction(self.kind)


def judge(worse: float, low: float, high: float, tolerance: float, *, significant: bool) -> Verdict:
    """Return the verdict on a paired difference that is turned so that positive is worse.

    A regression is beyond the tolerance and significant: the estimate is held against the tolerance, the test against
    zero. (A test against the tolerance itself would let losses well above it pass whenever the sample is small; the
    price is that a true loss of just the tolerance is caught half of the time.) `unchanged` asks for more than "not
    significant": the whole interval lies within the tolerance on both sides. What is neither is `inconclusive`.

    Args:
        worse: The difference.
        low: Lower end of its 95 % interval.
        high: Upper end.
        tolerance: Not negative.
        significant: Whether the test, corrected for the other tests of the comparison, rejects "no difference".

    """
    limit = tolerance + _SLACK * max(tolerance, abs(worse))
    if significant and worse > limit and low > 0:
        return "regressed"
    if significant and worse < -limit and high < 0:
        return "improved"
    return "unchanged" if -limit <= low and high <= limit else "inconclusive"
