"""A sweep: what a steerer's edit does at each of many strengths, kept for the curve of effect against damage."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from interpmark.reports.estimate import Estimate


@dataclass(frozen=True)
class SweepPoint:
    """One strength.

    towards: how far class 0's prompts move towards class 1's answers. away: how far class 1's prompts move towards
    class 0's. Both as `steering_effect`: 0 not at all, 2 as far as the classes are apart. damage: perplexity damage in
    nats per token.
    """

    strength: float
    towards: Estimate
    away: Estimate
    damage: Estimate


@dataclass(frozen=True)
class Sweep:
    """The points by ascending strength, and the strengths that were chosen on them for the two directions.

    Raises ValueError for fewer than two points, strengths that do not ascend, or a choice that is none of them.
    """

    points: tuple[SweepPoint, ...]
    chosen_towards: float | None = None
    chosen_away: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "points", tuple(self.points))
        strengths = [point.strength for point in self.points]
        if len(strengths) < 2:
            raise ValueError(f"a sweep has at least two strengths, not {len(strengths)}")
        if not all(math.isfinite(strength) for strength in strengths) or strengths != sorted(set(strengths)):
            raise ValueError(f"a sweep's strengths are finite and ascend; given: {strengths}")
        for chosen in (self.chosen_towards, self.chosen_away):
            if chosen is not None and chosen not in strengths:
                raise ValueError(f"the chosen strength {chosen} is none of the sweep's: {strengths}")

    @property
    def strengths(self) -> tuple[float, ...]:
        """The strengths, ascending."""
        return tuple(point.strength for point in self.points)


ESTIMATES = tuple(field.name for field in fields(SweepPoint) if field.name != "strength")
"""The names of a point's estimates."""
