"""Why a change has its verdict, in one line."""

from __future__ import annotations

from interpmark.reports.gate.verdicts import Verdict


def reason_for(
    verdict: Verdict, worse: tuple[float, float, float], tolerance: float, p: float, detectable: float, alpha: float
) -> str:
    """Return the reason for a verdict on a tested difference.

    Args:
        verdict: The verdict.
        worse: The difference and its interval, positive where worse.
        tolerance: What it was held against.
        p: After Holm's correction.
        detectable: The smallest worsening that is caught four times out of five.
        alpha: Level of the comparison.

    """
    value, low, high = worse
    if value == low == high == 0:
        return "no example differs"
    moved = _moved(value, low, high)
    if verdict in ("regressed", "improved"):
        return f"{moved}, beyond the tolerance {tolerance:.3g}; p {p:.2g}"
    if verdict == "unchanged":
        return f"{moved}, within the tolerance {tolerance:.3g}"
    caught = f"the smallest worsening caught 4 times out of 5 is {detectable:.3g}"
    if abs(value) > tolerance and p > alpha:
        return f"{moved}, beyond the tolerance {tolerance:.3g}, but not significant (p {p:.2g}); {caught}"
    return f"{moved}, which reaches beyond the tolerance {tolerance:.3g}; {caught}"


def _moved(value: float, low: float, high: float) -> str:
    if value < 0:
        return f"better by {-value:.3g} [{-high:.3g}, {-low:.3g}]"
    return f"worse by {value:.3g} [{low:.3g}, {high:.3g}]"


def cost_reason(before: float, after: float, tolerance: float, verdict: Verdict, *, elsewhere: bool) -> str:
    """Return the reason for a verdict on a cost."""
    ratio = f"{after / before:.2g} times" if before else "from 0"
    if verdict == "unchanged":
        return f"{ratio}, within {tolerance:.3g}"
    why = "measured on another machine" if elsewhere else "one timing each, and no rule about it"
    return f"{ratio}; {why}" if verdict == "inconclusive" else f"{ratio}, beyond {tolerance:.3g}"
