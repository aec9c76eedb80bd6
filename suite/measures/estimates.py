"""From an interval, or from the reason why there is none, to an estimate."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from interpmark.reports.estimate import Estimate
from interpmark.reports.intervals import Interval

Examples = dict[str, list[object]]
"""Per-example scores by name, one entry an example in the order of the split; plain Python numbers."""

Scored = tuple[list[Estimate], Examples]
"""What every measure returns."""


def clusters(groups: npt.NDArray[np.int64]) -> list[object]:
    """Entities or documents `[n]` as the small numbers that a scorecard keeps, 0, 1, ... in the order they appear in.

    Kept beside per-example scores: two runs can then be compared example by example, whole clusters at a time.
    """
    numbers: dict[int, int] = {}
    return [numbers.setdefault(group, len(numbers)) for group in groups.tolist()]


def estimate(measure: str, interval: Callable[[], Interval], n: int, unit: str | None = None) -> Estimate:
    """The estimate that `interval()` gives; "not scored" where the examples allow no interval.

    Inputs are checked before this is called, so a ValueError here is about the sample (a single entity, a denominator
    that may be zero) and not about a wrong argument.
    """
    try:
        return Estimate.scored(measure, interval(), n, unit)
    except ValueError as error:
        return Estimate.not_scored(measure, str(error), unit or "")
