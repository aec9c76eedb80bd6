"""One estimate out of several seeds' estimates."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from interpmark.reports.estimate import Estimate
from interpmark.reports.measures import MEASURES


def pool(estimates: Sequence[Estimate]) -> Estimate:
    """Return the mean over seeds with a 95 % interval; seeds that were not scored are left out.

    All seeds are scored on the same examples, so averaging does not shrink the sampling error of the examples: the
    interval's half-widths are the mean of the seeds' half-widths, joined in quadrature with the t half-width of the
    mean over seeds. When no seed was scored, the reason is the first one given, errors before others.
    Raises ValueError for no estimates or for different measures.
    """
    if len({estimate.measure for estimate in estimates}) != 1:
        raise ValueError(f"expected estimates of one measure, got {[e.measure for e in estimates]}")
    scored = [
        (e.value, e.low, e.high) for e in estimates if e.value is not None and e.low is not None and e.high is not None
    ]
    if not scored:
        return min(estimates, key=lambda e: e.status != "error")
    if len(scored) == 1:
        return next(e for e in estimates if e.value is not None)
    values = [value for value, _, _ in scored]
    mean = statistics.fmean(values)
    between = _half_width(values)
    below = math.hypot(statistics.fmean(value - low for value, low, _ in scored), between)
    above = math.hypot(statistics.fmean(high - value for value, _, high in scored), between)
    first = estimates[0]
    low, high = _within_bounds(first.measure, mean - below, mean + above)
    n = min(e.n for e in estimates if e.status == "ok")
    return Estimate(first.measure, mean, min(low, mean), max(high, mean), n, first.unit)


def _half_width(values: Sequence[float]) -> float:
    spread = statistics.stdev(values)
    if spread == 0:
        return 0.0
    from scipy.special import stdtrit

    return float(stdtrit(len(values) - 1, 0.975)) * spread / math.sqrt(len(values))


def _within_bounds(measure: str, low: float, high: float) -> tuple[float, float]:
    smallest, largest = MEASURES[measure].bounds if measure in MEASURES else (None, None)
    return (low if smallest is None else max(low, smallest), high if largest is None else min(high, largest))
